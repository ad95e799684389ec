//! What can go wrong with an index.

/// Why the index did not answer, or was not written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file of the index does not open, or is not what the others say: the index is made anew.
    #[error("the search index is damaged ({what})")]
    Damaged {
        /// Which file, and what is wrong.
        what: String,
    },
    /// The question cannot be honoured exactly.
    #[error("{0}")]
    Question(String),
    /// A file or folder could not be read or written.
    #[error(transparent)]
    Store(#[from] comity_store::StoreError),
}

impl From<tantivy::TantivyError> for IndexError {
    fn from(error: tantivy::TantivyError) -> Self {
        IndexError::Damaged {
            what: error.to_string(),
        }
    }
}

impl From<std::io::Error> for IndexError {
    fn from(error: std::io::Error) -> Self {
        IndexError::Damaged {
            what: error.to_string(),
        }
    }
}

/// What an operation on an index gives.
pub type Result<T> = std::result::Result<T, IndexError>;
