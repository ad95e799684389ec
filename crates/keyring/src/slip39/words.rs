//! The word list and the checksum over words.
//!
//! `words.txt` is the list of SLIP-39 as its reference implementation has it (MIT licence, SatoshiLabs): 1,024 words,
//! each known by its first four letters.

use std::sync::LazyLock;

const TEXT: &str = include_str!("words.txt");
/// Words of the checksum.
pub(super) const CHECKSUM: usize = 3;

static LIST: LazyLock<Vec<&str>> = LazyLock::new(|| TEXT.lines().collect());

/// The word of a number below 1,024.
pub(super) fn word(number: u16) -> &'static str {
    LIST.get(usize::from(number)).copied().unwrap_or_default()
}

/// The number of a word in any case, or of its first four letters.
pub(super) fn number(word: &str) -> Option<u16> {
    let lower = word.to_ascii_lowercase();
    let at = match LIST.binary_search(&lower.as_str()) {
        Ok(at) => at,
        Err(at) if lower.len() == 4 && LIST.get(at)?.starts_with(&lower) => at,
        Err(_) => return None,
    };
    u16::try_from(at).ok()
}

fn customization(extendable: bool) -> &'static [u8] {
    if extendable {
        b"shamir_extendable"
    } else {
        b"shamir"
    }
}

fn polymod(extendable: bool, words: impl Iterator<Item = u16>) -> u32 {
    const GENERATOR: [u32; 10] = [
        0x00E0_E040,
        0x01C1_C080,
        0x0383_8100,
        0x0707_0200,
        0x0E0E_0009,
        0x1C0C_2412,
        0x3808_6C24,
        0x3090_FC48,
        0x21B1_F890,
        0x03F3_F120,
    ];
    let first = customization(extendable).iter().map(|b| u32::from(*b));
    first.chain(words.map(u32::from)).fold(1, |sum, value| {
        let top = sum >> 20;
        let shifted = ((sum & 0xF_FFFF) << 10) ^ value;
        GENERATOR.iter().enumerate().fold(shifted, |sum, (i, g)| {
            sum ^ (g & ((top >> i) & 1).wrapping_neg())
        })
    })
}

/// The words that follow `words`.
pub(super) fn checksum(extendable: bool, words: &[u16]) -> [u16; CHECKSUM] {
    let sum = polymod(extendable, words.iter().copied().chain([0; CHECKSUM])) ^ 1;
    [20, 10, 0].map(|shift| ((sum >> shift) & 1023) as u16)
}

pub(super) fn is_sound(extendable: bool, words: &[u16]) -> bool {
    polymod(extendable, words.iter().copied()) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_four_letters_tell_its_words_apart() {
        assert_eq!(LIST.len(), 1024);
        assert!(LIST.is_sorted());
        for (at, word) in LIST.iter().enumerate() {
            assert_eq!(number(word), Some(at as u16));
            assert_eq!(number(&word[..4].to_uppercase()), Some(at as u16));
        }
        assert_eq!(number("academi"), None);
        assert_eq!(number(""), None);
    }
}
