//! What of an event is opened to a reader outside the centre, and what is withheld.
//!
//! Withheld is named and never left out: the leaf, the name of each field and its commitment are handed over
//! (`docs/format/disclosure.md`, chapter Events).

use std::fmt;

/// Who is handed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Who brought the items, and takes a receipt away.
    Deliverer,
    /// A court, the defence or another body, in a disclosure.
    Recipient {
        /// Whether viewings by people are opened too.
        viewings: bool,
    },
}

/// Why something is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// It shows what investigators looked at, and so what they think.
    WorkProduct,
    /// It says where and how the vault keeps the bytes, which is of use only to an attacker.
    Internal,
}

impl fmt::Display for Withheld {
    /// The words that stand in a package as `why`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Withheld::WorkProduct => "work product",
            Withheld::Internal => "internal",
        })
    }
}

/// Why all fields of an event of this `kind` are withheld from `reader`, or `None` when it is opened.
#[must_use]
pub fn event(kind: &str, reader: Reader) -> Option<Withheld> {
    match (kind, reader) {
        ("opened" | "searched", Reader::Deliverer | Reader::Recipient { viewings: false }) => {
            Some(Withheld::WorkProduct)
        }
        _ => None,
    }
}

/// Why the field of this name is withheld from everyone, or `None` when it goes with its event.
#[must_use]
pub fn field(name: &str) -> Option<Withheld> {
    (name == "object").then_some(Withheld::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COURT: Reader = Reader::Recipient { viewings: false };
    const ASKED: Reader = Reader::Recipient { viewings: true };

    #[test]
    fn custody_is_opened_to_everyone() {
        for kind in [
            "received",
            "delivered_again",
            "disclosed",
            "receipt_made",
            "unheard of",
        ] {
            for reader in [Reader::Deliverer, COURT, ASKED] {
                assert_eq!(event(kind, reader), None, "{kind} to {reader:?}");
            }
        }
    }

    #[test]
    fn viewings_are_opened_only_when_asked_for() {
        assert_eq!(event("opened", COURT), Some(Withheld::WorkProduct));
        assert_eq!(
            event("searched", Reader::Deliverer),
            Some(Withheld::WorkProduct)
        );
        assert_eq!(event("opened", ASKED), None);
        assert_eq!(Withheld::WorkProduct.to_string(), "work product");
    }

    #[test]
    fn where_the_vault_keeps_an_object_is_told_to_nobody() {
        assert_eq!(field("object"), Some(Withheld::Internal));
        for name in ["path", "sha256", "objects", "ern", "file"] {
            assert_eq!(field(name), None, "{name}");
        }
    }
}
