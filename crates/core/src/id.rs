//! Identifiers: random ids of chains, events and objects, member codes and registration numbers.

use std::fmt;
use std::str::FromStr;

use crate::digest::{HexError, hex, unhex_array};

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The 16 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<$name, HexError> {
                unhex_array(text.as_bytes()).map($name).ok_or(HexError { digits: 32 })
            }
        }
    };
}

random_id! {
    /// The random id that stands for a subject (an item, a case, a person, …) in the ledger: 16
    /// bytes, written as 32 lower-case hex digits (`docs/format/ledger.md`, Leaf).
    ChainId
}
random_id! {
    /// The random id of one event, written as 32 lower-case hex digits.
    EventId
}
random_id! {
    /// The random id of a sealed object in the vault, written as 32 lower-case hex digits.
    ObjectId
}

/// Text that is not an identifier of ours, and what one looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a member code.
    #[error(
        "{0:?} is not a member code: write 2 to 8 capital letters and digits, a letter first, such as UKR"
    )]
    MemberCode(String),
    /// Not an evidence registration number.
    #[error("{0:?} is not an evidence registration number: write it like UKR-000123-0000456")]
    Ern(String),
}

/// The short code of a member: 2 to 8 characters `A`–`Z` and `0`–`9`, a letter first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberCode {
    /// The code, padded with zero bytes, so that the order of bytes is the order of the codes.
    padded: [u8; 8],
}

impl MemberCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.padded.iter().position(|byte| *byte == 0).unwrap_or(8);
        std::str::from_utf8(&self.padded[..len]).unwrap_or_default()
    }
}

impl fmt::Display for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MemberCode {
    type Err = IdError;

    fn from_str(text: &str) -> Result<MemberCode, IdError> {
        let bytes = text.as_bytes();
        let well_formed = (2..=8).contains(&bytes.len())
            && bytes[0].is_ascii_uppercase()
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !well_formed {
            return Err(IdError::MemberCode(text.to_owned()));
        }
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        Ok(MemberCode { padded })
    }
}

/// An evidence registration number, such as `UKR-000123-0000456`: the member that brought the
/// item, the number of the intake (six digits) and the number of the item in it (seven digits).
///
/// The order is by member, then intake, then number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ern {
    member: MemberCode,
    intake: u32,
    number: u32,
}

impl Ern {
    /// The largest number of an intake.
    pub const MAX_INTAKE: u32 = 999_999;
    /// The largest number of an item in its intake.
    pub const MAX_NUMBER: u32 = 9_999_999;

    /// Makes a number; `None` when a part has more digits than there is room for.
    #[must_use]
    pub fn new(member: MemberCode, intake: u32, number: u32) -> Option<Ern> {
        (intake <= Ern::MAX_INTAKE && number <= Ern::MAX_NUMBER).then_some(Ern {
            member,
            intake,
            number,
        })
    }

    /// The member that brought the item.
    #[must_use]
    pub fn member(&self) -> MemberCode {
        self.member
    }

    /// The number of the intake.
    #[must_use]
    pub fn intake(&self) -> u32 {
        self.intake
    }

    /// The number of the item in its intake.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Display for Ern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{}-{:06}-{:07}",
            self.member, self.intake, self.number
        ))
    }
}

impl fmt::Debug for Ern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ern {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Ern, IdError> {
        parse_ern(text).ok_or_else(|| IdError::Ern(text.to_owned()))
    }
}

fn parse_ern(text: &str) -> Option<Ern> {
    let mut parts = text.split('-');
    let (member, intake, number) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Ern::new(member.parse().ok()?, digits(intake, 6)?, digits(number, 7)?)
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let all_digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}
