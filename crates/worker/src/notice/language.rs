//! The languages of a text, a piece at a time: a letter may quote another language.
//!
//! whatlang judges by trigrams of letters. What it is not sure of joins the lines that follow, and is told of nobody
//! when these do not help either: a wrong language is worse than none. Letters that only one language has make sure
//! where a line is too short for trigrams.

use comity_extract::Anchor;
use std::collections::BTreeMap;
use whatlang::{Detector, Lang};

/// Letters that a piece has at least before it is judged. A judgement costs nearly the same for a line as for a page,
/// and the longer a text is the less one line more says of it: so a piece is one [`GROWTH`]th of the text before it.
/// Lines of another alphabet, and lines of which the letters alone tell the language, begin a new piece all the same.
const ENOUGH: usize = 60;
const GROWTH: u64 = 16;
/// The most letters that are waited for; in Cyrillic a letter takes two of the bytes of [`GIVEN_UP`].
const MOST: u64 = 700;
/// Bytes at which a piece that nobody is sure of is given up.
const GIVEN_UP: usize = 1500;
/// Letters of the shortest text that is judged.
const SHORTEST: usize = 12;
/// Letters from which on one piece in [`EVERY`] is judged: the languages of a book are known by then.
const LONG: u64 = 1 << 16;
const EVERY: u64 = 16;
/// Places that are given of a language that is not the text's main one.
const PLACES: usize = 20;

/// The languages of the text that went by.
pub struct Languages {
    detector: Detector,
    waiting: Waiting,
    /// Letters that a piece needs before it is judged.
    enough: usize,
    /// Pieces that were given up one after the other: each lets the next one wait for twice as much at once.
    in_doubt: u32,
    letters: u64,
    judged: u64,
    pieces: u64,
    spoken: BTreeMap<&'static str, Spoken>,
}

/// Lines that wait for more.
#[derive(Default)]
struct Waiting {
    text: String,
    /// Where the first of them stands.
    at: Anchor,
    letters: usize,
    marks: u8,
    /// Of the last line that was long enough to tell.
    alphabet: Alphabet,
}

#[derive(Default)]
struct Spoken {
    letters: u64,
    places: Vec<String>,
    more: u64,
}

impl Default for Languages {
    fn default() -> Languages {
        Languages {
            detector: Detector::new(),
            waiting: Waiting::default(),
            enough: ENOUGH,
            in_doubt: 0,
            letters: 0,
            judged: 0,
            pieces: 0,
            spoken: BTreeMap::new(),
        }
    }
}

impl Languages {
    /// Takes a piece of the text.
    pub fn text(&mut self, at: &Anchor, text: &str) {
        for line in text.lines() {
            let line = &line[..line.floor_char_boundary(GIVEN_UP)];
            let (letters, marks, alphabet) = weighed(line);
            if letters == 0 {
                continue;
            }
            if letters >= ENOUGH {
                let is_other = alphabet != self.waiting.alphabet || sure(marks).is_some();
                if is_other && self.waiting.letters >= ENOUGH {
                    self.judge(true);
                }
                self.waiting.alphabet = alphabet;
            }
            if self.waiting.text.is_empty() {
                self.waiting.at = at.clone();
            } else {
                self.waiting.text.push('\n');
            }
            self.waiting.text.push_str(line);
            self.waiting.letters += letters;
            self.waiting.marks |= marks;
            let is_last = self.waiting.text.len() >= GIVEN_UP;
            let is_sure = self.waiting.letters >= ENOUGH && sure(self.waiting.marks).is_some();
            if is_last || is_sure || self.waiting.letters >= self.enough {
                self.judge(is_last);
            }
        }
    }

    /// Judges what waits. It goes on waiting where nobody is sure, unless it is `last`.
    fn judge(&mut self, last: bool) {
        let waiting = &self.waiting;
        let letters = waiting.letters as u64;
        let by_letters = sure(waiting.marks);
        let stands_for = match by_letters {
            None if self.letters > LONG => EVERY,
            _ => 1,
        };
        self.pieces += u64::from(by_letters.is_none());
        if stands_for == 1 || self.pieces.is_multiple_of(EVERY) {
            let found = by_letters.or_else(|| language(&self.detector, &waiting.text));
            if found.is_none() && !last {
                self.pieces -= 1;
                self.enough = waiting.letters * 2;
                return;
            }
            self.judged += letters * stands_for;
            self.in_doubt = found.map_or(self.in_doubt + 1, |_| 0);
            if let Some(code) = found {
                let spoken = self.spoken.entry(code).or_default();
                spoken.stands(waiting.at.to_string(), letters * stands_for);
            }
        }
        self.letters += letters;
        let usual = (self.letters / GROWTH).clamp(ENOUGH as u64, MOST) as usize;
        self.enough = usual << self.in_doubt.min(5);
        self.waiting.text.clear();
        self.waiting.letters = 0;
        self.waiting.marks = 0;
    }

    /// The languages, the one with most letters first; of the others the places too.
    pub fn fields(mut self) -> Vec<(&'static str, String, String)> {
        if self.waiting.letters >= SHORTEST {
            self.judge(true);
        }
        let mut spoken: Vec<(&str, Spoken)> = self.spoken.into_iter().collect();
        spoken.sort_by_key(|(_, s)| std::cmp::Reverse(s.letters));
        let tell = |(n, (code, s)): (usize, (&str, Spoken))| {
            let share = (s.letters * 100).div_ceil(self.judged.max(1));
            let mut from = format!("text, {share} of 100 letters");
            if n > 0 && s.places.iter().any(|place| !place.is_empty()) {
                from.push_str(&format!(": {}", s.places.join("; ")));
                if s.more > 0 {
                    from.push_str(&format!("; and {} more", s.more));
                }
            }
            ("language_detected", code.to_owned(), from)
        };
        spoken.into_iter().enumerate().map(tell).collect()
    }
}

impl Spoken {
    fn stands(&mut self, place: String, letters: u64) {
        self.letters += letters;
        if self.places.last() == Some(&place) {
            return;
        }
        if self.places.len() < PLACES {
            self.places.push(place);
        } else {
            self.more += 1;
        }
    }
}

/// Letters of Cyrillic that few languages have, each kind a bit.
mod mark {
    /// Of Ukrainian: ї, є, ґ.
    pub const UKRAINIAN: u8 = 1;
    /// Of Russian and Belarusian: ы, э, ё.
    pub const RUSSIAN: u8 = 2;
    /// Not of Belarusian: и, щ.
    pub const COMMON: u8 = 4;
    /// Of Ukrainian and Belarusian: і.
    pub const I: u8 = 8;
    /// Of Russian and Bulgarian: ъ.
    pub const HARD: u8 = 16;
    /// Of Belarusian: ў.
    pub const SHORT_U: u8 = 32;
}

/// What most letters of a line are.
#[derive(Clone, Copy, Default, PartialEq)]
enum Alphabet {
    #[default]
    Latin,
    Cyrillic,
    Other,
}

/// How many letters a line has, which marks, and of which alphabet most are.
fn weighed(line: &str) -> (usize, u8, Alphabet) {
    let (mut letters, mut cyrillic, mut latin, mut marks) = (0, 0, 0, 0);
    for letter in line.chars().filter(|letter| letter.is_alphabetic()) {
        letters += 1;
        match letter {
            '\0'..'\u{250}' => latin += 1,
            '\u{400}'..'\u{530}' => cyrillic += 1,
            _ => {}
        }
        marks |= match letter {
            'ї' | 'є' | 'ґ' | 'Ї' | 'Є' | 'Ґ' => mark::UKRAINIAN,
            'ы' | 'э' | 'ё' | 'Ы' | 'Э' | 'Ё' => mark::RUSSIAN,
            'и' | 'щ' | 'И' | 'Щ' => mark::COMMON,
            'і' | 'І' => mark::I,
            'ъ' | 'Ъ' => mark::HARD,
            'ў' | 'Ў' => mark::SHORT_U,
            _ => 0,
        };
    }
    let alphabet = match (latin * 2 >= letters, cyrillic * 2 >= letters) {
        (true, _) => Alphabet::Latin,
        (_, true) => Alphabet::Cyrillic,
        _ => Alphabet::Other,
    };
    (letters, marks, alphabet)
}

/// The language that has these marks and that no other told here has.
fn sure(marks: u8) -> Option<&'static str> {
    use mark::{COMMON, HARD, I, RUSSIAN, SHORT_U, UKRAINIAN};
    let has = |some: u8| marks & some != 0;
    if has(UKRAINIAN) && !has(RUSSIAN | HARD | SHORT_U) {
        Some("uk")
    } else if has(RUSSIAN) && has(COMMON) && !has(UKRAINIAN | I | SHORT_U) {
        Some("ru")
    } else {
        None
    }
}

/// The code of the language of a piece that its letters do not tell, if one can be sure of it.
fn language(detector: &Detector, text: &str) -> Option<&'static str> {
    let has = |own: &str| {
        text.chars()
            .any(|c| c.to_lowercase().any(|c| own.contains(c)))
    };
    let found = detector.detect(text)?;
    let own = match found.lang() {
        Lang::Ukr => "іїєґ",
        Lang::Pol => "łśźżńęą",
        Lang::Lit => "ėįų",
        Lang::Lav => "āēīķļņģ",
        Lang::Est => "õ",
        Lang::Ron => "ățşţș",
        Lang::Slk => "ľĺŕ",
        _ => "",
    };
    (found.is_reliable() || has(own)).then(|| code(found.lang()))
}

/// The code of ISO 639-1; of 639-3 for a language that has none there.
fn code(language: Lang) -> &'static str {
    const CODES: &[(Lang, &str)] = &[
        (Lang::Afr, "af"),
        (Lang::Aka, "ak"),
        (Lang::Amh, "am"),
        (Lang::Ara, "ar"),
        (Lang::Aze, "az"),
        (Lang::Bel, "be"),
        (Lang::Ben, "bn"),
        (Lang::Bul, "bg"),
        (Lang::Cat, "ca"),
        (Lang::Ces, "cs"),
        (Lang::Cmn, "zh"),
        (Lang::Cym, "cy"),
        (Lang::Dan, "da"),
        (Lang::Deu, "de"),
        (Lang::Ell, "el"),
        (Lang::Eng, "en"),
        (Lang::Epo, "eo"),
        (Lang::Est, "et"),
        (Lang::Fin, "fi"),
        (Lang::Fra, "fr"),
        (Lang::Guj, "gu"),
        (Lang::Heb, "he"),
        (Lang::Hin, "hi"),
        (Lang::Hrv, "hr"),
        (Lang::Hun, "hu"),
        (Lang::Hye, "hy"),
        (Lang::Ind, "id"),
        (Lang::Ita, "it"),
        (Lang::Jav, "jv"),
        (Lang::Jpn, "ja"),
        (Lang::Kan, "kn"),
        (Lang::Kat, "ka"),
        (Lang::Khm, "km"),
        (Lang::Kor, "ko"),
        (Lang::Lat, "la"),
        (Lang::Lav, "lv"),
        (Lang::Lit, "lt"),
        (Lang::Mal, "ml"),
        (Lang::Mar, "mr"),
        (Lang::Mkd, "mk"),
        (Lang::Mya, "my"),
        (Lang::Nep, "ne"),
        (Lang::Nld, "nl"),
        (Lang::Nob, "nb"),
        (Lang::Ori, "or"),
        (Lang::Pan, "pa"),
        (Lang::Pes, "fa"),
        (Lang::Pol, "pl"),
        (Lang::Por, "pt"),
        (Lang::Ron, "ro"),
        (Lang::Rus, "ru"),
        (Lang::Sin, "si"),
        (Lang::Slk, "sk"),
        (Lang::Slv, "sl"),
        (Lang::Sna, "sn"),
        (Lang::Spa, "es"),
        (Lang::Srp, "sr"),
        (Lang::Swe, "sv"),
        (Lang::Tam, "ta"),
        (Lang::Tel, "te"),
        (Lang::Tgl, "tl"),
        (Lang::Tha, "th"),
        (Lang::Tuk, "tk"),
        (Lang::Tur, "tr"),
        (Lang::Ukr, "uk"),
        (Lang::Urd, "ur"),
        (Lang::Uzb, "uz"),
        (Lang::Vie, "vi"),
        (Lang::Yid, "yi"),
        (Lang::Zul, "zu"),
    ];
    let known = CODES.iter().find(|(known, _)| *known == language);
    known.map_or_else(|| language.code(), |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_extract::Place;

    fn told(texts: &[&str]) -> Vec<(String, String)> {
        let mut languages = Languages::default();
        for (n, text) in (1..).zip(texts) {
            languages.text(&Anchor::at(&[(Place::Paragraph, n)]), text);
        }
        let fields = languages.fields().into_iter();
        fields.map(|(_, value, from)| (value, from)).collect()
    }

    #[test]
    fn a_short_text_is_of_its_language_or_of_none() {
        let sentences = [
            (
                "uk",
                "Командир бригади підписав наказ про обстріл. Документи лежать у сейфі.",
            ),
            (
                "ru",
                "Командир бригады подписал приказ об обстреле. Документы лежат в сейфе.",
            ),
            (
                "en",
                "The commander signed the order to shell the town. The documents are in the safe.",
            ),
            (
                "pl",
                "Dowódca brygady podpisał rozkaz ostrzału. Dokumenty leżą w sejfie.",
            ),
            (
                "lt",
                "Brigados vadas pasirašė įsakymą apšaudyti miestą. Dokumentai yra seife.",
            ),
            (
                "lv",
                "Brigādes komandieris parakstīja pavēli apšaudīt pilsētu. Dokumenti ir seifā.",
            ),
            (
                "et",
                "Brigaadi ülem allkirjastas käsu linna tulistada. Ta ütles, et see oli käsk.",
            ),
            (
                "ro",
                "Comandantul brigăzii a semnat ordinul de bombardare. Documentele sunt în seif.",
            ),
            (
                "sk",
                "Veliteľ brigády podpísal rozkaz na ostreľovanie. Dokumenty sú v trezore.",
            ),
            (
                "be",
                "Камандзір брыгады падпісаў загад аб абстрэле горада. Дакументы ляжаць у сейфе.",
            ),
            (
                "de",
                "Der Kommandeur unterschrieb den Befehl. Die Unterlagen liegen im Tresor. Wir wussten nicht, wohin man die Leute gebracht hat, und niemand sagte uns etwas davon.",
            ),
        ];
        for (code, text) in sentences {
            let codes: Vec<String> = told(&[text]).into_iter().map(|(code, _)| code).collect();
            assert_eq!(codes, [code], "{text}");
        }
        for nothing in ["", "OK", "1234567890 12.34", "Kyiv"] {
            assert_eq!(told(&[nothing]), [], "{nothing}");
        }
    }

    #[test]
    fn a_quotation_in_another_language_is_told_with_its_place() {
        let ours =
            "Свідок показав, що командир бригади віддав усний наказ відкрити вогонь по місту.";
        let quoted =
            "«Мы стреляли по школе, потому что так приказали», — сказал он на допросе следователю.";
        let told = told(&[ours, ours, quoted, ours]);
        assert_eq!(told[0].0, "uk");
        assert!(told[0].1.ends_with("of 100 letters"), "{told:?}");
        assert_eq!(told[1].0, "ru");
        assert!(
            told[1].1.ends_with("of 100 letters: paragraph 3"),
            "{told:?}"
        );
    }

    /// Pieces grow with the text, and most of a long one is passed over: what another language says in it is found
    /// where its letters tell at once, and where it is a page long.
    #[test]
    fn a_long_text_is_of_its_language_and_so_is_what_it_quotes() {
        let (uk, ru) = (
            "Свідок показав, що командир бригади віддав усний наказ відкрити вогонь по місту.",
            "«Мы стреляли по школе, потому что так приказали», — сказал он на допросе следователю.",
        );
        let (en, de) = (
            "The witness said that the commander gave the order to open fire on the town by telephone.",
            "Der Zeuge sagte, dass der Kommandeur den Befehl gab, das Feuer auf die Stadt zu eröffnen.",
        );
        for (long, quoted, lines, codes) in [(uk, ru, 1, ["uk", "ru"]), (en, de, 40, ["en", "de"])]
        {
            let mut texts = vec![long; 8000];
            texts[7000..7000 + lines].fill(quoted);
            texts[100..100 + lines].fill(quoted);
            let told = told(&texts);
            assert_eq!(told.iter().map(|t| &t.0).collect::<Vec<_>>(), codes);
            assert!(told[1].1.contains("paragraph 1"), "{told:?}");
            assert!(
                told[0].1.starts_with("text, 99 of") || told[0].1.starts_with("text, 100 of"),
                "{told:?}"
            );
            assert!(told[1].1.starts_with("text, 1 of"), "{told:?}");
        }
    }
}
