//! Canonical JSON: RFC 8785 (JCS), restricted to what every reader reads alike.
//!
//! Objects, arrays, strings, `true`, `false`, `null` and integers from −(2⁵³−1) to 2⁵³−1; no
//! fractions, no exponents, no duplicate member names, at most 64 levels deep
//! (`docs/format/README.md`). [`serde_json`] is used for its [`Value`] only: its reader keeps the
//! last of two equal names and its writer sorts by code points, so both are ours.

mod parse;
mod write;

pub use serde_json::{Map, Value, json};

pub use parse::{parse, parse_canonical};
pub(crate) use write::write_integer;
pub use write::{canonical, write_canonical, write_string};

/// The deepest nesting of arrays and objects that is read or written.
pub const MAX_DEPTH: usize = 64;

/// The largest integer that is read or written, and its negative the smallest: 2⁵³−1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// JSON that we do not read or write. `at` counts bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where.
        at: usize,
    },
    /// The grammar of RFC 8259 is broken.
    #[error("not JSON: expected {expected} at byte {at}")]
    Syntax {
        /// Where.
        at: usize,
        /// What could have stood there.
        expected: &'static str,
    },
    /// Two members of one object have the same name.
    #[error("the member name {name:?} occurs twice in one object, the second time at byte {at}")]
    DuplicateName {
        /// Where the second begins.
        at: usize,
        /// The name.
        name: String,
    },
    /// A number with a fraction, an exponent or too many digits, or minus zero.
    #[error("the number at byte {at} is not an integer from -(2^53-1) to 2^53-1")]
    Number {
        /// Where it begins.
        at: usize,
    },
    /// Arrays and objects nested more than [`MAX_DEPTH`] deep.
    #[error("nested more than 64 levels deep at byte {at}")]
    TooDeep {
        /// Where the level too many begins.
        at: usize,
    },
    /// Something follows the value.
    #[error("the JSON value ends at byte {at}, but more follows")]
    Trailing {
        /// Where the rest begins.
        at: usize,
    },
    /// Read, but not as a canonical writer would have written it.
    #[error("JSON, but not canonical (RFC 8785) from byte {at} on")]
    NotCanonical {
        /// The first byte that differs.
        at: usize,
    },
    /// Asked to write a number that is not an integer in range.
    #[error(
        "cannot write the number {number}: only integers from -(2^53-1) to 2^53-1 are canonical"
    )]
    UnwritableNumber {
        /// The number.
        number: String,
    },
    /// Asked to write arrays and objects nested more than [`MAX_DEPTH`] deep.
    #[error("cannot write JSON nested more than 64 levels deep")]
    UnwritableDepth,
}
