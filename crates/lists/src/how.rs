//! How a name of a list was found.

use std::fmt;

use comity_words::{Language, Stem, Table, fold, names, pairs, script_of, stems, tables};

/// How one word of a text is one word of a name; the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The same word, in whatever spelling of its letters.
    Exact,
    /// Another form of it.
    Inflected,
    /// The Ukrainian, Russian or English form of the same name, by a table of names.
    OtherLanguage,
    /// Written in the other alphabet by one of these tables, a bit for each of [`Table::ALL`]; none where the words of a
    /// name follow different ones.
    Transliterated(u16),
    /// It sounds like it: spelled by no table that is known, or inflected besides. A candidate.
    Sound,
}

impl How {
    /// How two words that belong together were found: as the one that is farther off.
    pub fn and(self, other: How) -> How {
        match (self, other) {
            (How::Transliterated(a), How::Transliterated(b)) => How::Transliterated(a & b),
            (a, b) => a.max(b),
        }
    }
}

/// What stands in a text of a person's given names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Given {
    /// All that the list has.
    Whole,
    /// A patronymic besides, which the list does not have.
    MorePatronymic,
    /// All but the patronymic.
    NoPatronymic,
    /// Initials.
    Initials,
}

/// How a whole name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Manner {
    /// Its words.
    pub how: How,
    /// What stands of its given names.
    pub given: Given,
    /// It is not the name that the entity is shown by, but another one of its names.
    pub alias: bool,
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::Exact => f.write_str("as written")?,
            How::Inflected => f.write_str("in another form")?,
            How::OtherLanguage => f.write_str("the same name in another language")?,
            How::Transliterated(set) => {
                let tables = Table::ALL.iter().enumerate();
                let mut by = tables.filter(|(i, _)| set >> i & 1 == 1);
                match by.next() {
                    Some((_, table)) => write!(f, "transliterated by {}", table.name())?,
                    None => f.write_str("transliterated by more than one table")?,
                }
            }
            How::Sound => f.write_str("alike in sound")?,
        }
        f.write_str(match self.given {
            Given::Whole => "",
            Given::MorePatronymic => ", with a patronymic that the list does not have",
            Given::NoPatronymic => ", without the patronymic",
            Given::Initials => ", with initials",
        })?;
        if self.alias {
            f.write_str(", another of its names")?;
        }
        Ok(())
    }
}

const LANGUAGES: [Language; 2] = [Language::Ukrainian, Language::Russian];

/// A word with what it is compared by.
pub(crate) struct Compared {
    word: String,
    folded: String,
    stems: Vec<Stem>,
    sounds: Vec<String>,
    groups: Vec<pairs::Group>,
    surname: Option<String>,
}

impl Compared {
    pub fn new(word: &str) -> Compared {
        Compared {
            word: word.to_owned(),
            folded: fold(word),
            surname: surname(&fold(word)),
            stems: stems(word, &LANGUAGES),
            sounds: names::keys(word),
            groups: pairs::groups(word),
        }
    }

    /// Hashes of all by which it may meet another word. Different things may share one: [`Compared::how`] decides.
    pub fn keys(&self) -> Vec<u64> {
        let mut keys = vec![hash(b'=', self.folded.as_bytes())];
        keys.extend(
            self.stems
                .iter()
                .map(|s| hash(s.language as u8, s.text.as_bytes())),
        );
        keys.extend(self.sounds.iter().map(|s| hash(b'~', s.as_bytes())));
        keys.extend(
            self.groups
                .iter()
                .map(|g| hash(b'#', &g.number.to_le_bytes())),
        );
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// How this word of a text is that word of a name, if it is.
    pub fn how(&self, of_name: &Compared) -> Option<How> {
        if self.folded == of_name.folded {
            return Some(How::Exact);
        }
        let one_surname = self.surname.is_some() && self.surname == of_name.surname;
        if one_surname || self.stems.iter().any(|s| of_name.stems.contains(s)) {
            return Some(How::Inflected);
        }
        let set = match (script_of(&self.word), script_of(&of_name.word)) {
            (Some(a), Some(b)) if a != b => {
                if a == comity_words::Script::Cyrillic {
                    tables(&self.word, &of_name.word)
                } else {
                    tables(&of_name.word, &self.word)
                }
            }
            _ => 0,
        };
        if set != 0 {
            return Some(How::Transliterated(set));
        }
        if self.groups.iter().any(|g| of_name.groups.contains(g)) {
            return Some(How::OtherLanguage);
        }
        let alike = self.sounds.iter().any(|s| of_name.sounds.contains(s));
        alike.then_some(How::Sound)
    }
}

/// A surname in -ов, -ев or -ин without its ending: stemmers take the -ов of Иванов for an ending, and that of Ивановым
/// not.
fn surname(folded: &str) -> Option<String> {
    const ENDINGS: [&str; 17] = [
        "ыми", "ими", "ого", "ым", "им", "ом", "ой", "ою", "ої", "ій", "их", "ых", "а", "у", "е",
        "і", "",
    ];
    const BASES: [&str; 7] = ["ов", "ев", "єв", "ин", "ін", "їн", "ын"];
    let base = ENDINGS
        .iter()
        .filter_map(|ending| folded.strip_suffix(ending));
    let mut base = base.filter(|base| BASES.iter().any(|b| base.ends_with(b)));
    base.next()
        .filter(|base| base.chars().count() > 3)
        .map(str::to_owned)
}

/// FNV-1a: the same in every release and on every machine.
pub(crate) fn hash(mark: u8, bytes: &[u8]) -> u64 {
    let step = |h: u64, b: &u8| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(step(0xcbf2_9ce4_8422_2325, &mark), step)
}
