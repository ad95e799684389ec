//! The names of tiles and entry bundles (C2SP tlog-tiles), and which of them a tree of a size has.

mod tree;

pub use tree::{TileError, TreeTiles};

use crate::digest::Digest;

/// The number of hashes in a full tile, and of entries in a full bundle.
pub const FULL_WIDTH: u16 = 256;

/// The highest level that a tree of at most 2⁶⁴−1 leaves has tiles in.
pub const MAX_LEVEL: u8 = 7;

/// The name of one tile: `width` hashes of the roots of full subtrees of 256^level leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// The level, from 0 (leaf hashes) to 63.
    pub level: u8,
    /// The index in the level.
    pub index: u64,
    /// How many hashes it holds, 1 to 256; fewer than 256 is a partial tile.
    pub width: u16,
}

impl TileId {
    /// The tile `index` of `level` as a tree of `size` leaves has it: full, or partial at the right
    /// edge. `None` when such a tree has no hash there.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<TileId> {
        let first = index.checked_mul(u64::from(FULL_WIDTH))?;
        let hashes = hashes_at(level, size);
        let width = hashes.checked_sub(first)?.min(u64::from(FULL_WIDTH)) as u16;
        (width > 0).then_some(TileId {
            level,
            index,
            width,
        })
    }

    /// Whether the tile holds 256 hashes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == FULL_WIDTH
    }

    /// The length of the tile's file, in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        usize::from(self.width) * 32
    }

    /// The path of tlog-tiles, such as `tile/0/x001/234` or, for a partial tile, `tile/0/000.p/5`.
    #[must_use]
    pub fn path(&self) -> String {
        format!(
            "tile/{}/{}{}",
            self.level,
            tile_path_number(self.index),
            partial(self.width)
        )
    }

    /// Reads a path as [`TileId::path`] writes it; `None` for anything else.
    #[must_use]
    pub fn parse_path(path: &str) -> Option<TileId> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = decimal(level).filter(|level| *level < 64)? as u8;
        let (index, width) = parse_number_and_width(rest)?;
        Some(TileId {
            level,
            index,
            width,
        })
    }
}

/// The path of an entry bundle, such as `tile/entries/x001/234.p/5`; `width` is 1 to 256.
#[must_use]
pub fn entries_path(index: u64, width: u16) -> String {
    format!("tile/entries/{}{}", tile_path_number(index), partial(width))
}

/// Reads a path as [`entries_path`] writes it, into index and width; `None` for anything else.
#[must_use]
pub fn parse_entries_path(path: &str) -> Option<(u64, u16)> {
    parse_number_and_width(path.strip_prefix("tile/entries/")?)
}

/// How many hashes `level` has in a tree of `size` leaves: ⌊size / 256^level⌋.
#[must_use]
pub fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * 8).unwrap_or(0)
}

/// The width of the partial tile at `level` of a tree of `size` leaves: ⌊size / 256^level⌋ mod
/// 256. Zero means that the level has no partial tile.
#[must_use]
pub fn width_at(level: u8, size: u64) -> u16 {
    (hashes_at(level, size) % u64::from(FULL_WIDTH)) as u16
}

/// A tile's index as tlog-tiles writes it: groups of three digits, all but the last with an `x`
/// before them, so that 1234067 is `x001/x234/067`.
#[must_use]
pub fn tile_path_number(n: u64) -> String {
    let mut text = format!("{:03}", n % 1000);
    let mut rest = n / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    text
}

/// The hashes of a tile's bytes; `None` unless they are whole hashes.
#[must_use]
pub fn tile_hashes(bytes: &[u8]) -> Option<Vec<Digest>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty()
        .then(|| hashes.iter().copied().map(Digest).collect())
}

fn partial(width: u16) -> String {
    if width == FULL_WIDTH {
        String::new()
    } else {
        format!(".p/{width}")
    }
}

fn parse_number_and_width(text: &str) -> Option<(u64, u16)> {
    let (number, width) = match text.split_once(".p/") {
        Some((number, width)) => (
            number,
            decimal(width).filter(|w| (1..u64::from(FULL_WIDTH)).contains(w))? as u16,
        ),
        None => (text, FULL_WIDTH),
    };
    let mut index: u64 = 0;
    for group in number.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    (tile_path_number(index) == number).then_some((index, width))
}

/// A decimal number without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leading_zero {
        text.parse().ok()
    } else {
        None
    }
}
