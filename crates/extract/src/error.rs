//! What stops the reading of files altogether. What is wrong with a file is a state, never an error.

use std::{io, path::PathBuf};

/// Why no item can be read, or this one could not be brought to an end.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The program could not be started.
    #[error("the reader {} cannot be started: {source}; check that it is installed", program.display())]
    Start {
        /// Its path.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program started, but did not lock itself in.
    #[error("the reader could not lock itself in, so nothing is read: {0}")]
    Sandbox(String),
    /// The program is of another version.
    #[error(
        "the reader speaks version {0} of the protocol and not {version}; install the one of this release",
        version = crate::protocol::VERSION
    )]
    Version(u8),
    /// The item's own bytes could not be had from where they are kept.
    #[error("the item's bytes could not be read from where they are kept: {0}")]
    Source(#[source] io::Error),
    /// What was found could not be kept.
    #[error("what was found could not be kept: {0}")]
    Sink(#[source] io::Error),
}
