//! Which items a person finds: in lists and in searches, in their hits, counts and facets alike.
//!
//! The decision is told twice: [`hidden`] for one item, and [`terms`] for an index, which asks for all items at once
//! and must never learn of the others. A property test holds the one to the other.

use std::collections::BTreeSet;
use std::fmt;

/// What a decision on an item goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks<'a> {
    /// The code of the member that brought it.
    pub member: &'a str,
    /// The code of its case.
    pub case: &'a str,
    /// Whether its content has been erased.
    pub erased: bool,
}

/// Who looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seeker {
    /// The one case that is looked into; all if none is named.
    pub case: Option<String>,
    /// Members whose scope is locked and whose desk has not brought its key.
    pub waiting: BTreeSet<String>,
}

/// Why an item's content is not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// Nothing is left of it.
    Erased,
    /// It waits for the desk of its member, which alone can lift that (`comity keys unlock`).
    Waits,
    /// Another case is looked into.
    OtherCase,
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hidden::Erased => "it has been erased",
            Hidden::Waits => "it waits for its member's desk",
            Hidden::OtherCase => "it is of another case",
        })
    }
}

/// Why the content of an item is not found by `seeker`; `None` when it is.
#[must_use]
pub fn hidden(item: Marks<'_>, seeker: &Seeker) -> Option<Hidden> {
    if item.erased {
        Some(Hidden::Erased)
    } else if seeker.waiting.contains(item.member) {
        Some(Hidden::Waits)
    } else if seeker.case.as_ref().is_some_and(|case| case != item.case) {
        Some(Hidden::OtherCase)
    } else {
        None
    }
}

/// A condition of an index on what it may answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// The item's member is none of these.
    MemberNot(Vec<String>),
    /// The item's case is this.
    Case(String),
}

/// The same decision for an index of what has not been erased: all terms must hold.
#[must_use]
pub fn terms(seeker: &Seeker) -> Vec<Term> {
    let mut terms = Vec::new();
    if !seeker.waiting.is_empty() {
        terms.push(Term::MemberNot(seeker.waiting.iter().cloned().collect()));
    }
    terms.extend(seeker.case.clone().map(Term::Case));
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: Marks<'static> = Marks {
        member: "UKR",
        case: "C0001",
        erased: false,
    };

    #[test]
    fn whoever_looks_finds_what_is_open() {
        let mut seeker = Seeker::default();
        assert_eq!(hidden(ITEM, &seeker), None);
        let erased = Marks {
            erased: true,
            ..ITEM
        };
        assert_eq!(hidden(erased, &seeker), Some(Hidden::Erased));
        seeker.case = Some("C0002".to_owned());
        assert_eq!(hidden(ITEM, &seeker), Some(Hidden::OtherCase));
        seeker.waiting.insert("UKR".to_owned());
        assert_eq!(hidden(ITEM, &seeker), Some(Hidden::Waits));
    }
}
