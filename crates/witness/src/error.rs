//! The one error of this crate.

use std::path::PathBuf;

use comity_store::StoreError;

/// Why a witness could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the witness is not what its format says.
    #[error("{path} is damaged: {what}; restore it from a copy that is not older")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// Used wrongly.
    #[error("{0}")]
    Usage(String),
    /// Signing failed.
    #[error("{0}")]
    Sign(#[from] comity_core::checkpoint::SignError),
    /// The network of this machine.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}
