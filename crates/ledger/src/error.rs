//! Why the ledger could not do as asked.

use comity_store::StoreError;

/// Why the ledger could not do as asked. [`LedgerError::is_fatal`] tells 'stop and recover' from 'try again'.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store refused; what was acknowledged before is untouched.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the ledger is damaged, missing, or of another ledger. Nothing may be signed on top of it.
    #[error("{file} is damaged: {what}; stop, and restore it from a copy")]
    Corrupt {
        /// The file, named from the root of the object store.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// Another process put something else there after this one had looked: this one has lost its turn.
    #[error(
        "another process wrote {file} meanwhile, and this one was held up too long; nothing was lost, give the command again"
    )]
    Overtaken {
        /// The file, named from the root of the object store.
        file: String,
    },
    /// An event that is already in the tree was appended again with another content.
    #[error("the ledger already holds another event at index {index}; stop: two writers disagree")]
    Conflict {
        /// The index of the leaf.
        index: u64,
    },
    /// Events between the end of the tree and the ones given are missing.
    #[error("the ledger holds {size} events, so the next index is {size}, and not {first}")]
    Gap {
        /// The index of the first event given.
        first: u64,
        /// The number of events in the tree.
        size: u64,
    },
    /// An entry or a sealed body is larger than the format can hold.
    #[error("the {part} of event {index} has {len} bytes; at most {max} can be recorded")]
    TooLarge {
        /// The index of the leaf.
        index: u64,
        /// `entry` or `sealed body`.
        part: &'static str,
        /// Its size in bytes.
        len: usize,
        /// The largest size in bytes.
        max: usize,
    },
    /// The index or size is not in the tree.
    #[error("{asked} is past the end of the ledger, which holds {size} events")]
    OutOfRange {
        /// The index or size asked for.
        asked: u64,
        /// The number of events in the tree.
        size: u64,
    },
    /// A checkpoint that must not be published on this tree.
    #[error("the checkpoint cannot be published: {what}")]
    Unfit {
        /// Why not.
        what: String,
    },
    /// The ledger was opened for reading alone.
    #[error("the ledger was opened for reading alone")]
    ReadOnly,
}

impl LedgerError {
    /// Whether the caller must stop and recover rather than try again: the ledger or its disk cannot be trusted.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            LedgerError::Corrupt { .. } | LedgerError::Conflict { .. } => true,
            LedgerError::Store(error) => error.is_fatal(),
            _ => false,
        }
    }

    pub(crate) fn overtaken(file: impl Into<String>) -> LedgerError {
        LedgerError::Overtaken { file: file.into() }
    }

    pub(crate) fn corrupt(file: impl Into<String>, what: impl Into<String>) -> LedgerError {
        LedgerError::Corrupt {
            file: file.into(),
            what: what.into(),
        }
    }
}
