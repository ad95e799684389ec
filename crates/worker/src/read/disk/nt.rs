//! NTFS: files, and the streams that files have besides their content, each a child of its own: `file:stream`.

use super::{
    media::Disk,
    walk::{Entries, Entry, Files, Times, What},
};
use crate::{
    Out, Stop,
    ints::{u16_at, u32_at, u64_at, utf16},
    read::careful,
    time,
};
use comity_extract::Child;
use ntfs::{
    KnownNtfsFileRecordNumber, Ntfs, NtfsAttribute, NtfsAttributeFlags, NtfsAttributeType,
    NtfsFile, NtfsFileFlags, structured_values::NtfsFileAttributeFlags,
};
use std::{collections::HashSet, io::Read};

/// What is read for one folder or the head of one file; of more it is not real.
const BUDGET: u64 = 256 << 20;
/// The most bytes of a record.
const RECORD_MAX: u32 = 64 << 10;
/// Records below this one are the file system's own.
const FIRST_OF_USERS: u64 = 16;

/// The largest index of a folder.
const INDEX_MAX: u64 = 128 << 20;
/// The space of names that has only the short ones.
const NAME_OF_DOS: u8 = 2;
/// The bit of an entry that says that it is a folder.
const FOLDER: u32 = 0x1000_0000;

/// The index of a folder: a tree, of which the library takes for granted that it is sound.
struct Index {
    root: Vec<u8>,
    /// Nodes below the root, of so many bytes each.
    below: Vec<u8>,
    size: usize,
}

/// The entries of a node, from its head on.
fn entries(node: &[u8]) -> Vec<u8> {
    let (start, end) = (u32_at(node, 0) as usize, u32_at(node, 4) as usize);
    let end = end.min(node.len());
    node.get(start..end).unwrap_or_default().to_vec()
}

pub struct Nt {
    system: Ntfs,
    disk: Disk,
}

impl Nt {
    /// The file system at the beginning of `disk`, and its label.
    pub fn open(disk: &Disk) -> Result<(Nt, String), Stop> {
        let mut bytes = disk.within(BUDGET);
        let system = careful(|| Ok(Ntfs::new(&mut bytes)?))?;
        let record = system.file_record_size();
        if record > RECORD_MAX {
            return Err(Stop::Damaged(format!("its records have {record} bytes")));
        }
        let label = careful(|| match system.volume_name(&mut bytes) {
            Some(name) => Ok(name?.name().to_string_lossy()),
            None => Ok(String::new()),
        });
        let label = label.unwrap_or_default();
        let disk = disk.clone();
        Ok((Nt { system, disk }, label))
    }

    /// The index of a folder.
    fn index(&self, folder: u64) -> Result<Index, Stop> {
        let mut bytes = self.disk.within(BUDGET);
        let file = self.system.file(&mut bytes, folder)?;
        let (mut root, mut below) = (None, Vec::new());
        let mut attributes = file.attributes();
        while let Some(item) = attributes.next(&mut bytes) {
            let item = item?;
            let attribute = item.to_attribute()?;
            let kind = attribute.ty()?;
            let is_index = matches!(
                kind,
                NtfsAttributeType::IndexRoot | NtfsAttributeType::IndexAllocation
            );
            if !is_index || attribute.name()?.to_string_lossy() != "$I30" {
                continue;
            }
            let size = attribute.value_length();
            if size > INDEX_MAX {
                return Err(Stop::OverLimit(format!("its index has {size} bytes")));
            }
            let mut value = Vec::new();
            let attached = attribute.value(&mut bytes)?;
            attached
                .attach(&mut bytes)
                .take(INDEX_MAX)
                .read_to_end(&mut value)?;
            match kind {
                NtfsAttributeType::IndexRoot => root = Some(value),
                _ => below = value,
            }
        }
        let root = root.ok_or_else(|| Stop::Damaged("it has no index".to_owned()))?;
        let size = u32_at(&root, 8) as usize;
        Ok(Index {
            root: entries(root.get(16..).unwrap_or_default()),
            below,
            size,
        })
    }

    /// The entries of a node below the root.
    fn node(&self, index: &Index, number: u64) -> Result<Vec<u8>, Stop> {
        let damaged = || Stop::Damaged("a part of its index is damaged".to_owned());
        let unit = match index.size < self.system.cluster_size() as usize {
            true => 512,
            false => u64::from(self.system.cluster_size()),
        };
        let start = number
            .checked_mul(unit)
            .and_then(|at| usize::try_from(at).ok());
        let start = start.ok_or_else(damaged)?;
        let record = index.below.get(start..start.saturating_add(index.size));
        let mut record = record.ok_or_else(damaged)?.to_vec();
        if !record.starts_with(b"INDX") {
            return Err(damaged());
        }
        // The last two bytes of each sector stand elsewhere, and a number in their place.
        let place = usize::from(u16_at(&record, 4));
        let count = usize::from(u16_at(&record, 6)).saturating_sub(1);
        let kept = record
            .get(place..place + 2 * (count + 1))
            .ok_or_else(damaged)?;
        let kept = kept.to_vec();
        for (sector, pair) in kept[2..].as_chunks::<2>().0.iter().enumerate() {
            let end = record.get_mut(sector * 512 + 510..sector * 512 + 512);
            let end = end.filter(|end| **end == kept[..2]).ok_or_else(damaged)?;
            end.copy_from_slice(pair);
        }
        Ok(entries(record.get(24..).unwrap_or_default()))
    }

    /// What an entry of an index says; `None` for what is no file of users, and for names of DOS.
    fn entry(&self, entry: &[u8]) -> Option<Entry<u64>> {
        let record = u64_at(entry, 0) & 0xffff_ffff_ffff;
        let key = entry.get(16..)?;
        let name = key.get(66..66 + 2 * usize::from(*key.get(64)?))?;
        if record < FIRST_OF_USERS || key[65] == NAME_OF_DOS {
            return None;
        }
        let what = match u32_at(key, 56) & FOLDER != 0 {
            true => What::Folder(record, record),
            // What it really has stands in its own record; this may be older.
            false => What::File(record, u64_at(key, 48).min(self.disk.size())),
        };
        Some(Entry {
            name: utf16(name),
            name_bytes: Vec::new(),
            times: Times {
                created: time::windows(u64_at(key, 8)),
                modified: time::windows(u64_at(key, 16)),
                accessed: time::windows(u64_at(key, 32)),
            },
            what,
        })
    }

    fn streams(
        &self,
        file: &NtfsFile<'_>,
        child: &Child,
        out: &mut Out,
        given: &mut bool,
    ) -> Result<(), Stop> {
        let mut head = self.disk.within(BUDGET);
        let attributes = careful(|| Ok(file.info()?.file_attributes()));
        let is_elsewhere =
            attributes.is_ok_and(|all| all.contains(NtfsFileAttributeFlags::REPARSE_POINT));
        let mut attributes = file.attributes();
        while let Some(item) = attributes.next(&mut head) {
            let item = item?;
            let attribute = item.to_attribute()?;
            if attribute.ty()? != NtfsAttributeType::Data {
                continue;
            }
            let name = attribute.name()?.to_string_lossy();
            let mut stream = child.clone();
            stream.stated_size = Some(attribute.value_length());
            if name.is_empty() {
                *given = true;
            } else {
                stream.path = format!("{}:{name}", child.path);
                stream.path_bytes.clear();
            }
            let why = self.refusal(&attribute, is_elsewhere && name.is_empty());
            match why {
                Some(why) => out.lost_child(stream, why)?,
                None => match attribute.value(&mut head) {
                    Ok(value) => out.child(stream, &mut value.attach(&mut self.disk.clone()))?,
                    Err(error) => out.lost_child(stream, error.into())?,
                },
            }
        }
        if *given {
            Ok(())
        } else {
            Err(Stop::Damaged("it has no content".to_owned()))
        }
    }

    /// Why the bytes of a stream cannot be had.
    fn refusal(&self, attribute: &NtfsAttribute<'_, '_>, is_elsewhere: bool) -> Option<Stop> {
        let flags = attribute.flags();
        let (size, room) = (attribute.value_length(), self.disk.size());
        if size > room {
            let why = format!("it states {size} bytes, and the medium has {room}");
            Some(Stop::OverLimit(why))
        } else if flags.contains(NtfsAttributeFlags::ENCRYPTED) {
            Some(Stop::Encrypted("Windows has encrypted it".to_owned()))
        } else if flags.contains(NtfsAttributeFlags::COMPRESSED) && !attribute.is_resident() {
            Some(Stop::Unsupported("NTFS has compressed it".to_owned()))
        } else if is_elsewhere {
            Some(Stop::Unsupported(
                "its content is elsewhere (reparse point): it is a link, kept by another program, or compressed by Windows"
                    .to_owned(),
            ))
        } else {
            None
        }
    }
}

impl Files for Nt {
    type Handle = u64;

    fn root(&mut self) -> Result<(u64, u64), Stop> {
        let root = KnownNtfsFileRecordNumber::RootDirectory as u64;
        Ok((root, root))
    }

    fn list(&mut self, folder: &u64, found: &mut Entries<u64>) -> Result<(), Stop> {
        let index = careful(|| self.index(*folder))?;
        let mut seen = HashSet::new();
        // What is still to be gone through: entries of a node from a place on.
        let mut nodes = vec![(index.root.clone(), 0)];
        while let Some((node, mut at)) = nodes.pop() {
            let entry = node.get(at..).unwrap_or_default();
            let (length, flags) = (usize::from(u16_at(entry, 8)), u16_at(entry, 12));
            if length < 16 || length > entry.len() {
                return Err(Stop::Damaged("its index is damaged".to_owned()));
            }
            let entry = &entry[..length];
            let (has_below, is_last) = (flags & 1 != 0, flags & 2 != 0);
            // What stands below an entry comes before it.
            let below = has_below.then(|| u64_at(entry, length - 8));
            if let Some(below) = below.filter(|below| seen.insert(*below)) {
                nodes.push((node, at));
                nodes.push((self.node(&index, below)?, 0));
                continue;
            }
            if let (false, Some(entry)) = (is_last, self.entry(entry)) {
                found.push(entry)?;
            }
            at += length;
            if !is_last {
                nodes.push((node, at));
            }
        }
        Ok(())
    }

    fn give(&mut self, file: &u64, child: Child, out: &mut Out) -> Result<(), Stop> {
        let found = careful(|| Ok(self.system.file(&mut self.disk.within(BUDGET), *file)?));
        match found {
            Ok(found) if !found.flags().contains(NtfsFileFlags::IN_USE) => out.lost_child(
                child,
                Stop::Damaged("its record is no longer in use".to_owned()),
            ),
            Ok(found) => {
                let mut given = false;
                match self.streams(&found, &child, out, &mut given) {
                    // What is wrong with one file is no end of the others.
                    Err(Stop::Damaged(why)) if given => {
                        out.missing(&format!("{}: {why}", child.path));
                        Ok(())
                    }
                    Err(why @ Stop::Damaged(_)) => out.lost_child(child, why),
                    ended => ended,
                }
            }
            Err(why) => out.lost_child(child, why),
        }
    }
}
