//! The names of a list, laid so that a text is looked through once, whatever their number.
//!
//! Each name stands under the pair of its words that fewest names have (under its one word, if it has no more), and a
//! person's name also under each word that may be the surname, with the first letter of a given name. A text asks for the
//! pairs of words that stand near each other, and looks at the rest of a name only where such a pair is there.

use comity_words::{pairs, words};

use crate::entity::{Entity, Kind};
use crate::tokens::{Gathering, Texts, Token, Tokens};

/// Words of a name at most: what has more is a sentence, and is not looked for.
pub(crate) const MAX_WORDS: usize = 8;
/// Letters of a name of one word at least.
const MIN_LETTERS: usize = 3;
/// In the place of a second word: there is none.
pub(crate) const ALONE: u32 = u32::MAX;
/// In the place of a second word, with a letter: an initial.
pub(crate) const INITIAL: u32 = 0x8000_0000;

/// A name of an entity.
pub(crate) struct Name {
    pub entity: u32,
    start: u32,
    len: u8,
    pub is_alias: bool,
    /// The patronymic that the list has is left away.
    pub no_patronymic: bool,
    /// Its words may stand in any order: of a person.
    pub any_order: bool,
}

/// An entity, as far as matches show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of<'a> {
    /// Its id in the list.
    pub id: &'a str,
    /// What it is.
    pub kind: Kind,
    /// The name that it is shown by.
    pub caption: &'a str,
}

/// Names, while a list is read.
#[derive(Default)]
pub struct Building {
    tokens: Gathering,
    flat: Vec<Token>,
    names: Vec<Name>,
    texts: Texts,
    ids: Texts,
    kinds: Vec<Kind>,
    initials: Vec<(u64, u32)>,
    left_out: u64,
    is_full: bool,
}

/// Names of a list, ready to be found.
pub struct Names {
    pub(crate) tokens: Tokens,
    flat: Vec<Token>,
    names: Vec<Name>,
    captions: Texts,
    ids: Texts,
    kinds: Vec<Kind>,
    /// Pairs of words and the name that stands under them, sorted.
    under: Vec<(u64, u32)>,
    /// Words by which the two of a pair are apart at most.
    pub(crate) reach: u32,
    /// Names that are not looked for: too long, or without a word.
    pub left_out: u64,
}

impl Names {
    /// Begins to take names.
    pub fn build() -> Building {
        Building::default()
    }

    /// How many entities there are.
    pub fn entities(&self) -> usize {
        self.kinds.len()
    }

    /// How many names are looked for.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// An entity by its number.
    pub fn entity(&self, number: u32) -> Of<'_> {
        let kind = self.kinds.get(number as usize);
        Of {
            id: self.ids.get(number),
            kind: kind.copied().unwrap_or(Kind::Person),
            caption: self.captions.get(number),
        }
    }

    pub(crate) fn name(&self, number: u32) -> Option<(&Name, &[Token])> {
        let name = self.names.get(number as usize)?;
        let start = name.start as usize;
        Some((name, self.flat.get(start..start + usize::from(name.len))?))
    }

    /// The names that stand under a pair.
    pub(crate) fn under(&self, a: u32, b: u32) -> impl Iterator<Item = u32> {
        let key = pair(a, b);
        let start = self.under.partition_point(|(k, _)| *k < key);
        let rest = self.under.get(start..).unwrap_or_default().iter();
        rest.take_while(move |(k, _)| *k == key).map(|(_, n)| *n)
    }
}

/// Two words of a name in one number, in no order.
fn pair(a: u32, b: u32) -> u64 {
    u64::from(a.min(b)) << 32 | u64::from(a.max(b))
}

/// A letter as an initial, the same in both alphabets; `None` for what is none.
pub(crate) fn initial(word: &str) -> Option<u32> {
    let first = word.chars().next().filter(|c| c.is_alphabetic())?;
    let lower = first.to_lowercase().next()?;
    let letter = match lower {
        'а' => 'a',
        'б' => 'b',
        'в' | 'w' => 'v',
        'г' | 'ґ' | 'х' | 'g' => 'h',
        'д' => 'd',
        'е' | 'э' | 'ё' => 'e',
        'ж' => 'z',
        'з' => 'z',
        'и' | 'і' | 'ї' | 'й' | 'ы' | 'є' | 'ю' | 'я' | 'y' | 'j' => 'i',
        'к' | 'q' => 'k',
        'л' => 'l',
        'м' => 'm',
        'н' => 'n',
        'о' => 'o',
        'п' => 'p',
        'р' => 'r',
        'с' | 'ш' | 'щ' => 's',
        'т' => 't',
        'у' => 'u',
        'ф' => 'f',
        'ц' | 'ч' => 'c',
        other => other,
    };
    Some(letter as u32)
}

impl Building {
    /// How many names were taken.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether there is no room for more: past 4 GiB of names.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes an entity with its names.
    pub fn add(&mut self, entity: &Entity) {
        let (Some(number), Some(_)) = (self.ids.push(&entity.id), self.texts.push(&entity.caption))
        else {
            self.is_full = true;
            return;
        };
        self.kinds.push(entity.kind);
        self.add_name(number, entity, &entity.caption, false);
        for name in &entity.names {
            self.add_name(number, entity, name, true);
        }
    }

    fn add_name(&mut self, number: u32, entity: &Entity, name: &str, is_alias: bool) {
        let spelled: Vec<&str> = words(name).map(|w| w.text).collect();
        let is_short = spelled.len() == 1 && name.trim().chars().count() < MIN_LETTERS;
        let has_letters = spelled.iter().any(|w| w.chars().any(char::is_alphabetic));
        if spelled.len() > MAX_WORDS || is_short || !has_letters {
            self.left_out += 1;
            return;
        }
        let tokens: Option<Vec<Token>> = spelled.iter().map(|w| self.tokens.token(w)).collect();
        let start = u32::try_from(self.flat.len());
        let (Some(tokens), Ok(start), Ok(at)) = (tokens, start, u32::try_from(self.names.len()))
        else {
            self.is_full = true;
            return;
        };
        let is_person = entity.kind == Kind::Person;
        if is_person && tokens.len() > 1 {
            self.add_initials(at, entity, &spelled, &tokens);
        }
        self.names.push(Name {
            entity: number,
            start,
            len: tokens.len() as u8,
            is_alias,
            no_patronymic: false,
            any_order: is_person,
        });
        self.flat.extend(&tokens);
        // Most texts leave the patronymic away.
        let patronymic = spelled.iter().skip(1).position(|w| pairs::is_patronymic(w));
        if let Some(gone) = patronymic.filter(|_| is_person && tokens.len() == 3)
            && let Ok(start) = u32::try_from(self.flat.len())
        {
            self.names.push(Name {
                entity: number,
                start,
                len: 2,
                is_alias,
                no_patronymic: true,
                any_order: true,
            });
            let rest = tokens.iter().enumerate().filter(|(i, _)| *i != gone + 1);
            self.flat.extend(rest.map(|(_, token)| *token));
        }
    }

    /// A person's name stands under each word that may be the surname, with the initial of a given name.
    fn add_initials(&mut self, name: u32, entity: &Entity, spelled: &[&str], tokens: &[Token]) {
        let known = |word: &str| {
            entity
                .surnames
                .iter()
                .any(|s| words(s).any(|w| w.text == word))
        };
        let told = spelled.iter().any(|word| known(word));
        // Of two words, one that ends like a patronymic is a surname.
        let is_patronymic = |word: &str| spelled.len() > 2 && pairs::is_patronymic(word);
        let may_be_surname = |word: &str| match told {
            true => known(word),
            false => !is_patronymic(word) && pairs::groups(word).iter().all(|g| !g.is_given),
        };
        for (i, word) in spelled.iter().enumerate() {
            if word.chars().count() < MIN_LETTERS || !may_be_surname(word) {
                continue;
            }
            for (j, given) in spelled.iter().enumerate() {
                if i != j
                    && !is_patronymic(given)
                    && let Some(letter) = initial(given)
                    && let Some(token) = tokens.get(i)
                {
                    self.initials.push((pair(*token, INITIAL | letter), name));
                }
            }
        }
    }

    /// Lays the names so that they can be found.
    pub fn finish(self) -> Names {
        let tokens = self.tokens.finish();
        let mut often = vec![0u32; tokens.len()];
        for token in &self.flat {
            if let Some(count) = often.get_mut(*token as usize) {
                *count += 1;
            }
        }
        let count = |token: &Token| often.get(*token as usize).copied().unwrap_or(0);
        let mut under = self.initials;
        let mut reach = 1;
        for (at, name) in (0u32..).zip(&self.names) {
            let start = name.start as usize;
            let own = self
                .flat
                .get(start..start + usize::from(name.len))
                .unwrap_or_default();
            match own {
                [] => {}
                [one] => under.push((pair(*one, ALONE), at)),
                [..] if name.any_order => {
                    let mut own = own.to_vec();
                    own.sort_by_key(count);
                    // Between two words of a name a patronymic may stand that the list does not have.
                    reach = reach.max(u32::from(name.len) - 1).max(2);
                    under.push((pair(own[0], own[1]), at));
                }
                [..] => {
                    let rarest = own
                        .windows(2)
                        .min_by_key(|w| w.iter().map(count).sum::<u32>());
                    under.extend(rarest.map(|w| (pair(w[0], w[1]), at)));
                }
            }
        }
        under.sort_unstable();
        under.dedup();
        Names {
            tokens,
            flat: self.flat,
            names: self.names,
            captions: self.texts,
            ids: self.ids,
            kinds: self.kinds,
            under,
            reach,
            left_out: self.left_out,
        }
    }
}
