//! What can go wrong with a keyring, in words that say what to do.

use std::path::PathBuf;

use comity_store::StoreError;

use crate::slip39::Misfit;

/// The number of a key, from 1, for ever; 0 is the root key.
pub type KeyNumber = u64;

/// Why the keyring could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The passphrase is not the keyring's. The keyring itself is whole.
    #[error(
        "the passphrase is wrong: the keyring is whole, but this passphrase does not open it; check the keyboard layout and try again"
    )]
    WrongPassphrase,
    /// No passphrase opens the keyring any more.
    #[error(
        "no passphrase opens this keyring: it takes shares ({scheme}); `comity keys open` gathers them"
    )]
    NeedsShares {
        /// The scheme, in words.
        scheme: String,
    },
    /// The shares do not come to one secret.
    #[error("the shares do not open the keyring: {misfit}")]
    Shares {
        /// Why not.
        misfit: Misfit,
    },
    /// The shares are whole, and of another sharing than the present one.
    #[error(
        "these shares make a secret that does not open this keyring: they are of an earlier sharing, or of another centre's keyring"
    )]
    WrongShares,
    /// The keyring was never shared, or is not any more.
    #[error("this keyring is not shared: a passphrase opens it, and no shares do")]
    NotShared,
    /// The file of a desk's key is not one.
    #[error("{what}: take the file that `comity keys desk-key` wrote, or a copy of it")]
    DeskFile {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A scheme that cannot be.
    #[error("{what}")]
    Scheme {
        /// What is wrong with it, and an example.
        what: String,
    },
    /// Another program made a new epoch, and what opened this keyring does not open it any more.
    #[error(
        "the keyring is in epoch {epoch} now, and what opened it before does not open it any more: start again with the passphrase or the shares that do"
    )]
    ShutOut {
        /// The epoch of the head.
        epoch: u32,
    },
    /// A desk's key is not the one that the key was locked with.
    #[error("key {number} is locked by another desk's key than the one that was brought")]
    WrongDeskKey {
        /// The locked key.
        number: KeyNumber,
    },
    /// The bytes of a file are not what was written. Never a matter of the passphrase.
    #[error("{} is damaged at {place}: {what}; {}", file.display(), advice(file))]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where in it, for people: a line, a slot and its key number.
        place: String,
        /// What is wrong there.
        what: String,
    },
    /// The key, or one that it is wrapped with, was destroyed. Nothing brings it back.
    #[error("key {number} was destroyed; what was sealed with it cannot be read again")]
    Destroyed {
        /// The destroyed key: the one asked for, or a scope above it.
        number: KeyNumber,
    },
    /// No key of this number was ever made here.
    #[error(
        "there is no key {number} in this keyring; if the ledger names it, the keyring is older than the ledger: restore a newer backup of the keyring"
    )]
    NoSuchKey {
        /// The number asked for.
        number: KeyNumber,
    },
    /// The key, or a scope above it, opens only together with the key that the member's desk brings.
    #[error(
        "key {number} is locked by its member's desk: it opens only with the key that the desk brings"
    )]
    Locked {
        /// The locked key.
        number: KeyNumber,
    },
    /// A key was to be wrapped by one that is not a scope key.
    #[error("key {number} is not a scope key, so it cannot wrap other keys")]
    NotAScope {
        /// The parent that was named.
        number: KeyNumber,
    },
    /// There is no keyring in the folder.
    #[error("there is no keyring in {}: is this the folder of a centre?", dir.display())]
    NoKeyring {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds a keyring already.
    #[error("{} holds a keyring already, and it was left as it is", dir.display())]
    AlreadyThere {
        /// The folder.
        dir: PathBuf,
    },
    /// A file is whole, but of a format that this program does not know.
    #[error("{} cannot be read by this program: {what}; use the release of Comity that wrote it, or a newer one", file.display())]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// What is not known.
        what: String,
    },
    /// The caller asked for something that no keyring does.
    #[error("{what}")]
    Refused {
        /// What was asked, and why it is refused.
        what: &'static str,
    },
    /// The disk failed. [`KeyringError::must_stop`] says whether to stop or to try again.
    #[error("{source}{}", io_advice(source))]
    Io {
        /// What the store says.
        #[from]
        source: StoreError,
    },
    /// An earlier flush failed in this process, so nothing more is written by it.
    #[error("an earlier write to the keyring may not be on the disk; {STOP}")]
    Stopped,
}

fn io_advice(source: &StoreError) -> String {
    match source {
        StoreError::Full { .. } if !source.is_fatal() => String::new(),
        _ if source.is_fatal() => format!("; {STOP}"),
        _ => format!("; {AGAIN}"),
    }
}

const STOP: &str =
    "stop the program, check the disk, and start again: keys that were acknowledged are safe";
const AGAIN: &str = "nothing that was acknowledged is affected: try again when the cause is gone";

impl KeyringError {
    /// Whether the process must end and recover by a new start, rather than try again.
    pub fn must_stop(&self) -> bool {
        match self {
            KeyringError::Io { source } => source.is_fatal(),
            KeyringError::Stopped => true,
            _ => false,
        }
    }

    /// The same for a finding, which names the file itself.
    pub(crate) fn within_file(&self) -> String {
        match self {
            KeyringError::Damaged { file, place, what } => {
                format!("{place}: {what}; {}", advice(file))
            }
            KeyringError::Unsupported { what, .. } => {
                format!("{what}: use the release of Comity that wrote it, or a newer one")
            }
            other => other.to_string(),
        }
    }
}

fn advice(file: &std::path::Path) -> &'static str {
    if file
        .file_name()
        .is_some_and(|name| name == crate::head::FILE)
    {
        "without it no key of this centre opens, whatever the passphrase: only a backup of the keyring helps"
    } else {
        "restore the file from a backup of the keyring; its other keys still open"
    }
}
