//! The keyring of a centre: the only part that can forget (`docs/format/keyring.md`).
//!
//! A passphrase opens the root key, which is never written; the root key opens scope keys (the centre, members,
//! cases), and these open item keys, one for each chain that has content. A key has a number for ever; destroying
//! it destroys what it sealed, wherever copies of that lie.
//!
//! ```
//! use comity_core::random::TestRandom;
//! use comity_keyring::{Argon2Params, Keyring, KeyringError, Kind, NewKey, Secret};
//! use comity_store::Disk;
//!
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path().join("keyring");
//! let rng = TestRandom::new([7; 32]); // a centre takes the operating system's
//! let keyring = Keyring::create(&dir, Disk::real(), "correct horse", Argon2Params::TEST, &rng)?;
//!
//! let new = |kind, parent| NewKey { kind, parent, subject: [1; 16], secret: Secret::random(&rng) };
//! let member = keyring.append(&[new(Kind::Scope, 0)], &rng)?.start;
//! let item = new(Kind::Item, member);
//! let expected = item.secret.clone();
//! let item = keyring.append(&[item], &rng)?.start;
//! assert_eq!(keyring.open_key(item)?, expected);
//!
//! keyring.destroy(&[item])?;
//! assert!(matches!(keyring.open_key(item), Err(KeyringError::Destroyed { .. })));
//!
//! let wrong = Keyring::open(&dir, Disk::real(), "battery staple");
//! assert!(matches!(wrong, Err(KeyringError::WrongPassphrase)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod bulk;
mod cache;
mod copy;
mod destroy;
mod entry;
mod epoch;
mod error;
mod head;
mod inspect;
mod keyring;
mod scheme;
mod secret;
mod segment;
pub mod slip39;
mod slot;
mod unlock;
mod wrap;

pub use bulk::{Opened, WrapCheck};
pub use epoch::{NewEpoch, Pending, Rewrap, Unlocking};
pub use error::{KeyNumber, KeyringError};
pub use head::Means;
pub use inspect::{Condition, Inspection, inspect};
pub use keyring::Keyring;
pub use scheme::{Holder, MemberGroup, Scheme, SharesKey, Sharing, shares_of};
pub use secret::{DeskKey, Kind, Lock, NewKey, Secret};
pub use slot::{SlotInfo, State};
pub use unlock::Argon2Params;

pub(crate) use keyring::LOCK_FILE;
