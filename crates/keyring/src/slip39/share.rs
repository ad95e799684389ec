//! One share, as bytes and as words.

use zeroize::Zeroizing;

use super::cipher::Tweak;
use super::words::{self, CHECKSUM};

/// Words before the value: identifier and exponent, then the numbers of groups and members.
const PREFIX: usize = 4;
/// The shortest share has 128 bits.
const SHORTEST: usize = PREFIX + 13 + CHECKSUM;
/// The longest that is read: 512 bits, more than anything here shares.
const LONGEST: usize = PREFIX + 52 + CHECKSUM;

/// Why words are no share, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// A word is not of the list.
    #[error("word {place}, {word:?}, is not a word of the list: compare it with the paper")]
    UnknownWord {
        /// From 1.
        place: usize,
        /// As it was typed.
        word: String,
    },
    /// The number of words is none that a share has.
    #[error("a share of this keyring has 33 words, and these are {words}")]
    Length {
        /// How many there are.
        words: usize,
    },
    /// The checksum does not fit.
    #[error(
        "the words' own checksum does not fit: one of them is wrong, or two are swapped; compare them with the paper"
    )]
    Checksum,
    /// The checksum fits, and the rest is nothing that the standard allows.
    #[error("these words have a right checksum and are no share of SLIP-39: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
}

/// One share. Its value is wiped when dropped, and it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    /// Random, the same for all shares of a set; 15 bits.
    pub identifier: u16,
    /// Whether the identifier is left out of the cipher's salt.
    pub extendable: bool,
    /// Doublings of the cipher's iterations; 4 bits.
    pub exponent: u8,
    /// Which group, from 0.
    pub group: u8,
    /// Groups that are needed.
    pub group_threshold: u8,
    /// Groups that there are.
    pub group_count: u8,
    /// Which member of the group, from 0.
    pub member: u8,
    /// Members of the group that are needed.
    pub member_threshold: u8,
    pub(super) value: Zeroizing<Vec<u8>>,
}

impl Share {
    /// Reads words with spaces between; of each the first four letters are enough.
    ///
    /// # Errors
    /// [`ShareError`] says what is wrong with them.
    pub fn parse(text: &str) -> Result<Share, ShareError> {
        let mut numbers = Zeroizing::new(Vec::with_capacity(LONGEST));
        for (at, word) in text.split_whitespace().enumerate() {
            let number = words::number(word).ok_or_else(|| ShareError::UnknownWord {
                place: at + 1,
                word: word.chars().take(20).collect(),
            })?;
            numbers.push(number);
        }
        let length = ShareError::Length {
            words: numbers.len(),
        };
        if !(SHORTEST..=LONGEST).contains(&numbers.len()) {
            return Err(length);
        }
        let bits = 10 * (numbers.len() - PREFIX - CHECKSUM);
        if bits % 16 > 8 {
            return Err(length);
        }
        let first = u32::from(numbers[0]) << 10 | u32::from(numbers[1]);
        let extendable = first >> 4 & 1 == 1;
        if !words::is_sound(extendable, &numbers) {
            return Err(ShareError::Checksum);
        }
        let second = u32::from(numbers[2]) << 10 | u32::from(numbers[3]);
        let nibble = |at: u32| (second >> (4 * at) & 15) as u8;
        let share = Share {
            identifier: (first >> 5) as u16,
            extendable,
            exponent: (first & 15) as u8,
            group: nibble(4),
            group_threshold: nibble(3) + 1,
            group_count: nibble(2) + 1,
            member: nibble(1),
            member_threshold: nibble(0) + 1,
            value: bytes_of(&numbers[PREFIX..numbers.len() - CHECKSUM]).ok_or(
                ShareError::Malformed {
                    what: "the bits before its value are not zero",
                },
            )?,
        };
        let what = match () {
            () if share.group_threshold > share.group_count => {
                "it asks for more groups than there are"
            }
            () if share.group >= share.group_count => "its group is none of those that there are",
            () => return Ok(share),
        };
        Err(ShareError::Malformed { what })
    }

    /// The words, with a space between.
    pub fn words(&self) -> Zeroizing<String> {
        let first = u32::from(self.identifier) << 5
            | u32::from(self.extendable) << 4
            | u32::from(self.exponent);
        let second = [
            self.group,
            self.group_threshold - 1,
            self.group_count - 1,
            self.member,
            self.member_threshold - 1,
        ]
        .iter()
        .fold(0u32, |all, part| all << 4 | u32::from(*part));
        let mut numbers = Zeroizing::new(Vec::with_capacity(LONGEST));
        for pair in [first, second] {
            numbers.extend([(pair >> 10) as u16, (pair & 1023) as u16]);
        }
        append_words(&self.value, &mut numbers);
        let sum = words::checksum(self.extendable, &numbers);
        numbers.extend(sum);
        // Each word has at most eight letters: the text is never moved, and no copy of it stays behind.
        let mut text = Zeroizing::new(String::with_capacity(9 * numbers.len()));
        for (at, number) in numbers.iter().enumerate() {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(words::word(*number));
        }
        text
    }

    pub(super) fn tweak(&self) -> Tweak {
        Tweak {
            identifier: self.identifier,
            extendable: self.extendable,
            exponent: self.exponent,
        }
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share")
            .field("identifier", &self.identifier)
            .field("group", &self.group)
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

/// Bytes as words of ten bits, the first word padded with zeros from the left.
fn append_words(bytes: &[u8], numbers: &mut Vec<u16>) {
    let padding = (10 - bytes.len() * 8 % 10) % 10;
    let (mut held, mut bits) = (0u32, padding);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 10 {
            bits -= 10;
            numbers.push((held >> bits & 1023) as u16);
        }
        held &= 1023;
    }
}

/// The other way; `None` if a padding bit is set.
fn bytes_of(numbers: &[u16]) -> Option<Zeroizing<Vec<u8>>> {
    let padding = numbers.len() * 10 % 16;
    let mut bytes = Zeroizing::new(Vec::with_capacity(numbers.len() * 10 / 8));
    let (mut held, mut bits, mut skip) = (0u32, 0, padding);
    for number in numbers {
        held = held << 10 | u32::from(*number);
        bits += 10;
        if skip > 0 {
            bits -= skip;
            if held >> bits != 0 {
                return None;
            }
            skip = 0;
        }
        while bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 255) as u8);
        }
        held &= (1 << bits) - 1;
    }
    Some(bytes)
}
