//! Packs from one vault to another: what is there whole is not copied again.

use std::collections::{BTreeSet, HashMap, HashSet};

use comity_core::finding::Finding;
use comity_store::{Op, StoreError};
use comity_vault::{CopiedPack, PackId, Vault, VaultError};

use super::Watch;
use super::mark::Listed;
use crate::error::Result;

/// Packs, or bytes of them, that become durable behind one barrier.
const BATCH: usize = 16;
const BATCH_BYTES: u64 = 256 << 20;

/// Files copied, and files left as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Copied.
    pub copied: u64,
    /// There already, and whole.
    pub kept: u64,
    /// Bytes copied.
    pub bytes: u64,
}

/// Which packs a copy is to have.
pub struct Wanted {
    /// Those that the vault holds, with their sizes in bytes.
    pub here: HashMap<PackId, u64>,
    /// Those in which the tables have objects.
    pub known: HashSet<PackId>,
}

/// What became of the packs of a copy.
pub struct Packs {
    /// Copied and kept.
    pub count: Copied,
    /// Those that the copy has, sorted by name.
    pub listed: Vec<Listed>,
    /// Those that it lacks because the vault does not have them whole.
    pub lacks: Vec<Finding>,
}

/// A pack from elsewhere, where the vault has it not whole, by what the vault fails with.
pub type Instead<'a> = &'a dyn Fn(PackId, &VaultError) -> Option<CopiedPack>;

/// Copies what `to` lacks. A damaged pack that is nowhere whole stays out, and is named.
pub fn copy(
    from: &Vault,
    to: &Vault,
    wanted: &Wanted,
    instead: Instead<'_>,
    watch: Watch<'_>,
) -> Result<Packs> {
    let there: HashMap<PackId, u64> = to
        .packs()?
        .into_iter()
        .filter_map(|f| Some((f.pack?, f.size)))
        .collect();
    let all: BTreeSet<PackId> = wanted.here.keys().chain(&wanted.known).copied().collect();
    let mut done = Packs {
        count: Copied::default(),
        listed: Vec::new(),
        lacks: Vec::new(),
    };
    let (mut waiting, mut bytes) = (Vec::new(), 0);
    for (nth, pack) in all.iter().enumerate() {
        watch("packs", nth as u64, all.len() as u64);
        let name = pack.name();
        // What the centre lost is kept where it is left.
        let size = wanted.here.get(pack).or(there.get(pack)).copied();
        if size.is_some()
            && size == there.get(pack).copied()
            && let Ok(index) = to.read_pack_index(&name)
        {
            done.count.kept += 1;
            done.listed.push(Listed {
                digest: index.digest,
                size: size.unwrap_or(0),
                name,
            });
            continue;
        }
        let CopiedPack {
            pack: copied,
            digest,
        } = match from.copy_pack(&name, to, &mut |_| ()) {
            Ok(copied) => copied,
            Err(e) if is_of_source(&e) => match instead(*pack, &e) {
                Some(copied) => copied,
                None => {
                    done.lacks.push(Finding::new(name, e.to_string()));
                    continue;
                }
            },
            Err(e) => return Err(e.into()),
        };
        let size = copied.size();
        done.count.copied += 1;
        done.count.bytes += size;
        done.listed.push(Listed { digest, size, name });
        waiting.push(copied);
        bytes += size;
        if waiting.len() >= BATCH || bytes >= BATCH_BYTES {
            to.commit(std::mem::take(&mut waiting))?;
            bytes = 0;
        }
    }
    to.commit(waiting)?;
    Ok(done)
}

/// Whether it is the pack that cannot be read, and not the copy that cannot be written.
fn is_of_source(error: &VaultError) -> bool {
    match error {
        VaultError::DamagedPack { .. } => true,
        VaultError::Store(StoreError::Io { op, .. } | StoreError::Remote { op, .. }) => {
            matches!(op, Op::Read | Op::Open)
        }
        VaultError::Store(e) => {
            matches!(e, StoreError::NotFound { .. } | StoreError::Short { .. })
        }
        _ => false,
    }
}

/// Removes packs of a copy that the vault does not have any more and in which the tables have no object: they were
/// replaced. A pack that the vault merely lost stays.
pub fn remove_replaced(copy: &Vault, wanted: &Wanted) -> Result<u64> {
    let mut removed = 0;
    for file in copy.packs()? {
        let is_replaced = file
            .pack
            .is_some_and(|p| !wanted.here.contains_key(&p) && !wanted.known.contains(&p));
        if is_replaced {
            copy.store().delete(&file.name)?;
            removed += 1;
        }
    }
    Ok(removed)
}
