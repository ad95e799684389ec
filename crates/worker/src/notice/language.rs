//! The languages of a text, a piece at a time: a letter may quote another language.
//!
//! whatlang judges by trigrams of letters. What it is not sure of joins the lines that follow, and is told of nobody
//! when these do not help either: a wrong language is worse than none. Letters that only one language has make sure
//! where a line is too short for trigrams.

use comity_extract::Anchor;
use std::collections::BTreeMap;
use whatlang::{Detector, Lang};

/// Letters that a piece has at least before it is judged.
const ENOUGH: usize = 60;
/// Bytes at which a piece that nobody is sure of is given up.
const GIVEN_UP: usize = 1500;
/// Letters of the shortest text that is judged.
const SHORTEST: usize = 12;
/// Letters from which on one piece in [`EVERY`] is judged: the languages of a book are known by then.
const LONG: u64 = 1 << 20;
const EVERY: u64 = 16;
/// Places that are given of a language that is not the text's main one.
const PLACES: usize = 20;

/// The languages of the text that went by.
pub struct Languages {
    detector: Detector,
    /// Lines that wait for more, and where the first of them stands.
    waiting: String,
    at: Anchor,
    letters: u64,
    judged: u64,
    pieces: u64,
    spoken: BTreeMap<&'static str, Spoken>,
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
            waiting: String::new(),
            at: Anchor::default(),
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
        for line in text
            .lines()
            .filter(|line| line.contains(char::is_alphabetic))
        {
            if self.waiting.is_empty() {
                self.at = at.clone();
            } else {
                self.waiting.push('\n');
            }
            self.waiting
                .push_str(&line[..line.floor_char_boundary(GIVEN_UP)]);
            if letters(&self.waiting) >= ENOUGH {
                self.judge(self.waiting.len() >= GIVEN_UP);
            }
        }
    }

    /// Judges what waits. It goes on waiting where nobody is sure, unless it is `last`.
    fn judge(&mut self, last: bool) {
        let count = letters(&self.waiting) as u64;
        self.pieces += 1;
        let is_passed = self.letters > LONG && !self.pieces.is_multiple_of(EVERY);
        let found = if is_passed {
            None
        } else {
            language(&self.detector, &self.waiting)
        };
        if found.is_none() && !last && !is_passed {
            self.pieces -= 1;
            return;
        }
        self.letters += count;
        if !is_passed {
            self.judged += count;
        }
        if let Some(code) = found {
            let spoken = self.spoken.entry(code).or_default();
            spoken.letters += count;
            let place = self.at.to_string();
            if spoken.places.last() != Some(&place) {
                if spoken.places.len() < PLACES {
                    spoken.places.push(place);
                } else {
                    spoken.more += 1;
                }
            }
        }
        self.waiting.clear();
    }

    /// The languages, the one with most letters first; of the others the places too.
    pub fn fields(mut self) -> Vec<(&'static str, String, String)> {
        if letters(&self.waiting) >= SHORTEST {
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

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

/// The code of the language of a piece, if one can be sure of it.
fn language(detector: &Detector, text: &str) -> Option<&'static str> {
    let has = |letters: &str| {
        text.chars()
            .any(|c| c.to_lowercase().any(|c| letters.contains(c)))
    };
    // No other language told here has these and none of those.
    if has("їєґ") && !has("ыэёъў") {
        return Some("uk");
    }
    if has("ыэё") && has("ищ") && !has("іїєґў") {
        return Some("ru");
    }
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
}
