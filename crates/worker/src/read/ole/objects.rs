//! Objects in compound files: what other programs put into a document, as files of their own where they have a form.

use super::Ole;
use crate::{Out, Stop, decode, out::child};
use cfb::CompoundFile;
use comity_extract::{Child, Relation};
use std::{
    collections::BTreeSet,
    io::{Cursor, Write},
};

/// What the main stream of a document is called, by which one is known within another.
const DOCUMENTS: [&str; 5] = [
    "WordDocument",
    "Workbook",
    "Book",
    "PowerPoint Document",
    "VisioDocument",
];

/// Takes out packages, documents, and files within objects. `all` asks for every other stream too: of a compound file
/// that is itself such an object, nothing is left unseen.
pub fn read(ole: &mut Ole, all: bool, out: &mut Out) -> Result<(), Stop> {
    let mut documents = BTreeSet::new();
    for path in ole.streams() {
        let (storage, name) = path.rsplit_once('/').unwrap_or(("", &path));
        // What lies in an embedded document is that document's.
        if documents.iter().any(|known| path.starts_with(known)) {
            continue;
        }
        let within = child(Relation::Embedded, path.trim_start_matches('/'));
        match name {
            _ if !storage.is_empty() && DOCUMENTS.contains(&name) => {
                let child = child(Relation::Embedded, storage.trim_start_matches('/'));
                match remade(ole, storage) {
                    Ok(bytes) => out.child(child, &mut bytes.as_slice())?,
                    Err(stop) => out.lost_child(child, stop)?,
                }
                documents.insert(format!("{storage}/"));
            }
            "\u{1}Ole10Native" => match ole.stream(&path) {
                Ok(bytes) => {
                    let bytes = bytes.unwrap_or_default();
                    match native(&bytes) {
                        Some((name, mut data)) => {
                            let stated_size = Some(data.len() as u64);
                            let packaged = Child {
                                stated_size,
                                ..child(Relation::Embedded, &name)
                            };
                            out.child(packaged, &mut data)?;
                        }
                        None => out.child(within, &mut bytes.as_slice())?,
                    }
                }
                Err(stop) => out.lost_child(within, stop)?,
            },
            // The pictures that stand for an object are read with it: what they show may be all that there is.
            // Of publications it is the text, which was read.
            "CONTENTS" if storage == "/Quill/QuillSub" => {}
            "Package" | "CONTENTS" | "\u{3}EPRINT" | "\u{3}PRINT" | "\u{3}META" => {
                stream(ole, &path, within, out)?;
            }
            _ if all => stream(ole, &path, within, out)?,
            _ => {}
        }
    }
    Ok(())
}

fn stream(ole: &mut Ole, path: &str, child: Child, out: &mut Out) -> Result<(), Stop> {
    match ole.stream(path) {
        Ok(bytes) => out.child(child, &mut bytes.unwrap_or_default().as_slice()),
        Err(stop) => out.lost_child(child, stop),
    }
}

/// A storage as a compound file of its own. It has no bytes of its own in the document; those that are made here of
/// its streams, their names and times are the same at every reading.
pub fn remade(ole: &mut Ole, storage: &str) -> Result<Vec<u8>, Stop> {
    let entries = ole.file.walk_storage(storage)?;
    let entries: Vec<cfb::Entry> = entries.collect();
    let mut made = CompoundFile::create(Cursor::new(Vec::new()))?;
    let mut total = 0;
    for entry in entries {
        let path = entry.path().to_string_lossy().into_owned();
        let Some(inner) = path.strip_prefix(storage).filter(|inner| !inner.is_empty()) else {
            made.set_storage_clsid("/", *entry.clsid())?;
            continue;
        };
        if entry.is_storage() {
            made.create_storage(inner)?;
            made.set_storage_clsid(inner, *entry.clsid())?;
            made.set_created_time(inner, entry.created())?;
            made.set_modified_time(inner, entry.modified())?;
            continue;
        }
        let bytes = ole.stream(&path)?.unwrap_or_default();
        total += bytes.len() as u64;
        if total > super::STREAM_MAX {
            let limit = super::STREAM_MAX >> 20;
            return Err(Stop::OverLimit(format!(
                "an object of more than {limit} MiB"
            )));
        }
        made.create_stream(inner)?.write_all(&bytes)?;
    }
    made.flush()?;
    Ok(made.into_inner().into_inner())
}

fn native(bytes: &[u8]) -> Option<(String, &[u8])> {
    packaged(bytes.get(4..)?)
}

/// The file in a packaged object: its name, and its bytes. Kind, label, path, eight bytes, path, length, bytes.
pub fn packaged(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (label, rest) = zero_ended(bytes.get(2..)?)?;
    let (_, rest) = zero_ended(rest)?;
    let length = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?) as usize;
    let rest = rest.get(8usize.checked_add(length)?..)?;
    let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
    Some((
        decode::name(label),
        rest.get(4..4usize.checked_add(length)?)?,
    ))
}

fn zero_ended(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::native;

    #[test]
    fn a_packaged_file_has_its_name_and_its_bytes() {
        let mut bytes = b"\x30\0\0\0\x02\0order.txt\0C:\\order.txt\0\0\0\x03\0".to_vec();
        bytes.extend([9, 0, 0, 0]);
        bytes.extend(b"C:\\order\0");
        bytes.extend([4, 0, 0, 0]);
        bytes.extend(b"fire and more");
        assert_eq!(native(&bytes), Some(("order.txt".to_owned(), &b"fire"[..])));
        assert_eq!(native(&bytes[..40]), None);
    }
}
