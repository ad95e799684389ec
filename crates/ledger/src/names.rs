//! Where the files of the ledger lie in the object store (`docs/format/ledger.md`, The tree as it is kept).

use comity_core::tile::{FULL_WIDTH, TileId, entries_path, tile_path_number};

pub(crate) const ROOT: &str = "ledger/";
pub(crate) const CHECKPOINT: &str = "ledger/checkpoint";
/// What the names of time stamps begin with (`docs/format/stamp.md`).
pub(crate) const STAMPS: &str = "ledger/stamp/";
/// The growing edge of a local store.
pub(crate) const EDGE: &str = "ledger/edge";
/// The growing edge's head on S3.
pub(crate) const EDGE_HEAD: &str = "ledger/edge/head";
/// What the names of the edge's objects on S3 begin with.
pub(crate) const EDGE_PREFIX: &str = "ledger/edge/";

/// How far bundles may lie that nobody believes (local store).
pub(crate) const AHEAD: &str = "ledger/ahead";

/// The policy that names the witnesses; the application's (`docs/format/witness.md`).
pub(crate) const POLICY: &str = "ledger/policy";
/// How the log's keys were succeeded (`docs/format/succession.md`).
pub(crate) const SUCCESSIONS: &str = "ledger/successions";

/// The size in the name of a cosigned checkpoint.
pub(crate) fn parse_cosigned(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("ledger/cosigned/")?;
    let size = u64::from_str_radix(digits, 16).ok()?;
    (digits == format!("{size:016x}")).then_some(size)
}

/// The full tile `index` of `level`.
pub(crate) fn tile(level: u8, index: u64) -> String {
    format!(
        "{ROOT}{}",
        TileId {
            level,
            index,
            width: FULL_WIDTH
        }
        .path()
    )
}

/// The full entry bundle `index`.
pub(crate) fn entries(index: u64) -> String {
    format!("{ROOT}{}", entries_path(index, FULL_WIDTH))
}

/// The full body bundle `index`.
pub(crate) fn body(index: u64) -> String {
    format!("{ROOT}body/{}", tile_path_number(index))
}

/// The object of the frame that begins at `first`.
pub(crate) fn frame(first: u64) -> String {
    format!("{EDGE_PREFIX}{first:016x}")
}

/// The first index of a frame from its object's name.
pub(crate) fn parse_frame(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(EDGE_PREFIX)?;
    let first = u64::from_str_radix(digits, 16).ok()?;
    (frame(first) == name).then_some(first)
}
