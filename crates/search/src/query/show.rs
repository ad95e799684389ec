//! A question in words again, so that a person sees how it was understood. Reading it gives the same question.

use std::fmt::{Display, Formatter, Result};

use super::{Form, Query, Value, Word};

/// How tightly a part binds, loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binds {
    Or,
    And,
    Not,
    Near,
    Alone,
}

impl Query {
    fn binds(&self) -> Binds {
        match self {
            Query::Or(_) => Binds::Or,
            Query::And(_) => Binds::And,
            Query::Not(_) => Binds::Not,
            Query::Near { .. } => Binds::Near,
            _ => Binds::Alone,
        }
    }

    /// In parentheses where it binds more loosely than what stands around it.
    fn inside(&self, around: Binds, f: &mut Formatter<'_>) -> Result {
        if self.binds() < around {
            write!(f, "({self})")
        } else {
            write!(f, "{self}")
        }
    }

    fn joined(parts: &[Query], word: &str, around: Binds, f: &mut Formatter<'_>) -> Result {
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                write!(f, " {word} ")?;
            }
            part.inside(around, f)?;
        }
        Ok(())
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Query::Word(word) => write!(f, "{word}"),
            Query::Phrase(words) => {
                let exact = words.iter().all(|w| w.form == Form::Exact);
                f.write_str(if exact { "=\"" } else { "\"" })?;
                for (i, word) in words.iter().enumerate() {
                    f.write_str(if i > 0 { " " } else { "" })?;
                    f.write_str(&word.text)?;
                    f.write_str(if word.form == Form::Begins { "*" } else { "" })?;
                }
                f.write_str("\"")
            }
            Query::Near {
                left,
                right,
                within,
            } => {
                left.inside(Binds::Near, f)?;
                write!(f, " near/{within} ")?;
                right.inside(Binds::Alone, f)
            }
            Query::Field { field, value } => write!(f, "{field}:{value}"),
            Query::Has(thing) => write!(f, "has:{thing}"),
            Query::Around(a) => write!(f, "near({},{},{})", a.latitude, a.longitude, a.km),
            Query::And(parts) => Query::joined(parts, "AND", Binds::Not, f),
            Query::Or(parts) => Query::joined(parts, "OR", Binds::And, f),
            Query::Not(part) => {
                f.write_str("NOT ")?;
                part.inside(Binds::Not, f)
            }
        }
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let word = &self.text;
        // A word that would be taken for a sign of the language is quoted.
        let sign = matches!(word.as_str(), "AND" | "OR" | "NOT");
        match self.form {
            Form::Any if sign => write!(f, "\"{word}\""),
            Form::Any => f.write_str(word),
            Form::Exact => write!(f, "={word}"),
            Form::Begins => write!(f, "{word}*"),
            Form::Fuzzy(1) => write!(f, "{word}~"),
            Form::Fuzzy(n) => write!(f, "{word}~{n}"),
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let plain = |text: &str| {
            let signs = |c: char| c.is_whitespace() || "()*\"«»“”„‟".contains(c);
            !text.is_empty() && !text.contains(signs) && !text.contains("..")
        };
        match self {
            Value::Is(text) if plain(text) => f.write_str(text),
            Value::Is(text) => write!(f, "\"{text}\""),
            Value::Begins(text) if plain(text) => write!(f, "{text}*"),
            Value::Begins(text) => write!(f, "\"{text}*\""),
            Value::Range(from, to) => {
                let end = |e: &Option<String>| e.clone().unwrap_or_default();
                write!(f, "{}..{}", end(from), end(to))
            }
        }
    }
}
