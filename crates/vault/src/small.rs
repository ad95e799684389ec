//! Small objects: compressed, framed and sealed in one go.

use comity_core::{Digest, ObjectId};
use comity_seal::{Key, SALT_LEN, seal_parts_into};

use crate::hashes::sha256;
use crate::object::{Codec, FOOTER_LEN, FRAME_LEN, Footer, Packer, context};

/// An object as it lies in a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedObject {
    /// The object's id, which is part of its seal.
    pub object: ObjectId,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of the sealed bytes.
    pub sha256: Digest,
}

/// What [`encode_small`] uses again from one call to the next; one for each thread.
pub struct Scratch {
    packer: Packer,
    frames: Vec<u8>,
    tail: Vec<u8>,
}

impl Scratch {
    /// Room that grows with use, to somewhat more than the largest object.
    pub fn new() -> Self {
        Self {
            packer: Packer::new(),
            frames: Vec::new(),
            tail: Vec::new(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes an object of bytes that lie in memory: meant for less than 4 MiB, correct for any
/// length. The salt must be random and used once under `key`.
pub fn encode_small(
    data: &[u8],
    key: &Key,
    object: ObjectId,
    salt: [u8; SALT_LEN],
    scratch: &mut Scratch,
) -> SealedObject {
    let Scratch {
        packer,
        frames,
        tail,
    } = scratch;
    let codec = compress(data, packer, frames, tail);
    let (body, count) = match codec {
        Codec::Stored => {
            tail.clear();
            (data, 0)
        }
        Codec::Zstd => (frames.as_slice(), (tail.len() / 4) as u32),
    };
    tail.extend_from_slice(&Footer::new(codec, data.len() as u64, count).encode());
    debug_assert!(tail.len() >= FOOTER_LEN);
    let mut bytes = Vec::new();
    seal_parts_into(key, salt, &context(object), &[body, tail], &mut bytes);
    let sha256 = sha256(&bytes);
    SealedObject {
        object,
        bytes,
        sha256,
    }
}

/// Leaves frames in `frames` and their seek table in `table`, or says that it does not pay.
fn compress(data: &[u8], packer: &mut Packer, frames: &mut Vec<u8>, table: &mut Vec<u8>) -> Codec {
    frames.clear();
    table.clear();
    for (nth, piece) in data.chunks(FRAME_LEN).enumerate() {
        let written = match nth {
            0 => packer.append_first(piece, frames),
            _ => packer.append_frame(piece, frames),
        };
        let Some(written) = written else {
            return Codec::Stored;
        };
        table.extend_from_slice(&written.to_be_bytes());
    }
    if table.is_empty() {
        Codec::Stored
    } else {
        Codec::Zstd
    }
}
