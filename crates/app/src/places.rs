//! Where the objects of the vault lie, for a run over the whole log: from the packs' own indexes, a block of events at
//! a time, with a few bytes of memory for each object.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use comity_core::digest::Digest;
use comity_core::id::ObjectId;
use comity_vault::{IndexEntry, PackFile, PackId, Vault, VaultError};
use rayon::slice::ParallelSliceMut;

use crate::error::Result;
use crate::project::ObjectPlace;

/// Bits of an object's number that say its pack; those above are the first bits of its id.
const PACK_BITS: u32 = 24;

/// Which pack holds an object: one number for each, sorted. What else is known of it is read from the pack's index when
/// it is asked for; objects lie nearly in the order of the events that brought them.
pub(crate) struct Places<'a> {
    vault: &'a Vault,
    /// Sorted by their names.
    packs: Vec<String>,
    order: Vec<u64>,
    /// The index that was read last.
    last: Mutex<Option<(usize, Arc<Index>)>>,
}

/// An object that the vault holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Where it lies.
    pub place: ObjectPlace,
    /// Length of its sealed bytes.
    pub len: u64,
    /// Digest of its sealed bytes.
    pub sha256: Digest,
    /// Its number among all objects of the vault, from 0.
    pub number: usize,
}

/// The objects of a block of events, as far as the vault holds them.
pub(crate) type FoundObjects = HashMap<ObjectId, Found>;

/// The entries of a pack, sorted by their objects.
struct Index {
    pack: PackId,
    entries: Vec<IndexEntry>,
}

impl Index {
    fn of(&self, object: &ObjectId) -> Option<&IndexEntry> {
        let at = self.entries.binary_search_by_key(object, |e| e.object);
        self.entries.get(at.ok()?)
    }
}

impl<'a> Places<'a> {
    /// Reads the index of every pack of `files`, which are sorted by name, but those that a compaction is making or removing: whatever they hold lies
    /// elsewhere too. Files that are no packs, and packs whose index is damaged, are told to `wrong`.
    pub fn of(
        vault: &'a Vault,
        files: Vec<PackFile>,
        in_work: &HashSet<PackId>,
        mut wrong: impl FnMut(&PackFile, Option<VaultError>),
    ) -> Places<'a> {
        let (mut packs, mut order) = (Vec::new(), Vec::new());
        for file in files {
            match file.pack {
                None => wrong(&file, None),
                Some(pack) if in_work.contains(&pack) => {}
                Some(_) => match vault.read_pack_index(&file.name) {
                    Ok(index) => {
                        let pack = packs.len();
                        order.extend(index.objects.iter().map(|e| key(&e.object, pack)));
                        packs.push(file.name);
                    }
                    Err(e) => wrong(&file, Some(e)),
                },
            }
        }
        order.par_sort_unstable();
        Places {
            vault,
            packs,
            order,
            last: Mutex::default(),
        }
    }

    /// Those of `objects` that the vault holds. Where tables were lost in the middle of a compaction an object may lie
    /// in two packs: the first by name counts, here and wherever places are looked for.
    pub fn find(&self, objects: impl Iterator<Item = ObjectId>) -> Result<FoundObjects> {
        let mut asked: Vec<(usize, usize, ObjectId)> = Vec::new();
        for object in objects {
            let first = key(&object, 0);
            let from = self.order.partition_point(|k| *k < first);
            let same = self.order[from..]
                .iter()
                .take_while(|k| **k >> PACK_BITS == first >> PACK_BITS);
            asked.extend(same.zip(from..).map(|(k, number)| {
                let pack = (k & ((1 << PACK_BITS) - 1)) as usize;
                (pack, number, object)
            }));
        }
        asked.sort_unstable_by_key(|(pack, number, _)| (*pack, *number));
        let mut found = HashMap::with_capacity(asked.len());
        for of_pack in asked.chunk_by(|a, b| a.0 == b.0) {
            let [(pack, ..), ..] = of_pack else { continue };
            let index = self.index(*pack)?;
            for (_, number, object) in of_pack {
                let Some(entry) = index.of(object) else {
                    continue;
                };
                found.entry(*object).or_insert(Found {
                    place: ObjectPlace {
                        pack: index.pack.0,
                        offset: entry.offset,
                    },
                    len: entry.len,
                    sha256: entry.sha256,
                    number: *number,
                });
            }
        }
        Ok(found)
    }

    fn index(&self, pack: usize) -> Result<Arc<Index>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, index)) = last.as_ref().filter(|(of, _)| *of == pack) {
            return Ok(Arc::clone(index));
        }
        let read = self.vault.read_pack_index(&self.packs[pack])?;
        let mut entries = read.objects;
        entries.sort_unstable_by_key(|e| e.object);
        let index = Arc::new(Index {
            pack: read.pack,
            entries,
        });
        *last = Some((pack, Arc::clone(&index)));
        Ok(index)
    }
}

/// An object in a pack as one number, which sorts by the object's id and then by the pack.
fn key(object: &ObjectId, pack: usize) -> u64 {
    let [a, b, c, d, e, ..] = object.0;
    u64::from_be_bytes([0, 0, 0, a, b, c, d, e]) << PACK_BITS | pack as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comity_store::{Disk, Objects};

    #[test]
    fn an_object_lies_in_the_first_pack_by_name_that_no_compaction_works_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Objects::local(folder.path().to_owned(), Disk::real()).unwrap();
        let vault = Vault::new(store);
        // The ids of the last two begin alike.
        let ids: Vec<ObjectId> = [1u8, 2, 3, 3]
            .iter()
            .zip(0..)
            .map(|(first, last)| {
                let mut id = [*first; 16];
                id[15] = last;
                ObjectId(id)
            })
            .collect();
        for (pack, objects) in [(9u8, &ids[..]), (4, &ids[1..3]), (7, &ids[..2])] {
            let mut writer = vault.pack(1, [pack; 16]).unwrap();
            for object in objects {
                writer.add_sealed(*object, &[pack; 100]).unwrap();
            }
            vault.commit(vec![writer.finish().unwrap()]).unwrap();
        }
        let stranger = folder.path().join("vault/stranger");
        std::fs::write(stranger, b"no pack").unwrap();

        let in_work = HashSet::from([PackId([7; 16])]);
        let mut strangers = Vec::new();
        let files = vault.packs().unwrap();
        let places = Places::of(&vault, files, &in_work, |file, _| {
            strangers.push(file.name.clone());
        });
        assert_eq!(strangers, ["vault/stranger"]);
        let mut unknown = ids[3];
        unknown.0[15] = 200;
        let asked = ids.iter().chain([&unknown]).rev().copied();
        let found = places.find(asked).unwrap();
        let pack = |id: &ObjectId| found.get(id).map(|f| f.place.pack[0]);
        let packs: Vec<_> = ids.iter().map(pack).collect();
        assert_eq!(packs, [Some(9), Some(4), Some(4), Some(9)]);
        assert_eq!(pack(&unknown), None);
        let numbers: HashSet<_> = ids.iter().map(|id| found[id].number).collect();
        assert_eq!(numbers.len(), ids.len(), "each has a number of its own");
        // Asked for again, and alone, it is the same.
        let again = places.find([ids[1]].into_iter()).unwrap();
        assert_eq!(again[&ids[1]].number, found[&ids[1]].number);
    }
}
