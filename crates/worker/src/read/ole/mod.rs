//! Compound files: Word, Excel and PowerPoint before 2007, Outlook messages, and what is encrypted since.

mod excel;
mod message;
mod objects;
mod powerpoint;
mod properties;
mod word;

use crate::{Input, Out, Stop};
use cfb::CompoundFile;
use std::io::Read;

/// The most bytes of one stream that is held in memory.
const STREAM_MAX: u64 = 256 << 20;

/// A compound file.
pub struct Ole {
    file: CompoundFile<Input>,
}

impl Ole {
    fn open(input: &Input) -> Result<Ole, Stop> {
        Ok(Ole {
            file: CompoundFile::open(input.rewound())?,
        })
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
    if ole.has("/EncryptedPackage") {
        return Err(Stop::Encrypted("the document has a passphrase".to_owned()));
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
    let known = if let Some(document) = ole.stream("/WordDocument")? {
        word::read(&mut ole, &document, out)?;
        true
    } else if let Some(workbook) = ole
        .stream("/Workbook")?
        .map_or_else(|| ole.stream("/Book"), |book| Ok(Some(book)))?
    {
        excel::read(&workbook, out)?;
        true
    } else if let Some(document) = ole.stream("/PowerPoint Document")? {
        powerpoint::read(&document, out)?;
        true
    } else {
        false
    };
    objects::read(&mut ole, !known, out)
}

/// An integer in the order of these formats; zero beyond the end, which is checked for where it matters.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |raw| u16::from_le_bytes(*raw))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |raw| u32::from_le_bytes(*raw))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |raw| u64::from_le_bytes(*raw))
}

fn utf16(bytes: &[u8]) -> String {
    encoding_rs::UTF_16LE
        .decode_without_bom_handling(bytes)
        .0
        .into_owned()
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
