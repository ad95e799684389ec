//! A question: its grammar is in `docs/search.md`, «What can be asked».

mod lex;
mod parse;
mod show;

use std::fmt;

pub use parse::parse;

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// A word, however it is spelled and inflected, unless it says otherwise.
    Word(Word),
    /// Words one after the other.
    Phrase(Vec<Word>),
    /// Two places of a text with at most so many words between them, in either order.
    Near {
        /// A word, a phrase, or another pair.
        left: Box<Query>,
        /// A word or a phrase.
        right: Box<Query>,
        /// How many words may lie between, 1 to [`MAX_NEAR`].
        within: u32,
    },
    /// What is known of an item.
    Field {
        /// Which of the things that are known.
        field: Field,
        /// What it must be.
        value: Value,
    },
    /// Has something at all.
    Has(Thing),
    /// Coordinates not farther from a point than this.
    Around(Around),
    /// Every one of these; two or more.
    And(Vec<Query>),
    /// Any of these; two or more.
    Or(Vec<Query>),
    /// What this does not find.
    Not(Box<Query>),
}

/// A word that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Word {
    /// As it was typed.
    pub text: String,
    /// Which words count as it.
    pub form: Form,
}

/// Which words count as the one that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Its inflected forms too.
    Any,
    /// This form alone, in any spelling: `=word`.
    Exact,
    /// Whatever begins so: `word*`.
    Begins,
    /// Whatever is so many letters away, 1 or 2: `word~`, `word~2`.
    Fuzzy(u8),
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// This.
    Is(String),
    /// What begins so.
    Begins(String),
    /// From this to that, both included; an open end is `None`. Dates, years and sizes.
    Range(Option<String>, Option<String>),
}

/// A circle on the earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Around {
    /// Degrees north, −90 to 90.
    pub latitude: f64,
    /// Degrees east, −180 to 180.
    pub longitude: f64,
    /// Its radius in kilometres, above 0, at most 20,038 (half the way round).
    pub km: f64,
}

macro_rules! names {
    ($(#[$doc:meta])* $kind:ident: $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind {
            $($(#[$of])* $variant),+
        }

        impl $kind {
            /// All of them.
            pub const ALL: &[$kind] = &[$($kind::$variant),+];

            /// As it is typed.
            pub fn word(self) -> &'static str {
                match self {
                    $($kind::$variant => $word),+
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

names! {
    /// What is known of an item.
    Field:
    /// Its evidence registration number.
    Ern = "ern",
    /// Its path, as it was handed over.
    Path = "path",
    /// What kind of thing it is, by its content.
    Type = "type",
    /// A language of its text, by code.
    Language = "language",
    /// Its originator.
    Member = "member",
    /// Its case.
    Case = "case",
    /// Whom it came from.
    Source = "source",
    /// What became of it when it was taken in and read.
    State = "state",
    /// A date of it: day, month or year, or a range.
    Date = "date",
    /// A year of it.
    Year = "year",
    /// A place of it, by name.
    Place = "place",
    /// Its handling code.
    Handling = "handling",
    /// Its length in bytes.
    Size = "size",
    /// Who made it, by its own metadata.
    Author = "author",
    /// Sender of a mail.
    From = "from",
    /// Recipient of a mail.
    To = "to",
    /// Subject of a mail, title of a document.
    Subject = "subject",
    /// What it is nearly the same as, by number.
    Like = "like",
    /// A name of somebody or something on a list of names, who stands in it under any name.
    Name = "name",
    /// The id of somebody or something on a list of names.
    Entity = "entity",
    /// A list of known files that it is on.
    Known = "known",
    /// A watch list that it is on.
    Watch = "watch",
}

names! {
    /// What an item may have.
    Thing:
    /// Text.
    Text = "text",
    /// Coordinates.
    Gps = "gps",
    /// A date of its own.
    Date = "date",
    /// Items inside.
    Children = "children",
    /// A picture for viewing.
    Thumbnail = "thumbnail",
    /// Text that was recognised in pictures.
    Ocr = "ocr",
    /// Names that stand on lists.
    Name = "name",
    /// A place on a list of known files.
    Known = "known",
    /// A place on a watch list.
    Watch = "watch",
}

impl Field {
    /// Whether its values have an order, so that a range of them can be asked for.
    pub fn has_order(self) -> bool {
        matches!(self, Field::Date | Field::Year | Field::Size | Field::Ern)
    }
}

/// The most words between the two sides of `near`.
pub const MAX_NEAR: u32 = 100;
/// The longest question, in bytes.
pub const MAX_LEN: usize = 16_384;
/// Parentheses inside one another at most.
pub const MAX_DEPTH: usize = 64;

/// A question that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at character {at}")]
pub struct QueryError {
    /// What is wrong, and where it helps, what to type instead.
    pub what: String,
    /// Where, counted in characters from 1.
    pub at: usize,
}
