//! Files that do not belong to the ledger.

use comity_core::tile::{TileId, hashes_at, parse_entries_path, tile_path_number};

use super::Findings;
use super::edge::EdgeView;
use crate::levels::WIDTH;
use crate::names;

/// Reports the files that a ledger of `size` events does not have. Full tiles and bundles between the edge's first
/// event and its last are what a trim had no time to finish, and those from there to event `allowed` what was put there
/// before its group was numbered; they are written over.
pub(super) fn surplus(
    listed: &[(String, u64)],
    edge: &EdgeView,
    size: u64,
    allowed: u64,
    findings: &Findings,
) {
    for (name, _) in listed {
        if !belongs(name, edge, size, allowed) {
            findings.add(
                name,
                format!("no file of this name belongs to a ledger of {size} events"),
            );
        }
    }
}

fn belongs(name: &str, edge: &EdgeView, size: u64, allowed: u64) -> bool {
    // Time stamps are kept beside the tree, and whoever knows certificates checks them; so are keys' successions.
    let beside = [names::CHECKPOINT, names::POLICY, names::SUCCESSIONS].contains(&name);
    if beside || name.starts_with(names::STAMPS) {
        return true;
    }
    if let Some(of_size) = names::parse_cosigned(name) {
        return of_size <= size;
    }
    if edge.is_remote() && (name == names::EDGE_HEAD || names::parse_frame(name).is_some()) {
        return true;
    }
    if !edge.is_remote() && [names::EDGE, names::AHEAD].contains(&name) {
        return true;
    }
    let Some(path) = name.strip_prefix(names::ROOT) else {
        return false;
    };
    let size = size.max(allowed);
    if let Some((index, width)) = parse_entries_path(path) {
        return u64::from(width) == WIDTH && index < size / WIDTH;
    }
    if let Some(tile) = TileId::parse_path(path) {
        return tile.is_full() && tile.index < hashes_at(tile.level + 1, size);
    }
    path.strip_prefix("body/")
        .and_then(body_index)
        .is_some_and(|index| index < size / WIDTH)
}

fn body_index(number: &str) -> Option<u64> {
    let (index, _) = parse_entries_path(&format!("tile/entries/{number}"))?;
    (tile_path_number(index) == number).then_some(index)
}
