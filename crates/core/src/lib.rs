//! What the offline verifier needs and nothing else: ids, digests, canonical JSON, the bodies and
//! leaves of events, Merkle proofs, signed notes and checkpoints.
//!
//! Pure: no disk, no network, no clock, no randomness of its own.
//!
//! ```
//! use comity_core::body::{Body, Field, Seeds};
//! use comity_core::leaf::{Leaf, leaf_hash};
//! use comity_core::id::ChainId;
//! use comity_core::merkle::Frontier;
//!
//! let body = Body {
//!     seeds: Seeds { custody: [1; 32], content: [2; 32] },
//!     fields: vec![Field::custody("kind", "received"), Field::content("path", "a/b.txt")],
//! };
//! let encoded = body.encode()?;
//! let leaf = Leaf { chain: ChainId([3; 16]), n: 0, prev: None, body: encoded.commitment };
//!
//! let mut tree = Frontier::new();
//! tree.push(leaf_hash(&leaf.encode()));
//! assert_eq!(tree.size(), 1);
//! # Ok::<(), comity_core::body::BodyError>(())
//! ```

pub mod body;
pub mod checkpoint;
pub mod cosigner;
pub mod digest;
pub mod finding;
pub mod id;
pub mod json;
pub mod leaf;
pub mod merkle;
pub mod misbehaviour;
pub mod note;
pub mod package;
pub mod policy;
pub mod proof;
pub mod random;
pub mod shown;
pub mod signature;
pub mod stamp;
pub mod succession;
pub mod tile;
pub mod unverified;
pub mod vkey;

pub use checkpoint::{Checkpoint, LogKeys, LogSigner, SignedCheckpoint};
pub use cosigner::Cosigner;
pub use digest::{Digest, Sha256Hasher, hex, unhex};
pub use finding::Finding;
pub use id::{ChainId, Ern, EventId, MemberCode, ObjectId};
pub use policy::Policy;
pub use random::Random;
pub use unverified::Unverified;
pub use vkey::Vkey;
