//! Images of media, raw or in E01: partitions, file systems, and their files, each a child. What was deleted, and what
//! lies in free space, is not looked for.

mod ewf;
mod ext;
mod fat;
mod iso;
mod media;
mod nt;
mod parts;
mod segment;
mod system;
mod walk;

pub use ewf::MARK as EWF;

use crate::{Input, Out, Stop};
use ewf::Ewf;
use md5::{Digest, Md5};
use media::Disk;
use sha1::Sha1;
use std::{cell::RefCell, io::Read, rc::Rc};
use system::System;
use walk::{Listing, reason, walk};

/// Digests are computed anew of this many bytes at the most, and of [`CHECKED_RATIO`] times as many as the file has, or
/// [`CHECKED_SMALL`]: about 20 minutes of a processor, of the hour that a reading has.
const CHECKED_MAX: u64 = 128 << 30;
const CHECKED_RATIO: u64 = 32;
const CHECKED_SMALL: u64 = 4 << 30;
/// Runs of sectors that are told one by one.
const UNREAD_MAX: usize = 100;

/// What a file that has no other mark is an image of: a name for its type; `None` when it is none.
pub fn is_image(input: &Input) -> Option<&'static str> {
    let disk = Disk::raw(input);
    match system::at(&disk) {
        Some(System::Iso) => Some("disc image (ISO 9660)"),
        Some(found) if system::is_sure(&disk, found) => Some("disk image (one file system)"),
        _ => parts::table(&disk).map(|table| match table.scheme {
            "GPT" => "disk image (GPT)",
            _ => "disk image (MBR)",
        }),
    }
}

/// A file that is a medium byte by byte, or the first of several that are one after the other.
pub fn raw(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let first = Disk::raw(input);
    let (stated, is_exact) = stated(&first);
    let files = run(&input.files(), stated, is_exact);
    let whole = input.joined(files);
    say_files(files, "parts of the medium", out)?;
    if stated > whole.size() && (files > 1 || is_numbered(name)) {
        let next = files + 1;
        out.field(
            "image_goes_on",
            &next.to_string(),
            "what is said of the medium",
        )?;
        out.missing(&format!(
            "the medium has at least {stated} bytes, and these are {}: it goes on in file {next}, which was not read with it",
            whole.size()
        ));
    }
    medium(&Disk::raw(&whole), &mut Listing::default(), out)
}

/// How many bytes a medium has by what it says itself, 0 where it does not; and whether it has no more than that.
fn stated(disk: &Disk) -> (u64, bool) {
    match system::at(disk) {
        Some(found) => (system::stated_size(disk, found).unwrap_or(0), true),
        None => (parts::table(disk).map_or(0, |table| table.end), false),
    }
}

/// How many of these files, one after the other, are one medium. Whoever cuts a medium makes pieces of one size, but
/// for the last; and a first file that is large enough by itself is no piece.
fn run(files: &[u64], stated: u64, is_exact: bool) -> usize {
    let Some((first, rest)) = files.split_first() else {
        return 1;
    };
    let (mut count, mut sum, mut last) = (1, *first, *first);
    if stated <= sum {
        return 1;
    }
    for size in rest {
        if last < *first || size > first || *size == 0 || (is_exact && sum >= stated) {
            break;
        }
        (count, sum, last) = (count + 1, sum.saturating_add(*size), *size);
    }
    count
}

/// Whether a name ends as those of pieces do: `.001`.
fn is_numbered(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ending.len() >= 3 && ending.bytes().all(|b| b.is_ascii_digit()))
}

/// From how many files an image was read, where it is more than one. The supervisor tells from this which files these
/// are.
fn say_files(files: usize, what: &str, out: &mut Out) -> Result<(), Stop> {
    match files {
        1 => Ok(()),
        _ => out.field("image_files", &files.to_string(), what),
    }
}

/// An image of EWF: what was noted, the medium, and whether its digests are those of the acquisition.
pub fn encase(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let ewf = Ewf::open(input)?;
    for note in &ewf.notes {
        out.field(note.name, &note.value, &note.from)?;
    }
    if ewf.segment != 1 {
        out.missing(&format!(
            "it is file {} of an image: its bytes are read with those of the first file, and not by themselves",
            ewf.segment
        ));
        return Ok(());
    }
    say_files(ewf.files, "EWF segment files", out)?;
    let mut listing = Listing::default();
    let media = ewf.media_size();
    if media == 0 {
        return Err(Stop::Damaged(
            "it does not say how large its medium is".to_owned(),
        ));
    }
    listing.line(out, &format!("medium of {media} bytes"))?;
    for (first, count) in ewf.unread.iter().take(UNREAD_MAX) {
        listing.line(
            out,
            &format!("{count} sectors from {first} on could not be read at the acquisition"),
        )?;
    }
    if ewf.unread.len() > UNREAD_MAX {
        listing.line(out, "more sectors could not be read at the acquisition")?;
    }
    if ewf.goes_on {
        let next = ewf.files + 1;
        out.field("image_goes_on", &next.to_string(), "EWF next")?;
        out.missing(&match &ewf.refused {
            Some(why) => format!("the image goes on in file {next}; the one that stands there was not read with it: {why}"),
            None => format!("the image goes on in file {next}, which was not read with it"),
        });
    } else if ewf.chunks_missing() > 0 {
        out.missing(&format!(
            "{} chunks of the medium are missing",
            ewf.chunks_missing()
        ));
    }
    let ewf = Rc::new(RefCell::new(ewf));
    let disk = Disk::ewf(ewf.clone());
    medium(&disk, &mut listing, out)?;
    let files = input.joined(ewf.borrow().files).size();
    digests(&ewf, disk, files, out)
}

/// Computes the digests of the medium anew, and says whether they are those that were noted.
fn digests(ewf: &RefCell<Ewf>, mut disk: Disk, file: u64, out: &mut Out) -> Result<(), Stop> {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let ewf = ewf.borrow();
    let noted = [
        ("MD5", ewf.md5.map(|sum| hex(&sum))),
        ("SHA-1", ewf.sha1.map(|sum| hex(&sum))),
    ];
    let (media, is_whole) = (ewf.media_size(), ewf.is_whole());
    // To be read from, it must not be looked at.
    drop(ewf);
    let room = CHECKED_MAX.min(file.saturating_mul(CHECKED_RATIO).max(CHECKED_SMALL));
    let why = if is_whole && media <= room {
        computed(&mut disk, &noted)?
    } else if is_whole {
        Err(format!(
            "the medium has {media} bytes, and {room} are checked"
        ))
    } else {
        Err("part of the image is not there".to_owned())
    };
    let anew = match why {
        Ok(anew) => anew,
        Err(why) => {
            out.missing(&format!(
                "the digests of the acquisition were not checked: {why}"
            ));
            [None, None]
        }
    };
    if noted.iter().all(|(_, sum)| sum.is_none()) {
        out.field(
            "acquisition_digest",
            "absent",
            "no digest was noted in the image",
        )?;
    }
    for ((name, noted), anew) in noted.into_iter().zip(anew) {
        let Some(noted) = noted else { continue };
        let (verdict, from) = match anew {
            Some(anew) if anew == noted => ("matches", format!("{name} {noted}")),
            Some(anew) => {
                out.missing(&format!(
                    "the medium's {name} is {anew}, and not {noted} as was noted at the acquisition: these are not the bytes that were acquired"
                ));
                ("differs", format!("{name} {noted} noted, {anew} computed"))
            }
            None => ("not checked", format!("{name} {noted}")),
        };
        out.field("acquisition_digest", verdict, &from)?;
    }
    Ok(())
}

type Anew = Result<[Option<String>; 2], String>;

/// The digests that were noted, computed anew; or why that cannot be.
fn computed(disk: &mut Disk, noted: &[(&str, Option<String>); 2]) -> Result<Anew, Stop> {
    let mut md5 = noted[0].1.as_ref().map(|_| Md5::new());
    let mut sha1 = noted[1].1.as_ref().map(|_| Sha1::new());
    if md5.is_none() && sha1.is_none() {
        return Ok(Ok([None, None]));
    }
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = match disk.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(md5) = &mut md5 {
            md5.update(&buffer[..count]);
        }
        if let Some(sha1) = &mut sha1 {
            sha1.update(&buffer[..count]);
        }
    }
    let md5 = md5.map(|sum| data_encoding::HEXLOWER.encode(&sum.finalize()));
    let sha1 = sha1.map(|sum| data_encoding::HEXLOWER.encode(&sum.finalize()));
    Ok(Ok([md5, sha1]))
}

/// A whole medium: one file system, or partitions with one each.
fn medium(disk: &Disk, listing: &mut Listing, out: &mut Out) -> Result<(), Stop> {
    if let Some(found) = system::at(disk) {
        return one(disk, found, "", "the medium", listing, out);
    }
    let Some(table) = parts::table(disk) else {
        out.missing("no partitions and no file system are known in it");
        return Ok(());
    };
    for wrong in &table.wrong {
        out.missing(wrong);
    }
    for (index, part) in table.parts.iter().enumerate() {
        let number = index + 1;
        let name = match part.name.is_empty() {
            true => String::new(),
            false => format!(" “{}”", part.name),
        };
        let says = format!(
            "{}, first byte {}, {} bytes{name}",
            part.kind, part.start, part.size
        );
        out.field("partition", &says, &format!("{} {number}", table.scheme))?;
        if part.kind.starts_with("extended") {
            continue;
        }
        let place = format!("partition {number}");
        if part.start >= disk.size() {
            out.missing(&format!("{place} begins beyond the end of the image"));
            continue;
        }
        let inner = disk.part(part.start, part.size);
        match system::at(&inner) {
            Some(found) => one(&inner, found, &format!("{place}/"), &place, listing, out)?,
            None if is_blank(&inner) => {
                listing.line(out, &format!("{place}: nothing but zeros at its beginning"))?;
            }
            None => out.missing(&format!("{place}: no file system is known in it")),
        }
    }
    Ok(())
}

/// No file system begins with so many zeros.
fn is_blank(disk: &Disk) -> bool {
    disk.some(0, 128 << 10).iter().all(|byte| *byte == 0)
}

/// One file system. That it cannot be read is no end of the others.
fn one(
    disk: &Disk,
    found: System,
    prefix: &str,
    place: &str,
    listing: &mut Listing,
    out: &mut Out,
) -> Result<(), Stop> {
    let name = found.name();
    out.field("file_system", name, place)?;
    let room = disk.size();
    let read = match found {
        System::Fat(_) => fat::Fat::open(disk).and_then(|mut files| {
            out.field("title", &files.label(), place)?;
            walk(&mut files, prefix, room, listing, out)
        }),
        System::Ntfs => nt::Nt::open(disk).and_then(|(mut files, label)| {
            out.field("title", &label, place)?;
            walk(&mut files, prefix, room, listing, out)
        }),
        System::Ext(_) => ext::Ext::open(disk).and_then(|(mut files, label)| {
            out.field("title", &label, place)?;
            walk(&mut files, prefix, room, listing, out)
        }),
        System::Iso => iso::Iso::open(disk).and_then(|(mut files, about)| {
            out.field("title", &about.label, place)?;
            out.field("application", &about.made_by, place)?;
            out.field("created", &about.created.unwrap_or_default(), place)?;
            walk(&mut files, prefix, room, listing, out)
        }),
        System::Other(name) => Err(Stop::Unsupported(format!("nothing reads {name} yet"))),
        System::Locked(name) => Err(Stop::Encrypted(format!("it is locked by {name}"))),
    };
    match read {
        Err(Stop::OverLimit(why)) => Err(Stop::OverLimit(why)),
        // A medium that is locked or strange as a whole is just that.
        Err(why @ (Stop::Encrypted(_) | Stop::Unsupported(_))) if prefix.is_empty() => Err(why),
        Err(why) => {
            out.missing(&format!("{place}, {name}: {}", reason(why)));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
