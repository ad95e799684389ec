//! The statements of a log in their order.

use super::{FIRST_LINE, Heirs, Statement, Succession, SuccessionError, Vouched};
use crate::digest::Digest;
use crate::unverified::Unverified;
use crate::vkey::Vkey;

/// The most statements that a list may have.
pub const MAX_STATEMENTS: usize = 64;

/// A statement that holds, in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succeeded {
    /// What it says.
    pub says: Succession,
    /// Who vouches for it.
    pub by: Vouched,
    bytes: Vec<u8>,
}

impl Succeeded {
    /// The statement's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What happened, for people: `keys succeeded at size 12, signed by the old keys`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Succession { size, heirs, .. } = &self.says;
        let what = match self.says.only_names_heirs() {
            true if heirs.need == 0 => format!("heirs of the keys were taken away at size {size}"),
            true => {
                let names: Vec<&str> = heirs.vkeys.iter().map(Vkey::name).collect();
                let (need, names) = (heirs.need, names.join(", "));
                format!("heirs of the keys were named at size {size}: any {need} of {names}")
            }
            false => format!("keys succeeded at size {size}"),
        };
        match &self.by {
            Vouched::OldKeys if self.says.only_names_heirs() => {
                format!("{what}, signed by the keys")
            }
            Vouched::OldKeys => format!("{what}, signed by the old keys"),
            Vouched::Heirs(names) => format!("{what}, by the quorum of {}", names.join(" and ")),
        }
    }
}

/// Lists of statements of which neither continues the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// A statement that is none or does not hold.
    #[error("{0}")]
    Statement(#[from] SuccessionError),
    /// Text before the first statement, or too many.
    #[error("the succession statements: {0}")]
    Text(&'static str),
}

/// Cuts text where a statement begins. What stands before the first one is a part too, and nothing is checked.
pub fn statements_of(text: &str) -> impl Iterator<Item = &str> {
    let next = format!("\n{FIRST_LINE}\n");
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.find(&next).map_or(rest.len(), |at| at + 1);
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// The statements of a log, each verified after the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Vec<Succeeded>);

impl Chain {
    /// Reads statements that follow directly one after the other, and verifies each.
    ///
    /// # Errors
    /// Text that is no list of statements, or one that does not hold after those before it.
    pub fn parse(text: &str) -> Result<Chain, ChainError> {
        let mut chain = Chain::default();
        for part in statements_of(text) {
            if !part.starts_with(FIRST_LINE) {
                return Err(ChainError::Text("a line that belongs to no statement"));
            }
            chain.push(Statement::parse(part.as_bytes())?)?;
        }
        Ok(chain)
    }

    /// Adds a statement, if it holds after those that are there.
    ///
    /// # Errors
    /// It does not follow, or is not signed as it must be.
    pub fn push(&mut self, statement: Unverified<Statement>) -> Result<&Succeeded, ChainError> {
        if self.0.len() == MAX_STATEMENTS {
            return Err(ChainError::Text("more than 64"));
        }
        let statement = statement.into_claimed();
        let says = statement.says();
        let mut former_heirs = &Heirs::default();
        if let Some(Succeeded { says: former, .. }) = self.0.last() {
            let follows = |holds: bool, what| match holds {
                true => Ok(()),
                false => Err(SuccessionError::DoesNotFollow {
                    size: says.size,
                    what,
                }),
            };
            follows(says.origin == former.origin, "it is of another log")?;
            follows(says.size > former.size, "its size is not a later one")?;
            follows(says.old == former.new, "its old keys are not those of then")?;
            former_heirs = &former.heirs;
        }
        let by = statement.vouched(former_heirs)?;
        let bytes = statement.encode();
        let says = statement.says;
        self.0.push(Succeeded { says, by, bytes });
        self.0
            .last()
            .ok_or(ChainError::Text("no place for another"))
    }

    /// The statements.
    #[must_use]
    pub fn statements(&self) -> &[Succeeded] {
        &self.0
    }

    /// The statements that speak of trees smaller than `size`: what a copy at that size needs.
    #[must_use]
    pub fn below(&self, size: u64) -> Chain {
        let below = self.0.iter().take_while(|s| s.says.size < size);
        Chain(below.cloned().collect())
    }

    /// The text: the statements one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().flat_map(|s| s.bytes.clone()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The keys that sign a tree of `size`, if a statement says it.
    #[must_use]
    pub fn keys_at(&self, size: u64) -> Option<&[Vkey]> {
        let last = self.0.iter().rev().find(|s| s.says.size < size);
        let first = || self.0.first().map(|s| s.says.old.as_slice());
        last.map(|s| s.says.new.as_slice()).or_else(first)
    }

    /// The root that a statement names for the tree of `size`.
    pub(crate) fn root_at(&self, size: u64) -> Option<&Digest> {
        let found = self.0.iter().find(|s| s.says.size == size)?;
        Some(&found.says.root)
    }

    /// Every set of keys that signs or signed, with the sizes: above the first, up to the second.
    pub(crate) fn reigns(&self) -> impl Iterator<Item = (Option<u64>, Option<u64>, &[Vkey])> {
        let first = self.0.first().map(|s| (None, s.says.old.as_slice()));
        let changes = || self.0.iter().filter(|s| !s.says.only_names_heirs());
        let later = changes().map(|s| (Some(s.says.size), s.says.new.as_slice()));
        let ends = changes().map(|s| Some(s.says.size)).chain([None]);
        first
            .into_iter()
            .chain(later)
            .zip(ends)
            .map(|((above, keys), up_to)| (above, up_to, keys))
    }

    /// The heirs that are named now.
    #[must_use]
    pub fn heirs(&self) -> Option<&Heirs> {
        let heirs = &self.0.last()?.says.heirs;
        (heirs.need > 0).then_some(heirs)
    }

    /// Whether `other` begins with these statements. Who signed them may differ.
    #[must_use]
    pub fn is_beginning_of(&self, other: &Chain) -> bool {
        let same = |(a, b): (&Succeeded, &Succeeded)| a.says == b.says;
        self.0.len() <= other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}
