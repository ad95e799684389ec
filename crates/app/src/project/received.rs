//! What a `received` event says for the tables, as far as it needs no place in the log: read on all cores,
//! before the event's turn comes.

use comity_core::digest::{unhex, unhex_array};
use comity_core::id::{Ern, ObjectId};
use comity_core::json::Value as Json;
use comity_seal::{Key, tag};

use comity_extract::State;

use super::ItemState;
use super::apply::Event;
use super::facts::{ItemFacts, seal_facts};
use super::reading::reading_of;
use crate::ambient::time_micros;
use crate::error::Result;
use crate::keys::ScopeKeys;

/// The index key of a member's scope by the member's code, where the member is known.
pub type MemberIndex<'a> = &'a dyn Fn(&str) -> Result<Option<[u8; 32]>>;

/// What the event of an item says for its rows.
pub struct Received {
    /// Its number.
    pub ern: Ern,
    /// How it ended.
    pub state: ItemState,
    /// When it was recorded, microseconds since 1970.
    pub time: i64,
    /// Length of its bytes, 0 where it has none.
    pub size: i64,
    /// Its object, where it has one.
    pub object: Option<ObjectSaid>,
    /// The former item of the same path: intake × 10,000,000 + number.
    pub former: Option<i64>,
    /// The sealed column of its row, unless its content has been erased.
    pub facts: Option<Vec<u8>>,
    /// The tags of its path, unless it has been erased or is one in a container.
    pub path: Option<(i64, i64)>,
    /// How the reading of what could not be taken out of its container ended.
    pub reading: Option<State>,
}

/// What the event of an item says of its object.
pub struct ObjectSaid {
    /// The object.
    pub id: ObjectId,
    /// Length of its sealed bytes.
    pub sealed_size: i64,
    /// Digest of its sealed bytes.
    pub sealed_sha256: [u8; 32],
    /// Digest of its bytes, unless it has been erased.
    pub sha256: Option<[u8; 32]>,
    /// The tag of that digest in the member's scope, where the scope was at hand.
    pub tag: Option<[u8; 16]>,
}

impl Received {
    /// Reads the event of an item. Its leaf hash must be known; its index only serves errors.
    pub fn read(
        event: &Event<'_>,
        keys: &dyn ScopeKeys,
        member: MemberIndex<'_>,
    ) -> Result<Received> {
        let sha256 = event.get("sha256").and_then(fixed);
        let path = item_path(event);
        let facts = match (&path, event.secret) {
            (Some(path), Some(secret)) => {
                let modified = event
                    .get("file")
                    .and_then(|f| f.get("mtime"))
                    .or_else(|| event.get("modified"))
                    .and_then(Json::as_str)
                    .and_then(modified_nanos);
                let facts = ItemFacts {
                    sha256,
                    modified,
                    path: path.clone(),
                };
                Some(seal_facts(
                    &Key::new(secret.first),
                    "items",
                    &event.leaf,
                    &facts.encode(),
                ))
            }
            _ => None,
        };
        // Who hands over the same again hands over the container.
        let path = match path.filter(|_| event.get("source").is_some()) {
            Some(path) => Some(path_tags(&keys.index_key(event.custody_key)?, &path)),
            None => None,
        };
        let object = match event.get("object") {
            Some(object) => Some(ObjectSaid::read(event, object, sha256, member)?),
            None => None,
        };
        let former = match event.get("former").and_then(Json::as_str) {
            Some(former) => Some(former_number(former).ok_or_else(|| event.unlike("former"))?),
            None => None,
        };
        Ok(Received {
            ern: event
                .text("ern")?
                .parse()
                .map_err(|_| event.unlike("ern"))?,
            state: ItemState::of_word(event.text("state")?).ok_or_else(|| event.unlike("state"))?,
            time: time_micros(event.text("time")?).ok_or_else(|| event.unlike("time"))?,
            size: event.get("size").and_then(Json::as_i64).unwrap_or(0),
            object,
            former,
            facts,
            path,
            reading: reading_of(event)?,
        })
    }
}

impl ObjectSaid {
    pub(super) fn read(
        event: &Event<'_>,
        object: &Json,
        sha256: Option<[u8; 32]>,
        member: MemberIndex<'_>,
    ) -> Result<ObjectSaid> {
        let unlike = || event.unlike("object");
        let index_key = match event.get("member").and_then(Json::as_str) {
            Some(code) => member(code)?,
            None => None,
        };
        Ok(ObjectSaid {
            id: object
                .get("id")
                .and_then(fixed)
                .map(ObjectId)
                .ok_or_else(unlike)?,
            sealed_size: object
                .get("sealed_size")
                .and_then(Json::as_i64)
                .ok_or_else(unlike)?,
            sealed_sha256: object
                .get("sealed_sha256")
                .and_then(fixed)
                .ok_or_else(unlike)?,
            sha256,
            tag: index_key
                .zip(sha256)
                .map(|(key, sha256)| digest_tag(&key, &sha256)),
        })
    }
}

/// A string of hex digits for that many bytes.
fn fixed<const N: usize>(value: &Json) -> Option<[u8; N]> {
    unhex_array(value.as_str()?.as_bytes())
}

/// The time of modification as the file system had it, in nanoseconds since 1970.
pub fn modified_nanos(text: &str) -> Option<i64> {
    i64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()
}

/// The exact bytes of an item's path, unless they have been erased.
fn item_path(event: &Event<'_>) -> Option<Vec<u8>> {
    match event.get("path_bytes").and_then(Json::as_str) {
        Some(hex) => unhex(hex),
        None => event
            .get("path")
            .and_then(Json::as_str)
            .map(|p| p.as_bytes().to_vec()),
    }
}

/// The former item as one number: intake × 10,000,000 + number. It is of the same member.
fn former_number(ern: &str) -> Option<i64> {
    let ern: Ern = ern.parse().ok()?;
    Some(i64::from(ern.intake()) * 10_000_000 + i64::from(ern.number()))
}

/// The tag of a content in a member's scope.
pub fn digest_tag(index_key: &[u8; 32], sha256: &[u8; 32]) -> [u8; 16] {
    tag(index_key, &[b"digest", sha256])
}

/// The tags of a path in its scope: of its folder and of its name. Rows of one folder lie together.
pub fn path_tags(index_key: &[u8; 32], path: &[u8]) -> (i64, i64) {
    let (folder, name) = match path.iter().rposition(|b| *b == b'/') {
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (&path[..0], path),
    };
    let number = |t: [u8; 16]| i64::from_be_bytes([t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]]);
    (
        number(tag(index_key, &[b"folder", folder])),
        number(tag(index_key, &[b"name", name])),
    )
}
