//! Compound files: Word, Excel and PowerPoint before 2007, Outlook messages, and what is encrypted since.

mod encrypted;
mod excel;
mod macros;
mod message;
mod objects;
mod pictures;
mod powerpoint;
mod properties;
mod publisher;
mod word;

pub use objects::packaged;

use crate::{
    Input, Out, Stop,
    ints::{u16_at, u32_at, u64_at, utf16},
    out::child,
};
use cfb::CompoundFile;
use comity_extract::Relation;
use std::io::Read;

/// The most bytes of one stream that is held in memory.
const STREAM_MAX: u64 = 256 << 20;

/// A compound file.
pub struct Ole {
    file: CompoundFile<Input>,
    /// Its table names sectors beyond its end: it was cut off, or they were never written.
    cut_off: bool,
}

impl Ole {
    fn open(input: &Input) -> Result<Ole, Stop> {
        let size = named_size(input);
        let (file, cut_off) = match CompoundFile::open(input.rewound()) {
            Err(_) if size > input.size() => (CompoundFile::open(input.padded(size))?, true),
            file => (file?, false),
        };
        Ok(Ole { file, cut_off })
    }

    fn has(&self, path: &str) -> bool {
        self.file.exists(path)
    }

    /// The bytes of a stream; `None` when there is none of that path.
    fn stream(&mut self, path: &str) -> Result<Option<Vec<u8>>, Stop> {
        if !self.file.is_stream(path) {
            return Ok(None);
        }
        let stream = self.file.open_stream(path)?;
        if stream.len() > STREAM_MAX {
            return Err(Stop::OverLimit(format!(
                "a stream of more than {} MiB",
                STREAM_MAX >> 20
            )));
        }
        let mut bytes = Vec::new();
        stream.take(STREAM_MAX).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// The paths of all streams, in the order in which the storages list them.
    fn streams(&self) -> Vec<String> {
        let entries = self.file.walk().filter(cfb::Entry::is_stream);
        entries
            .map(|entry| entry.path().to_string_lossy().into_owned())
            .collect()
    }

    /// The paths of storages in a storage, in the order of their names.
    fn storages(&self, path: &str, start: &str) -> Vec<String> {
        let Ok(entries) = self.file.read_storage(path) else {
            return Vec::new();
        };
        let fits = |entry: &cfb::Entry| entry.is_storage() && entry.name().starts_with(start);
        let mut names: Vec<String> = entries
            .filter(fits)
            .map(|entry| format!("{}/{}", path.trim_end_matches('/'), entry.name()))
            .collect();
        names.sort();
        names
    }
}

/// How many bytes a compound file has whose table of sectors is used to its end.
fn named_size(input: &Input) -> u64 {
    let head = input.bytes_at(0, 48);
    let (shift, sectors) = (u32::from(u16_at(&head, 30)), u64::from(u32_at(&head, 44)));
    match shift {
        9 | 12 => ((sectors.min(input.size() >> shift) << (shift - 2)) + 1) << shift,
        _ => 0,
    }
}

/// Media type and name of a compound file, by the streams in it.
pub fn kind(input: &Input) -> Option<(&'static str, &'static str)> {
    let ole = Ole::open(input).ok()?;
    let kinds = [
        (
            "/EncryptedPackage",
            "application/x-ole-encrypted",
            "encrypted Office document",
        ),
        (
            "/WordDocument",
            "application/msword",
            "Word document (before 2007)",
        ),
        (
            "/Workbook",
            "application/vnd.ms-excel",
            "Excel workbook (before 2007)",
        ),
        (
            "/Book",
            "application/vnd.ms-excel",
            "Excel workbook (before 97)",
        ),
        (
            "/PowerPoint Document",
            "application/vnd.ms-powerpoint",
            "PowerPoint presentation (before 2007)",
        ),
        (
            "/Quill/QuillSub/CONTENTS",
            "application/vnd.ms-publisher",
            "Publisher publication",
        ),
        (
            "/VisioDocument",
            "application/vnd.visio",
            "Visio drawing (before 2013)",
        ),
        (
            "/__properties_version1.0",
            "application/vnd.ms-outlook",
            "Outlook message",
        ),
    ];
    let found = kinds.into_iter().find(|(path, ..)| ole.has(path));
    found.map(|(_, media, name)| (media, name))
}

/// Reads a compound file of a kind that [`kind`] has named.
pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut ole = Ole::open(input)?;
    if ole.cut_off {
        out.missing("what its table of sectors names beyond its end");
    }
    if ole.has("/EncryptedPackage") {
        let Some(package) = encrypted::package(&mut ole)? else {
            return Err(Stop::Encrypted("the document has a passphrase".to_owned()));
        };
        out.field(
            "comment",
            "encrypted with the passphrase that Office tries by itself",
            "EncryptionInfo",
        )?;
        return out.child(child(Relation::Content, "document"), &mut &package[..]);
    }
    if ole.has("/__properties_version1.0") {
        return message::read(&mut ole, out);
    }
    // The token of an encrypted presentation, in the stream that says who edited it last.
    if ole
        .stream("/Current User")?
        .is_some_and(|user| u32_at(&user, 12) == 0xf3d1_c4df)
    {
        return Err(Stop::Encrypted(
            "the presentation has a passphrase".to_owned(),
        ));
    }
    for path in [
        "/\u{5}SummaryInformation",
        "/\u{5}DocumentSummaryInformation",
    ] {
        if let Some(bytes) = ole.stream(path)? {
            properties::read(&bytes, &path[2..], out)?;
        }
    }
    let main = document(&mut ole, out);
    // What else is in a damaged document may be whole.
    if matches!(main, Err(Stop::Encrypted(_) | Stop::OverLimit(_))) {
        return main.map(|_| ());
    }
    macros::read(&mut ole, out)?;
    pictures::read(&mut ole, out)?;
    objects::read(&mut ole, matches!(main, Ok(false)), out)?;
    main.map(|_| ())
}

/// Whether the file is a sheet of Excel from before there were compound files: it begins with the same first record.
pub fn is_worksheet(input: &Input) -> bool {
    let head = input.bytes_at(0, 6);
    let versions = [0, 2, 4, 8];
    head.first() == Some(&9)
        && head
            .get(1)
            .is_some_and(|version| versions.contains(version))
        && matches!(u16_at(&head, 2), 4 | 6 | 8)
        && matches!(
            input.bytes_at(4 + u64::from(u16_at(&head, 2)), 2)[..],
            [_, 0..=4]
        )
}

pub fn worksheet(input: &Input, out: &mut Out) -> Result<(), Stop> {
    if input.size() > STREAM_MAX {
        return Err(Stop::OverLimit(format!(
            "a sheet of more than {} MiB",
            STREAM_MAX >> 20
        )));
    }
    excel::read(&input.bytes_at(0, STREAM_MAX as usize), out)
}

/// Reads the main stream: whether there is one that is known.
fn document(ole: &mut Ole, out: &mut Out) -> Result<bool, Stop> {
    if let Some(document) = ole.stream("/WordDocument")? {
        word::read(ole, &document, out)?;
    } else if let Some(workbook) = ole
        .stream("/Workbook")?
        .map_or_else(|| ole.stream("/Book"), |book| Ok(Some(book)))?
    {
        excel::read(&workbook, out)?;
    } else if let Some(document) = ole.stream("/PowerPoint Document")? {
        powerpoint::read(&document, out)?;
    } else if publisher::is(ole) {
        publisher::read(ole, out)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Text of a code page by its number in Windows.
pub fn code_page(number: u32, bytes: &[u8]) -> String {
    let encoding = match number {
        866 => encoding_rs::IBM866,
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        1200 => encoding_rs::UTF_16LE,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1252 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        10007 => encoding_rs::X_MAC_CYRILLIC,
        20866 => encoding_rs::KOI8_R,
        21866 => encoding_rs::KOI8_U,
        65001 => encoding_rs::UTF_8,
        _ => return crate::decode::name(bytes),
    };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}
