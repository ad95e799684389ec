//! The one error of this crate.

use crate::sql::SqlError;
use comity_keyring::KeyringError;
use comity_ledger::LedgerError;
use comity_seal::SealError;
use comity_store::StoreError;
use comity_vault::VaultError;

/// Why a command did not do what was asked. The sentence says what happened, to what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Asked for wrongly: nothing was done.
    #[error("{0}")]
    Usage(String),
    /// Something kept is damaged or missing.
    #[error("{place} is damaged: {what}")]
    Damaged {
        /// File, table or item.
        place: String,
        /// What does not fit.
        what: String,
    },
    /// The deliverer's side does not hold what it should.
    #[error("{0}")]
    Refused(String),
    /// This copy of the centre must not sign (ADR 0004).
    #[error("nothing is signed: {0}")]
    MustNotSign(String),
    /// The deliverer's side has several things wrong, all of them named.
    #[error("{what}: {}", listed(findings))]
    Findings {
        /// What was refused.
        what: String,
        /// Everything that was found wrong with it.
        findings: Vec<comity_core::Finding>,
    },
    /// SQL.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A member's scope is locked, and its desk's key was not brought.
    #[error(
        "{} is locked, and what is in it waits for the key of the member's desk: bring it with --desk-key FILE, or COMITY_DESK_KEY",
        scope_named(*number, member.as_deref())
    )]
    Locked {
        /// The locked key.
        number: u64,
        /// The member, where it is known.
        member: Option<String>,
    },
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The ledger's files.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The search index: what is asked of it cannot be honoured, or it is damaged.
    #[error(transparent)]
    Index(#[from] comity_index::IndexError),
    /// The vault's files.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Disk or object store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed thing did not open.
    #[error("{place} does not open: {source}")]
    Seal {
        /// What it is.
        place: String,
        /// Why.
        #[source]
        source: SealError,
    },
    /// Reading or writing a file that is not the centre's.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The other processes of this centre changed what was relied on; the command can be given again.
    #[error(
        "another process took over the log in the middle of this act ({0}); nothing was lost, give the command again"
    )]
    Overtaken(&'static str),
}

impl AppError {
    /// A damaged file, table or item.
    pub fn damaged(place: impl Into<String>, what: impl Into<String>) -> AppError {
        AppError::Damaged {
            place: place.into(),
            what: what.into(),
        }
    }

    /// An item whose bytes cannot be read back from the vault.
    pub fn of_item(ern: &comity_core::id::Ern, error: VaultError) -> AppError {
        match error {
            VaultError::WrongKey { .. }
            | VaultError::DamagedChunk { .. }
            | VaultError::Malformed { .. }
            | VaultError::DamagedPack { .. } => AppError::damaged(
                ern.to_string(),
                format!(
                    "{error}; `comity verify --sealed` names the file, which is to be restored from a backup"
                ),
            ),
            other => other.into(),
        }
    }

    /// A file outside the centre that could not be read or written.
    pub fn io(path: &std::path::Path, source: std::io::Error) -> AppError {
        AppError::Io {
            path: comity_core::shown::shown(std::os::unix::ffi::OsStrExt::as_bytes(
                path.as_os_str(),
            )),
            source,
        }
    }

    /// Whether the command was used wrongly (exit code 2) rather than something being found wrong.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            AppError::Usage(_)
                | AppError::Locked { .. }
                | AppError::Index(comity_index::IndexError::Question(_))
                | AppError::Keyring(
                    KeyringError::WrongPassphrase
                        | KeyringError::NeedsShares { .. }
                        | KeyringError::NotShared
                        | KeyringError::Shares { .. }
                        | KeyringError::WrongShares
                        | KeyringError::Locked { .. }
                        | KeyringError::Scheme { .. }
                        | KeyringError::DeskFile { .. }
                )
        )
    }
}

fn scope_named(number: u64, member: Option<&str>) -> String {
    match member {
        Some(member) => format!("the scope of {member}"),
        None => format!("a member's scope (key {number})"),
    }
}

fn listed(findings: &[comity_core::Finding]) -> String {
    let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// What this crate's functions answer.
pub type Result<T> = std::result::Result<T, AppError>;
