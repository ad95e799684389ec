//! Bytes to text: which encoding they are in, and a reader that gives them as UTF-8.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    CoderResult, Decoder, Encoding, IBM866, KOI8_U, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251,
};
use std::io::{self, Read};

/// How much of a file is looked at to find its encoding.
pub const SAMPLE: usize = 256 << 10;

/// An encoding, and whether the file says so itself or the bytes were judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The encoding.
    pub encoding: &'static Encoding,
    /// Where it is known from.
    pub from: &'static str,
}

/// The encoding of text; `None` when these bytes, from a file's beginning, are no text.
pub fn text_encoding(sample: &[u8]) -> Option<Guess> {
    if let Some((encoding, _)) = Encoding::for_bom(sample) {
        return Some(Guess {
            encoding,
            from: "byte order mark",
        });
    }
    if let Some(encoding) = utf16(sample) {
        return Some(Guess {
            encoding,
            from: "detected",
        });
    }
    let control = |byte: &&u8| matches!(**byte, 0..=8 | 11 | 14..=25 | 28..=31 | 127);
    let controls = sample.iter().filter(control).count();
    if sample.contains(&0) || controls * 200 > sample.len() {
        return None;
    }
    Some(Guess {
        encoding: single_byte(sample),
        from: "detected",
    })
}

/// The encoding of bytes that are known to be text of eight bits a unit.
pub fn single_byte(sample: &[u8]) -> &'static Encoding {
    if is_utf8_so_far(sample) {
        return UTF_8;
    }
    if let Some(encoding) = cyrillic(sample) {
        return encoding;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Valid, but for a character that the sample's end may cut.
fn is_utf8_so_far(sample: &[u8]) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    }
}

/// UTF-16 without a mark: every other byte says Latin or Cyrillic.
fn utf16(sample: &[u8]) -> Option<&'static Encoding> {
    let units = sample.len() / 2;
    if units < 4 {
        return None;
    }
    let high = |first: usize| {
        let bytes = sample.iter().skip(first).step_by(2).take(units);
        let plain = bytes
            .clone()
            .filter(|byte| matches!(**byte, 0 | 4 | 0x20 | 0x21))
            .count();
        let zeros = bytes.filter(|byte| matches!(**byte, 0 | 4)).count();
        (plain * 100 >= units * 97, zeros * 2 > units)
    };
    match (high(0), high(1)) {
        ((_, false), (true, true)) => Some(UTF_16LE),
        ((true, true), (_, false)) => Some(UTF_16BE),
        _ => None,
    }
}

/// Which Cyrillic code page makes Ukrainian or Russian of these bytes: each candidate decodes the sample, and the result
/// is judged. `None` when no candidate is clearly such text.
fn cyrillic(sample: &[u8]) -> Option<&'static Encoding> {
    let sample = &sample[..sample.len().min(32 << 10)];
    let foreign = sample.iter().filter(|byte| **byte >= 0x80).count();
    if foreign < 4 {
        return None;
    }
    // Those that are rarely met must be an eighth better; of equal ones the last is taken.
    let rare = [encoding_rs::X_MAC_CYRILLIC, encoding_rs::ISO_8859_5];
    let candidates = [rare[0], rare[1], IBM866, KOI8_U, WINDOWS_1251];
    let scored = candidates.map(|encoding| {
        let score = score(&encoding.decode_without_bom_handling(sample).0);
        let handicap = if rare.contains(&encoding) {
            score.abs() / 8
        } else {
            0
        };
        (score - handicap, encoding)
    });
    let (best, encoding) = scored.into_iter().max_by_key(|(score, _)| *score)?;
    // A letter of real text earns far more than this on average; text in other alphabets loses.
    (best > 3 * foreign as i64).then_some(encoding)
}

/// The frequent letters of Ukrainian and Russian, and the others that their words are written with.
const FREQUENT: &str = "оаинтевіслркмудпяьзб";
const OTHER: &str = "гчйхцюшжєїщфґыэёъ";
const VOWELS: &str = "аеиіоуюяєїыэё";

/// How much like Ukrainian or Russian a text is. Letters that are frequent count for it, and vowels and consonants that
/// alternate: in a wrong code page the capitals of one are often the small letters of the other, but words become
/// unpronounceable. A capital after a small letter, Latin beside Cyrillic, and frames within words count against it.
fn score(text: &str) -> i64 {
    let mut total = 0;
    let mut before = ' ';
    for c in text.chars() {
        let small = c.to_lowercase().next().unwrap_or(c);
        let letter = FREQUENT.contains(small) || OTHER.contains(small);
        if letter {
            total += if FREQUENT.contains(small) { 6 } else { 2 };
            let before_small = before.to_lowercase().next().unwrap_or(before);
            if FREQUENT.contains(before_small) || OTHER.contains(before_small) {
                total += if VOWELS.contains(small) != VOWELS.contains(before_small) {
                    6
                } else {
                    -4
                };
            }
            if before.is_ascii_alphabetic() {
                total -= 25;
            }
            if c != small && before.is_lowercase() {
                total -= 20;
            }
        } else if c.is_ascii() {
            if c.is_ascii_alphabetic() && !before.is_ascii() && before.is_alphabetic() {
                total -= 25;
            }
        } else if !matches!(
            c,
            '«' | '»' | '—' | '–' | '“' | '”' | '„' | '№' | '…' | '’' | '\u{a0}'
        ) {
            total -= 15;
        }
        before = c;
    }
    total
}

/// The bytes of a reader as UTF-8. What the encoding has no character for becomes U+FFFD, and is counted.
pub struct Decoded<R> {
    from: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_from: usize,
    ready: Vec<u8>,
    ready_from: usize,
    ended: bool,
    /// How many places were not of the encoding.
    pub replaced: u64,
}

impl<R: Read> Decoded<R> {
    /// Text of this encoding; a byte order mark is taken away.
    pub fn new(from: R, encoding: &'static Encoding) -> Decoded<R> {
        Decoded {
            from,
            decoder: encoding.new_decoder(),
            raw: Vec::new(),
            raw_from: 0,
            ready: Vec::new(),
            ready_from: 0,
            ended: false,
            replaced: 0,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        const CHUNK: usize = 32 << 10;
        while self.ready_from == self.ready.len() && !self.ended {
            if self.raw_from == self.raw.len() {
                self.raw.resize(CHUNK, 0);
                let count = self.from.read(&mut self.raw)?;
                self.raw.truncate(count);
                self.raw_from = 0;
            }
            let last = self.raw.is_empty();
            self.ready.resize(CHUNK * 3 + 16, 0);
            let source = &self.raw[self.raw_from..];
            let (result, read, written, replaced) =
                self.decoder.decode_to_utf8(source, &mut self.ready, last);
            self.replaced += u64::from(replaced);
            self.ready.truncate(written);
            self.ready_from = 0;
            self.raw_from += read;
            self.ended = last && result == CoderResult::InputEmpty;
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let there = &self.ready[self.ready_from..];
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.ready_from += count;
        Ok(count)
    }
}

/// Bytes of a name in a container that does not say how it wrote them.
pub fn name(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => single_byte(bytes)
            .decode_without_bom_handling(bytes)
            .0
            .into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::ISO_8859_5;

    /// Sentences as they stand in real papers: a statement, an order, an intercept, a letter, a list.
    const SENTENCES: [&str; 6] = [
        "Я, Оксана Вигадана, мешканка селища Зоряне, пояснюю: вранці 14 лютого о 06:40 я почула три вибухи.",
        "Підрозділу «Сосна» о 06:30 відкрити вогонь по елеватору. Підпис: «Грім».",
        "Ґанок був зруйнований, її м'яка іграшка лежала поруч; зобов'язання мовчати я не давала.",
        "06:31 — «Сосна», работай по элеватору, три единицы. Подъезжаем к объекту.",
        "ПРОТОКОЛ ДОПИТУ СВІДКА № 1",
        "Список осіб: Іваненко Ївга, Щербак Юрій, Єременко Ґалина, Hans Müller",
    ];

    #[test]
    fn ukrainian_and_russian_are_found_in_every_code_page() {
        for encoding in [WINDOWS_1251, KOI8_U, IBM866] {
            for sentence in SENTENCES {
                // CP866 has no ґ and no і: people wrote г and i, so what cannot be written is left out.
                let writable: String = sentence
                    .chars()
                    .filter(|c| !encoding.encode(&c.to_string()).2)
                    .collect();
                let bytes = encoding.encode(&writable).0;
                assert_eq!(
                    text_encoding(&bytes).map(|guess| guess.encoding),
                    Some(encoding),
                    "{writable}"
                );
            }
        }
        let all = SENTENCES.join("\r\n");
        let bytes = ISO_8859_5.encode(&all).0;
        assert_eq!(single_byte(&bytes), ISO_8859_5);
    }

    #[test]
    fn utf16_needs_no_mark() {
        for sentence in SENTENCES
            .into_iter()
            .chain(["An inspection report, 14 February 2025"])
        {
            let little: Vec<u8> = sentence.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = sentence.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(
                text_encoding(&little).map(|guess| guess.encoding),
                Some(UTF_16LE),
                "{sentence}"
            );
            assert_eq!(
                text_encoding(&big).map(|guess| guess.encoding),
                Some(UTF_16BE),
                "{sentence}"
            );
        }
    }

    #[test]
    fn other_languages_are_not_taken_for_cyrillic() {
        let western = encoding_rs::WINDOWS_1252
            .encode("Der Zeuge hörte gegen 6 Uhr früh drei Schläge über Köln.")
            .0;
        assert_eq!(single_byte(&western), encoding_rs::WINDOWS_1252);
        let polish = encoding_rs::WINDOWS_1250
            .encode("Świadek usłyszał trzy wybuchy, źródło dźwięku było blisko.")
            .0;
        let guessed = single_byte(&polish);
        assert_eq!(
            guessed.decode(&polish).0,
            "Świadek usłyszał trzy wybuchy, źródło dźwięku było blisko."
        );
    }

    #[test]
    fn bytes_are_not_text() {
        assert_eq!(
            text_encoding(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0]),
            None
        );
        assert_eq!(text_encoding(&[1, 2, 3, 4, 5, 6, 7, 8]), None);
    }

    #[test]
    fn a_character_across_chunks_is_whole() -> io::Result<()> {
        let text = "я".repeat(100_000);
        let mut decoded = Decoded::new(text.as_bytes(), UTF_8);
        let mut back = String::new();
        decoded.read_to_string(&mut back)?;
        assert_eq!((back, decoded.replaced), (text, 0));
        Ok(())
    }
}
