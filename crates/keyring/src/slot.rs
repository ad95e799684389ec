//! One slot of a segment: 192 bytes (`docs/format/keyring.md`, *Key number and slot*).

use comity_core::Sha256Hasher;

use crate::error::KeyNumber;
use crate::secret::{Kind, Lock};

/// Length of a slot in bytes.
pub(crate) const LEN: usize = 192;
/// Where the wrap begins; what is before it is the slot's *meta*, and part of the wrap's context.
pub(crate) const META_LEN: usize = 32;
/// Length of a wrap: 64 bytes, sealed.
pub(crate) const WRAP_LEN: usize = 136;
const SUM_AT: usize = META_LEN + WRAP_LEN;

pub(crate) type Bytes = [u8; LEN];

/// What is known of a key without any passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Whether the key is still there.
    pub state: State,
    /// What it is for.
    pub kind: Kind,
    /// Whose keys its wrap needs.
    pub lock: Lock,
    /// The epoch in which the wrap was made, from 1.
    pub epoch: u32,
    /// The scope key that wraps it; 0 is the root key.
    pub parent: KeyNumber,
    /// The chain id of its item, case, member or centre; for [`Kind::Secret`] an ASCII label padded with zero.
    pub subject: [u8; 16],
}

/// Whether a key is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The slot holds the key's wrap.
    Live,
    /// The wrap is gone for ever.
    Destroyed,
}

impl SlotInfo {
    /// Bytes 0 to 31 of the slot.
    fn meta(&self) -> [u8; META_LEN] {
        let mut meta = [0; META_LEN];
        meta[0] = match self.state {
            State::Live => 1,
            State::Destroyed => 2,
        };
        meta[1] = match self.kind {
            Kind::Scope => 1,
            Kind::Item => 2,
            Kind::Secret => 3,
        };
        meta[2] = match self.lock {
            Lock::Parent => 0,
            Lock::ParentAndDesk => 1,
        };
        meta[4..8].copy_from_slice(&self.epoch.to_be_bytes());
        meta[8..16].copy_from_slice(&self.parent.to_be_bytes());
        meta[16..].copy_from_slice(&self.subject);
        meta
    }

    /// The context that the wrap of this key is sealed with.
    pub(crate) fn context(&self, number: KeyNumber) -> Vec<u8> {
        let meta = SlotInfo {
            state: State::Live,
            ..*self
        }
        .meta();
        [&b"comity/wrap/v1\n"[..], &number.to_be_bytes(), &meta].concat()
    }

    /// The slot of this key with its wrap.
    pub(crate) fn encode(&self, id: &[u8; 16], number: KeyNumber, wrap: &[u8], slot: &mut Bytes) {
        slot[..META_LEN].copy_from_slice(&self.meta());
        slot[META_LEN..SUM_AT].copy_from_slice(wrap);
        seal_sum(id, number, slot);
    }
}

/// What `slot` becomes when its key is destroyed: what it says of the key, and no wrap. Works on a damaged slot too.
pub(crate) fn destroy(id: &[u8; 16], number: KeyNumber, slot: &mut Bytes) {
    slot[0] = 2;
    if !(1..=3).contains(&slot[1]) {
        slot[1] = 2;
    }
    slot[2] = 0;
    slot[3] = 0;
    slot[META_LEN..].fill(0);
    seal_sum(id, number, slot);
}

/// Whether nothing was ever written to the slot.
pub(crate) fn is_unused(slot: &Bytes) -> bool {
    *slot == [0; LEN]
}

/// The wrap of a live slot.
pub(crate) fn wrap(slot: &Bytes) -> &[u8] {
    &slot[META_LEN..SUM_AT]
}

/// The parent that a slot names, whole or not.
pub(crate) fn parent_unchecked(slot: &Bytes) -> KeyNumber {
    let mut parent = [0; 8];
    parent.copy_from_slice(&slot[8..16]);
    KeyNumber::from_be_bytes(parent)
}

/// Reads a slot; `None` is a slot never used.
///
/// # Errors
/// Says, for people, what is wrong with its bytes.
pub(crate) fn parse(
    id: &[u8; 16],
    number: KeyNumber,
    slot: &Bytes,
) -> Result<Option<SlotInfo>, &'static str> {
    if is_unused(slot) {
        return Ok(None);
    }
    if slot[SUM_AT..] != sum(id, number, slot) {
        return Err(
            "its checksum does not fit: its bytes were changed, or they belong to another place or keyring",
        );
    }
    let state = match slot[0] {
        1 => State::Live,
        2 => State::Destroyed,
        _ => return Err("its state is none that is known"),
    };
    let kind = match slot[1] {
        1 => Kind::Scope,
        2 => Kind::Item,
        3 => Kind::Secret,
        _ => return Err("its kind is none that is known"),
    };
    let lock = match slot[2] {
        0 => Lock::Parent,
        1 => Lock::ParentAndDesk,
        _ => return Err("its lock is none that is known"),
    };
    if slot[3] != 0 {
        return Err("its reserved byte is not zero");
    }
    if state == State::Destroyed && *wrap(slot) != [0; WRAP_LEN] {
        return Err("it is marked as destroyed but still holds a wrap");
    }
    let mut subject = [0; 16];
    subject.copy_from_slice(&slot[16..META_LEN]);
    Ok(Some(SlotInfo {
        state,
        kind,
        lock,
        epoch: u32::from_be_bytes([slot[4], slot[5], slot[6], slot[7]]),
        parent: parent_unchecked(slot),
        subject,
    }))
}

fn seal_sum(id: &[u8; 16], number: KeyNumber, slot: &mut Bytes) {
    let sum = sum(id, number, slot);
    slot[SUM_AT..].copy_from_slice(&sum);
}

fn sum(id: &[u8; 16], number: KeyNumber, slot: &Bytes) -> [u8; LEN - SUM_AT] {
    let mut hasher = Sha256Hasher::new();
    hasher.update(b"comity/slot/v1\n");
    hasher.update(id);
    hasher.update(&number.to_be_bytes());
    hasher.update(&slot[..SUM_AT]);
    let mut sum = [0; LEN - SUM_AT];
    sum.copy_from_slice(&hasher.finish().0[..LEN - SUM_AT]);
    sum
}
