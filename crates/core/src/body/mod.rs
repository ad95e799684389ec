//! The body of an event: named fields in two classes, and the commitment to them
//! (`docs/format/body.md`).

mod commit;
mod encode;
mod sealed;
mod section;

pub(crate) use commit::{ListBytes, commit_canonical};
pub use commit::{body_commitment, field_commitment, salt};
pub use encode::EncodedBody;
pub use sealed::{SealedBody, section_context};
pub use section::{CustodySection, OpenField};

use std::fmt;

use crate::json::{JsonError, Value};

/// The longest name of a field, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// The class of a field: what erasure leaves, and what it destroys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What the history of custody needs for ever.
    Custody,
    /// What erasure destroys.
    Content,
}

impl Class {
    /// The name that commitments and contexts use: `custody` or `content`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Custody => "custody",
            Class::Content => "content",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One field of a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its class.
    pub class: Class,
    /// Its name: `[a-z][a-z0-9_]*`, at most 64 bytes, unique in its body.
    pub name: String,
    /// Its value; anything that canonical JSON can say.
    pub value: Value,
}

impl Field {
    /// A custody field.
    pub fn custody(name: impl Into<String>, value: impl Into<Value>) -> Field {
        Field {
            class: Class::Custody,
            name: name.into(),
            value: value.into(),
        }
    }

    /// A content field.
    pub fn content(name: impl Into<String>, value: impl Into<Value>) -> Field {
        Field {
            class: Class::Content,
            name: name.into(),
            value: value.into(),
        }
    }
}

/// The random seeds from which the salts of a body are derived, one for each class.
#[derive(Clone, PartialEq, Eq)]
pub struct Seeds {
    /// Of the custody fields.
    pub custody: [u8; 32],
    /// Of the content fields; not kept anywhere when a body has none.
    pub content: [u8; 32],
}

impl fmt::Debug for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seeds(hidden)")
    }
}

/// What an event says. Custody fields come before content fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The seeds of its salts.
    pub seeds: Seeds,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

impl Body {
    /// The value of the field `name`, of either class.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| &field.value)
    }
}

/// A body, or the bytes of one, that breaks the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// A name that a field may not have.
    #[error("{0:?} cannot name a field: names are [a-z][a-z0-9_]*, at most 64 bytes")]
    FieldName(String),
    /// Two fields with one name.
    #[error("two fields are named {0}")]
    DuplicateField(String),
    /// A custody field after a content field.
    #[error("the custody field {0} stands after a content field")]
    CustodyAfterContent(String),
    /// A value that canonical JSON cannot say, or that is not written canonically.
    #[error("the value of {name}: {source}")]
    Value {
        /// The field.
        name: String,
        /// What is wrong with its value.
        source: JsonError,
    },
    /// More than the format has room for.
    #[error("{what} is too large for the format")]
    TooLarge {
        /// What.
        what: &'static str,
    },
    /// The bytes end too early.
    #[error("cut short: {what} is missing at byte {at}")]
    CutShort {
        /// Where, counted from 0.
        at: usize,
        /// What should begin there.
        what: &'static str,
    },
    /// More bytes than the format says.
    #[error("{extra} bytes follow the end")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A class byte that is neither 0 nor 1.
    #[error("byte {at} is {found}: a class is 0 or 1")]
    UnknownClass {
        /// Where.
        at: usize,
        /// What stands there.
        found: u8,
    },
    /// A version of the sealed body that this program does not know.
    #[error("a sealed body of version {0}: a newer program may read it")]
    UnknownVersion(u8),
    /// A reserved byte is not zero, or the content's key and length do not fit each other.
    #[error("the header of the sealed body is damaged: {0}")]
    Header(&'static str),
    /// A content section for a body without content fields.
    #[error("a content section, but the body has no content fields")]
    UnexpectedContent,
    /// A whole body was asked for, but its content section is not there.
    #[error("the content section is withheld or was erased")]
    NoContent,
    /// A value in the content section is not the one that was committed to.
    #[error("the content field {0} does not match its commitment")]
    WrongContent(String),
}

fn check_name(name: &str) -> Result<(), BodyError> {
    let mut bytes = name.bytes();
    let well_formed = name.len() <= MAX_NAME_BYTES
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if well_formed {
        Ok(())
    } else {
        Err(BodyError::FieldName(name.to_owned()))
    }
}

/// Checks that no two names are equal.
fn check_unique<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<(), BodyError> {
    const FEW: usize = 32;
    let duplicate = |name: &str| Err(BodyError::DuplicateField(name.to_owned()));
    if names.clone().nth(FEW).is_none() {
        for (i, name) in names.clone().enumerate() {
            if names.clone().take(i).any(|earlier| earlier == name) {
                return duplicate(name);
            }
        }
        return Ok(());
    }
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return duplicate(name);
        }
    }
    Ok(())
}
