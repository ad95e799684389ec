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
    #[error(
        "{0:?} is not an evidence registration number: write it like UKR-000123-0000456, or UKR-000123-0000456.0001 for what is inside it"
    )]
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
/// What was found inside an item has the item's number and, for each container around it, its
/// place in that container: `UKR-000123-0000456.0001.0003`.
///
/// The order is by member, intake, number; a container stands before what is in it, and that in
/// the container's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ern {
    member: MemberCode,
    intake: u32,
    number: u32,
    /// Places in containers, from the outermost on; 0 after the last.
    places: [u32; Ern::MAX_DEPTH],
}

impl Ern {
    /// The largest number of an intake.
    pub const MAX_INTAKE: u32 = 999_999;
    /// The largest number of an item in its intake, and of a child in its container.
    pub const MAX_NUMBER: u32 = 9_999_999;
    /// The most containers that lie around an item.
    pub const MAX_DEPTH: usize = 12;

    /// Makes a number; `None` when a part has more digits than there is room for.
    #[must_use]
    pub fn new(member: MemberCode, intake: u32, number: u32) -> Option<Ern> {
        (intake <= Ern::MAX_INTAKE && number <= Ern::MAX_NUMBER).then_some(Ern {
            member,
            intake,
            number,
            places: [0; Ern::MAX_DEPTH],
        })
    }

    /// The number of what is at this place (from 1) in this item; `None` when it is out of range, or lies too deep.
    #[must_use]
    pub fn child(self, place: u32) -> Option<Ern> {
        let mut child = self;
        *child.places.get_mut(self.depth())? = place;
        (1..=Ern::MAX_NUMBER).contains(&place).then_some(child)
    }

    /// The item that this one was found in; `None` for one that was handed over.
    #[must_use]
    pub fn parent(self) -> Option<Ern> {
        let mut parent = self;
        *parent.places.get_mut(self.depth().checked_sub(1)?)? = 0;
        Some(parent)
    }

    /// How many containers lie around it.
    #[must_use]
    pub fn depth(&self) -> usize {
        let end = self.places.iter().position(|place| *place == 0);
        end.unwrap_or(Ern::MAX_DEPTH)
    }

    /// Its places in the containers around it, from the outermost on.
    #[must_use]
    pub fn places(&self) -> &[u32] {
        &self.places[..self.depth()]
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

    /// The number in its intake of the item that was handed over.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// As the beginning of a file's name, where a dot begins an extension: places follow hyphens.
    #[must_use]
    pub fn file_stem(&self) -> String {
        self.to_string().replace('.', "-")
    }

    /// Reads what [`Ern::file_stem`] wrote.
    #[must_use]
    pub fn of_file_stem(stem: &str) -> Option<Ern> {
        let mut hyphens = stem.match_indices('-').skip(2);
        match hyphens.next() {
            Some((at, _)) => {
                let (item, places) = stem.split_at(at);
                let ern = parse_ern(&format!("{item}{}", places.replace('-', ".")))?;
                (!places.contains('.')).then_some(ern)
            }
            None => parse_ern(stem).filter(|ern| ern.depth() == 0),
        }
    }
}

impl fmt::Display for Ern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}-{:06}-{:07}", self.member, self.intake, self.number);
        for place in self.places() {
            text.push_str(&format!(".{place:04}"));
        }
        f.pad(&text)
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
    let mut places = text.split('.');
    let mut parts = places.next()?.split('-');
    let (member, intake, number) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let item = Ern::new(member.parse().ok()?, digits(intake, 6)?, digits(number, 7)?)?;
    places.try_fold(item, |item, place| {
        // Four digits, and more only where they are needed, so that a number is written in one way.
        let count = if place.starts_with('0') {
            4
        } else {
            place.len().max(4)
        };
        item.child(digits(place, count)?)
    })
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let all_digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_one_way() {
        for text in [
            "UKR-000123-0000456",
            "UKR-000123-0000456.0001",
            "UKR-000123-0000456.0001.0003",
            "UKR-000123-0000456.9999.10000.9999999",
        ] {
            let ern: Ern = text.parse().unwrap();
            assert_eq!(ern.to_string(), text);
            assert_eq!(Ern::of_file_stem(&ern.file_stem()), Some(ern));
        }
        for text in [
            "UKR-000123-0000456.",
            "UKR-000123-0000456.1",
            "UKR-000123-0000456.0000",
            "UKR-000123-0000456.00001",
            "UKR-000123-0000456.10000000",
            "UKR-000123-0000456-0001",
            "UKR-000123-0000456.0001.",
            "UKR-000123-0000456.0001.0001.0001.0001.0001.0001.0001.0001.0001.0001.0001.0001.0001",
        ] {
            assert!(text.parse::<Ern>().is_err(), "{text}");
        }
        assert_eq!(Ern::of_file_stem("UKR-000123-0000456.0001"), None);
    }

    #[test]
    fn a_container_stands_before_what_is_in_it_in_its_order() {
        let item: Ern = "UKR-000123-0000456".parse().unwrap();
        let (first, last) = (item.child(2).unwrap(), item.child(10_000).unwrap());
        let inner = first.child(1).unwrap();
        let next: Ern = "UKR-000123-0000457".parse().unwrap();
        let order = [item, first, inner, last, next];
        assert!(order.is_sorted());
        assert_eq!(inner.parent(), Some(first));
        assert_eq!(item.parent(), None);
        assert_eq!(inner.places(), [2, 1]);
        assert_eq!(item.child(0), None);
    }
}
