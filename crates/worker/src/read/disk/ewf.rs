//! E01 (EWF version 1), as EnCase, FTK Imager and `ewfacquire` write it: what was noted at the acquisition, and the
//! medium's bytes, a chunk at a time. Written from the format's description in libewf's documentation.

use super::{
    segment::{About, Section, Segment},
    walk::reason,
};
use crate::{
    Input, Stop,
    ints::{u32_at, u64_at, utf16},
    time,
};
use flate2::read::ZlibDecoder;
use std::{
    collections::VecDeque,
    io::{self, Read},
    rc::Rc,
};

/// The first bytes of a segment file.
pub const MARK: [u8; 8] = [b'E', b'V', b'F', 9, 13, 10, 0xff, 0];
const TABLE_HEAD: u64 = 24;
/// Sections and tables of all files of an image.
const SECTIONS_MAX: usize = 1_000_000;
/// Bytes of one chunk.
const CHUNK_MAX: u64 = 16 << 20;
/// Bytes of what was noted, unpacked.
const NOTES_MAX: u64 = 1 << 20;
/// Bytes of unpacked chunks that are kept.
const CACHE: usize = 8 << 20;
/// The bit of a table's entry that says that its chunk is compressed.
const COMPRESSED: u32 = 1 << 31;

/// An image, or as much of it as there are files of it one after the other.
pub struct Ewf {
    input: Input,
    /// Number of the first segment file, from 1.
    pub segment: u16,
    /// How many segment files it is read from.
    pub files: usize,
    /// The image goes on in another file.
    pub goes_on: bool,
    /// Why the file that follows is not read as the next one of it.
    pub refused: Option<String>,
    pub notes: Vec<Note>,
    pub md5: Option<[u8; 16]>,
    pub sha1: Option<[u8; 20]>,
    /// Runs of sectors that could not be read at the acquisition: the first, and how many.
    pub unread: Vec<(u32, u32)>,
    media: u64,
    chunk: u64,
    chunks: u64,
    tables: Vec<Table>,
    /// Chunks that these files have.
    there: u64,
    cache: VecDeque<(u64, Rc<Vec<u8>>)>,
}

/// What the examiner or the program noted: name and value of a field, and where it stands.
pub struct Note {
    pub name: &'static str,
    pub value: String,
    pub from: String,
}

struct Table {
    first: u64,
    count: u64,
    base: u64,
    entries: u64,
    /// Where the last chunk of the table ends at the latest.
    end: u64,
}

impl Ewf {
    /// The image that begins with this file. Of the files that may follow it those are taken that say themselves to be
    /// its next ones.
    pub fn open(input: &Input) -> Result<Ewf, Stop> {
        let sizes = input.files();
        let all = input.joined(sizes.len());
        let mut left = SECTIONS_MAX;
        let first = Segment::open(&all, 0, input.size(), &mut left)?;
        let about = first.about(&all);
        let mut ewf = Ewf {
            input: all.clone(),
            segment: first.number,
            files: 1,
            goes_on: first.goes_on,
            refused: None,
            notes: Vec::new(),
            md5: None,
            sha1: None,
            unread: Vec::new(),
            media: 0,
            chunk: 0,
            chunks: 0,
            tables: Vec::new(),
            there: 0,
            cache: VecDeque::new(),
        };
        ewf.take(&first)?;
        let mut start = input.size();
        for size in sizes.iter().skip(1).filter(|_| first.number == 1) {
            if !ewf.goes_on {
                break;
            }
            let number = ewf.files + 1;
            let next = Segment::open(&all, start, *size, &mut left).map_err(reason);
            let next = next.and_then(|next| {
                let why = is_next(&next, number, &about, &next.about(&all));
                why.map_or(Ok(next), Err)
            });
            match next {
                Ok(next) => {
                    ewf.goes_on = next.goes_on;
                    ewf.take(&next)?;
                }
                Err(why) => {
                    ewf.refused = Some(why);
                    break;
                }
            }
            ewf.files = number;
            start = start.saturating_add(*size);
        }
        // Whatever places an image names, they lie in its own files.
        ewf.input = input.joined(ewf.files);
        Ok(ewf)
    }

    /// Takes what a segment file has.
    fn take(&mut self, segment: &Segment) -> Result<(), Stop> {
        let mut sectors_end = 0;
        for section in &segment.sections {
            match section.kind() {
                "sectors" => sectors_end = section.end,
                "table" => self.table(section, segment.start, sectors_end),
                _ => self.section(section)?,
            }
        }
        Ok(())
    }

    fn section(&mut self, section: &Section) -> Result<(), Stop> {
        let bytes = |count| self.input.bytes_at(section.data, count);
        match section.kind() {
            "header" | "header2" => self.note(section),
            "volume" | "disk" | "data" if self.chunk == 0 => {
                let found = bytes(94);
                let sector = u64::from(u32_at(&found, 12));
                // The older form of SMART has half the bits for the number of sectors.
                let is_long = section.end.saturating_sub(section.data) >= 1052;
                let sectors = match is_long {
                    true => u64_at(&found, 16),
                    false => u32_at(&found, 16).into(),
                };
                self.chunks = u32_at(&found, 4).into();
                self.chunk = u64::from(u32_at(&found, 8)).saturating_mul(sector);
                self.media = sectors.saturating_mul(sector);
                if self.chunk == 0 || self.chunk > CHUNK_MAX {
                    return Err(Stop::Damaged(format!(
                        "its chunks are said to have {} bytes",
                        self.chunk
                    )));
                }
                if is_long {
                    let set = bytes(80);
                    let hex = |range| data_encoding::HEXLOWER.encode(&set[range]);
                    if set.len() == 80 && set[64..80] != [0; 16] {
                        self.notes.push(Note {
                            name: "image_set",
                            value: hex(64..80),
                            from: "EWF volume, set identifier".to_owned(),
                        });
                    }
                }
            }
            "digest" => {
                let found = bytes(36);
                self.md5 = found.first_chunk().copied().filter(|sum| *sum != [0; 16]);
                let sha1 = found.get(16..).and_then(|rest| rest.first_chunk());
                self.sha1 = sha1.copied().filter(|sum| *sum != [0; 20]);
            }
            "hash" if self.md5.is_none() => {
                self.md5 = bytes(16).first_chunk().copied();
            }
            "error2" => {
                let count = u32_at(&bytes(4), 0).min(100_000) as usize;
                let found = self.input.bytes_at(section.data + 520, count * 8);
                let runs = found.as_chunks::<8>().0.iter();
                self.unread
                    .extend(runs.map(|run| (u32_at(run, 0), u32_at(run, 4))));
            }
            _ => {}
        }
        Ok(())
    }

    fn table(&mut self, section: &Section, start: u64, sectors_end: u64) {
        let head = self.input.bytes_at(section.data, TABLE_HEAD as usize);
        let entries = section.data + TABLE_HEAD;
        let room = section.end.saturating_sub(entries) / 4;
        let count = u64::from(u32_at(&head, 0)).min(room);
        // In the oldest form the chunks stand in the table's own section.
        let end = if sectors_end > 0 {
            sectors_end
        } else {
            section.end
        };
        if count > 0 {
            self.tables.push(Table {
                first: self.there,
                count,
                base: start.saturating_add(u64_at(&head, 8)),
                entries,
                end,
            });
            self.there += count;
        }
    }

    /// What was noted: a line of short names, and one of values, with tabs between.
    fn note(&mut self, section: &Section) {
        let packed = section.end.saturating_sub(section.data).min(NOTES_MAX) as usize;
        let packed = self.input.bytes_at(section.data, packed);
        let mut bytes = Vec::new();
        let mut notes = ZlibDecoder::new(&packed[..]).take(NOTES_MAX);
        // What could be unpacked before an error counts.
        let _ = notes.read_to_end(&mut bytes);
        let text = match &bytes[..] {
            [0xff, 0xfe, rest @ ..] => utf16(rest),
            _ => crate::decode::name(&bytes),
        };
        let mut lines = text
            .lines()
            .skip_while(|line| line.trim() != "main")
            .skip(1);
        let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
            return;
        };
        for (name, value) in names.split('\t').zip(values.split('\t')) {
            let (field, what, is_time) = match name.trim() {
                "c" => ("case_number", "case number", false),
                "n" => ("evidence_number", "evidence number", false),
                "a" => ("title", "unique description", false),
                "e" => ("examiner", "examiner name", false),
                "t" => ("comment", "notes", false),
                "md" => ("model", "model of the medium", false),
                "sn" => ("serial_number", "serial number of the medium", false),
                "av" => ("application", "version of the acquiring program", false),
                "ov" => ("software", "operating system", false),
                "m" => ("acquired", "acquisition date", true),
                "u" => ("created", "system date", true),
                _ => continue,
            };
            let value = match is_time {
                true => moment(value.trim()),
                false => value.trim().to_owned(),
            };
            let from = format!("EWF {}, {what}", section.kind());
            let is_known = |note: &Note| note.name == field && note.value == value;
            if !value.is_empty() && !self.notes.iter().any(is_known) {
                self.notes.push(Note {
                    name: field,
                    value,
                    from,
                });
            }
        }
    }

    /// Bytes of the medium.
    pub fn media_size(&self) -> u64 {
        self.media
    }

    /// Whether all chunks of the medium are in these files.
    pub fn is_whole(&self) -> bool {
        self.segment == 1 && !self.goes_on && self.there >= self.media.div_ceil(self.chunk.max(1))
    }

    /// How many chunks are missing that the image says it has.
    pub fn chunks_missing(&self) -> u64 {
        self.chunks.saturating_sub(self.there)
    }

    /// Bytes of the medium from `offset` on, at most those of one chunk.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.media {
            return Ok(0);
        }
        let number = offset / self.chunk;
        let chunk = self.chunk_at(number)?;
        let from = chunk
            .get((offset % self.chunk) as usize..)
            .unwrap_or_default();
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }

    fn chunk_at(&mut self, number: u64) -> io::Result<Rc<Vec<u8>>> {
        if let Some(found) = self.cache.iter().find(|(known, _)| *known == number) {
            return Ok(found.1.clone());
        }
        let bytes = Rc::new(self.unpacked(number)?);
        while !self.cache.is_empty() && (self.cache.len() + 1) * self.chunk as usize > CACHE {
            self.cache.pop_front();
        }
        self.cache.push_back((number, bytes.clone()));
        Ok(bytes)
    }

    /// One chunk, whose checksum is right.
    fn unpacked(&self, number: u64) -> io::Result<Vec<u8>> {
        let damaged = |what: &str| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("chunk {} of the image {what}", number + 1),
            )
        };
        let index = self.tables.partition_point(|table| table.first <= number);
        let table = index
            .checked_sub(1)
            .and_then(|index| self.tables.get(index));
        let table = table.filter(|table| number < table.first + table.count);
        let table = table.ok_or_else(|| match self.goes_on || self.segment != 1 {
            true => io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "these bytes of the medium are in another file of the image",
            ),
            false => damaged("is in no table"),
        })?;
        let within = number - table.first;
        let entries = self.input.bytes_at(table.entries + within * 4, 8);
        let place = |entry: u32| table.base.saturating_add((entry & !COMPRESSED).into());
        let entry = u32_at(&entries, 0);
        let start = place(entry);
        let end = match within + 1 < table.count {
            true => place(u32_at(&entries, 4)),
            false => table.end,
        };
        let size = self.chunk.min(self.media - number * self.chunk);
        // Compression may make a chunk a little longer.
        let most = self.chunk + self.chunk / 8 + 1024;
        let packed = end.checked_sub(start).filter(|packed| *packed > 4);
        let packed = packed.ok_or_else(|| damaged("has no bytes"))?.min(most);
        let packed = self.input.bytes_at(start, packed as usize);
        if entry & COMPRESSED != 0 {
            let mut bytes = Vec::with_capacity(size as usize);
            ZlibDecoder::new(&packed[..])
                // One byte more, so that the checksum behind them is looked at.
                .take(size + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| damaged(&format!("is damaged: {error}")))?;
            if bytes.len() as u64 != size {
                return Err(damaged("is not as long as it should be"));
            }
            return Ok(bytes);
        }
        let mut bytes = packed;
        let sum = bytes.get(size as usize..).unwrap_or_default();
        if sum.len() < 4 {
            return Err(damaged("is too short"));
        }
        if u32_at(sum, 0) != adler(&bytes[..size as usize]) {
            return Err(damaged("is not what its checksum says"));
        }
        bytes.truncate(size as usize);
        Ok(bytes)
    }
}

/// Why a segment file is not the one that follows: it has another number, or says that it is of another image.
fn is_next(next: &Segment, number: usize, about: &About, other: &About) -> Option<String> {
    if usize::from(next.number) != number {
        return Some(format!(
            "it says that it is file {} of an image",
            next.number
        ));
    }
    let differs = about.differs(other)?;
    Some(format!("it is of another image: {differs}"))
}

/// A time of a header: seconds since 1970, or six numbers of a clock without a zone.
fn moment(value: &str) -> String {
    let numbers: Vec<u32> = value
        .split_whitespace()
        .map_while(|number| number.parse().ok())
        .collect();
    let found = match numbers[..] {
        [seconds] => time::unix(seconds.into()),
        [year, month, day, hour, minute, second] => {
            time::civil(year, month, day, hour, minute, second)
        }
        _ => None,
    };
    found.unwrap_or_else(|| value.to_owned())
}

/// Adler-32, by which sections and chunks are held against.
pub fn adler(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // So many bytes do not overflow.
    for piece in bytes.chunks(5552) {
        for byte in piece {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % 65521, b % 65521);
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_times_of_the_format() {
        assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(moment("1739513400"), "2025-02-14T06:10:00Z");
        assert_eq!(moment("2025 2 14 6 10 0"), "2025-02-14T06:10:00");
        assert_eq!(moment("unknown"), "unknown");
    }
}
