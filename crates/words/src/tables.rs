//! Tables by which Cyrillic names are written in Latin letters.
//!
//! [`names::keys`](crate::names::keys) lays all spellings together; a table says by which rule one of them came about.

use crate::fold::{fold, lower};

/// A table of transliteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Ukraine's national standard: resolution no. 55 of the Cabinet of Ministers, 27 January 2010; passports since then.
    Ukraine2010,
    /// Ukrainian passports from 2007 to 2010: resolution no. 858.
    UkrainePassport2007,
    /// BGN/PCGN 1965 for Ukrainian.
    UkraineBgn,
    /// Russian passports since 2013: ICAO Doc 9303.
    RussiaIcao,
    /// Russian passports from 2010 to 2013: GOST R 52535.1-2006.
    RussiaGostPassport,
    /// Russian passports from 1997 to 2010: order no. 310 of the Ministry of the Interior.
    RussiaPassport1997,
    /// BGN/PCGN 1947 for Russian.
    RussiaBgn,
    /// GOST 7.79-2000, system B.
    RussiaGost779,
}

impl Table {
    /// All of them; a set of tables has the bit of each at its place here.
    pub const ALL: [Table; 8] = [
        Table::Ukraine2010,
        Table::UkrainePassport2007,
        Table::UkraineBgn,
        Table::RussiaIcao,
        Table::RussiaGostPassport,
        Table::RussiaPassport1997,
        Table::RussiaBgn,
        Table::RussiaGost779,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Ukraine2010 => "Ukraine's national standard of 2010",
            Table::UkrainePassport2007 => "Ukraine's passport table of 2007",
            Table::UkraineBgn => "BGN/PCGN for Ukrainian",
            Table::RussiaIcao => "ICAO Doc 9303 for Russian",
            Table::RussiaGostPassport => "GOST R 52535.1-2006",
            Table::RussiaPassport1997 => "Russia's passport table of 1997",
            Table::RussiaBgn => "BGN/PCGN for Russian",
            Table::RussiaGost779 => "GOST 7.79-2000 B",
        }
    }

    fn is_ukrainian(self) -> bool {
        matches!(
            self,
            Table::Ukraine2010 | Table::UkrainePassport2007 | Table::UkraineBgn
        )
    }

    /// A Cyrillic word in Latin letters by this table, folded; `None` where it has a letter that the table lacks.
    pub fn latin(self, word: &str) -> Option<String> {
        let lower = lower(word);
        let mut out = String::with_capacity(lower.len());
        let mut before = None;
        let mut letters = lower.chars().filter(|c| *c != '\'').peekable();
        while let Some(letter) = letters.next() {
            if self == Table::Ukraine2010 && letter == 'з' && letters.peek() == Some(&'г') {
                letters.next();
                out.push_str("zgh");
                before = Some('г');
                continue;
            }
            out.push_str(self.letter(before, letter)?);
            before = Some(letter);
        }
        Some(fold(&out))
    }

    fn letter(self, before: Option<char>, letter: char) -> Option<&'static str> {
        if let Some(same) = alike(letter) {
            return Some(same);
        }
        if self.is_ukrainian() {
            self.ukrainian(before, letter)
        } else {
            self.russian(before, letter)
        }
    }

    fn ukrainian(self, before: Option<char>, letter: char) -> Option<&'static str> {
        let first = before.is_none();
        let (old, bgn) = (
            self == Table::UkrainePassport2007,
            self == Table::UkraineBgn,
        );
        // A glide is y at the beginning by the standard, everywhere by BGN, nowhere by the table of 2007.
        let glide = bgn || (first && !old);
        Some(match letter {
            'г' if old => "g",
            'г' => "h",
            'ґ' => "g",
            'е' => "e",
            'є' if glide => "ye",
            'є' => "ie",
            'и' => "y",
            'і' => "i",
            'ї' if glide => "yi",
            'ї' => "i",
            'й' if glide => "y",
            'й' => "i",
            'щ' => "shch",
            'ц' => "ts",
            'х' => "kh",
            'ю' if glide => "yu",
            'ю' => "iu",
            'я' if glide => "ya",
            'я' => "ia",
            'ь' => "",
            _ => return None,
        })
    }

    fn russian(self, before: Option<char>, letter: char) -> Option<&'static str> {
        let new = matches!(self, Table::RussiaIcao | Table::RussiaGostPassport);
        let gost = self == Table::RussiaGost779;
        let after_vowel = before.is_none_or(|b| "аеёиоуыэюяъь".contains(b));
        Some(match letter {
            'г' => "g",
            'е' if self == Table::RussiaBgn && after_vowel => "ye",
            'е' => "e",
            'ё' if gost => "yo",
            'ё' if self == Table::RussiaBgn && after_vowel => "ye",
            'ё' => "e",
            'и' => "i",
            'й' if new => "i",
            'й' if gost => "j",
            'й' => "y",
            'х' if gost => "x",
            'х' => "kh",
            'ц' if gost => "cz",
            'ц' if self == Table::RussiaGostPassport => "tc",
            'ц' => "ts",
            'щ' if gost => "shh",
            'щ' => "shch",
            'ъ' if self == Table::RussiaIcao => "ie",
            'ъ' | 'ь' => "",
            'ы' => "y",
            'э' => "e",
            'ю' if new => "iu",
            'ю' => "yu",
            'я' if new => "ia",
            'я' => "ya",
            _ => return None,
        })
    }
}

/// Letters that all tables write alike.
fn alike(letter: char) -> Option<&'static str> {
    Some(match letter {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'д' => "d",
        'ж' => "zh",
        'з' => "z",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'ч' => "ch",
        'ш' => "sh",
        _ => return None,
    })
}

/// The tables by which a Cyrillic word is written as this Latin one: a bit for each of [`Table::ALL`].
pub fn tables(cyrillic: &str, latin: &str) -> u16 {
    let latin = fold(latin);
    let by = |table: &Table| table.latin(cyrillic).as_ref() == Some(&latin);
    let bits = Table::ALL.iter().enumerate();
    bits.filter(|(_, table)| by(table))
        .map(|(i, _)| 1 << i)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_writes_its_own_examples() {
        // The examples of the resolution itself, and how the others write the same.
        for (name, latin) in [
            ("Алушта", "alushta"),
            ("Згурський", "zghurskyi"),
            ("Єнакієве", "yenakiieve"),
            ("Їжакевич", "yizhakevych"),
            ("Йосипівка", "yosypivka"),
            ("Гоща", "hoshcha"),
            ("Знам'янка", "znamianka"),
            ("Юрій", "yurii"),
            ("Яготин", "yahotyn"),
        ] {
            assert_eq!(Table::Ukraine2010.latin(name).as_deref(), Some(latin));
        }
        for (table, name, latin) in [
            (Table::UkrainePassport2007, "Сергій", "sergii"),
            (Table::UkraineBgn, "Зеленський", "zelenskyy"),
            (Table::RussiaIcao, "Юрий", "iurii"),
            (Table::RussiaIcao, "Подъячев", "podieiachev"),
            (Table::RussiaGostPassport, "Цой", "tcoi"),
            (Table::RussiaPassport1997, "Юрий", "yuriy"),
            (Table::RussiaBgn, "Ельцин", "yeltsin"),
            (Table::RussiaGost779, "Хрущёв", "xrushhyov"),
        ] {
            assert_eq!(table.latin(name).as_deref(), Some(latin), "{table:?}");
        }
    }

    #[test]
    fn a_table_of_one_language_writes_no_letter_of_the_other() {
        assert_eq!(Table::Ukraine2010.latin("Крым"), None);
        assert_eq!(Table::RussiaIcao.latin("Київ"), None);
        assert_eq!(tables("Київ", "Kyiv"), 0b11);
        assert_eq!(tables("Київ", "Kiev"), 0);
    }
}
