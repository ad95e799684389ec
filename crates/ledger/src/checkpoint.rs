//! What the tree needs to know of a checkpoint: its size and root.
//!
//! Signatures are the caller's matter; here a checkpoint is only held against the tree that it should describe.

use comity_core::checkpoint::Checkpoint;
use comity_core::digest::Digest;
use comity_core::note::Note;

/// A checkpoint beside the note that it is from; its signatures were not verified here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) note: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: Digest,
}

impl Published {
    /// Reads a signed note, or says why it is no checkpoint.
    pub(crate) fn parse(note: &[u8]) -> Result<Published, String> {
        let parsed = Note::parse(note).map_err(|error| format!("not a signed note: {error}"))?;
        let Checkpoint { origin, size, root } = Checkpoint::parse_text(parsed.text())
            .map_err(|error| format!("not a checkpoint: {error}"))?;
        Ok(Published {
            note: note.to_vec(),
            origin,
            size,
            root,
        })
    }
}
