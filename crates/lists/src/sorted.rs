//! The digests of a list of files in order, each with where its line begins: what a digest is looked up in, without
//! reading the list. `docs/format/lists.md` has its form.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, BufRead, ErrorKind, Read, Write};

use crate::entity::ListError;
use crate::files::{Digest, FileLine, Sum, read_files};

/// What the last bytes begin with.
const MAGIC: &[u8; 18] = b"comity/digests/v1\n";
/// The kinds in the order in which they stand, the strongest first.
const KINDS: [Sum; 3] = [Sum::Sha256, Sum::Sha1, Sum::Md5];
/// Bytes of the end: the mark, how many heads, and of each kind how many digests and by how many bits they are divided.
const END: usize = MAGIC.len() + 4 + KINDS.len() * 9;
/// Bits of a digest by which they are divided at most,
const MOST_BITS: u8 = 20;
/// and so many digests of one part at about.
const PART: u64 = 128;
/// Bytes of digests that are looked through at once; of more, the half that is asked for is found first.
const AT_ONCE: u64 = 1 << 16;
/// Lines that name columns, at most: several tables may stand in one file, one after the other.
const MOST_HEADS: usize = 10_000;

/// A digest and where its line begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    kind: u8,
    digest: [u8; 32],
    at: u64,
}

/// Bytes of a record that waits to be merged.
const SPILLED: usize = 1 + 32 + 8;

impl Record {
    fn spilled(&self) -> [u8; SPILLED] {
        let mut bytes = [0; SPILLED];
        bytes[0] = self.kind;
        bytes[1..33].copy_from_slice(&self.digest);
        bytes[33..].copy_from_slice(&self.at.to_be_bytes());
        bytes
    }

    fn read(from: &mut dyn Read) -> io::Result<Option<Record>> {
        let mut bytes = [0; SPILLED];
        match from.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let (mut digest, mut at) = ([0; 32], [0; 8]);
        digest.copy_from_slice(&bytes[1..33]);
        at.copy_from_slice(&bytes[33..]);
        Ok(Some(Record {
            kind: bytes[0],
            digest,
            at: u64::from_be_bytes(at),
        }))
    }
}

fn len_of(kind: usize) -> usize {
    KINDS.get(kind).map_or(0, |sum| sum.bytes())
}

/// Where sorted runs wait to be merged: keeps what it is given, and gives it back as a stream.
pub type Spill<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<Box<dyn Read>>;

/// Sorts the digests of a list of files into `out`. A line counts by its strongest digest; of lines with the same one, the
/// first. At most `most` digests are in memory at a time; where there are more, sorted runs are handed to `spill`.
///
/// # Errors
/// If the list cannot be read, has too many heads, or nothing can be written.
pub fn sort_digests(
    list: &mut dyn BufRead,
    most: usize,
    spill: Spill<'_>,
    out: &mut dyn Write,
) -> Result<(), ListError> {
    let (mut held, mut runs) = (Vec::<Record>::new(), Vec::<Box<dyn Read>>::new());
    let (mut heads, mut failed) = (Vec::new(), None);
    read_files(list, &mut |line| {
        match line {
            FileLine::Head { at } => heads.push(at),
            FileLine::File { at, digests, .. } => {
                let strongest = digests.iter().max_by_key(|d| d.sum);
                held.extend(strongest.map(|digest| Record {
                    kind: KINDS.iter().position(|k| *k == digest.sum).unwrap_or(0) as u8,
                    digest: digest.padded(),
                    at,
                }));
            }
            FileLine::Bad { .. } => {}
        }
        if held.len() >= most.max(1) {
            let run = spilled(&mut held);
            match spill(&run) {
                Ok(run) => runs.push(run),
                Err(error) => failed = Some(error),
            }
        }
        failed.is_none() && heads.len() <= MOST_HEADS
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if heads.len() > MOST_HEADS {
        let what = format!("more than {MOST_HEADS} lines of it name columns");
        return Err(ListError::Unlike(what));
    }
    held.sort_unstable();
    let mut writing = Writing::new(out);
    merge(held, runs, &mut |record| writing.add(record))?;
    Ok(writing.finish(&heads)?)
}

/// Sorts what is held, and gives it as bytes.
fn spilled(held: &mut Vec<Record>) -> Vec<u8> {
    held.sort_unstable();
    let bytes = held.iter().flat_map(Record::spilled).collect();
    held.clear();
    bytes
}

/// Gives all records in order.
fn merge(
    held: Vec<Record>,
    mut runs: Vec<Box<dyn Read>>,
    each: &mut dyn FnMut(Record) -> io::Result<()>,
) -> io::Result<()> {
    let mut held = held.into_iter();
    let last = runs.len();
    let mut next = |run: usize| match runs.get_mut(run) {
        Some(run) => Record::read(run),
        None => Ok(held.next()),
    };
    let mut heap = BinaryHeap::new();
    for run in 0..=last {
        heap.extend(next(run)?.map(|record| Reverse((record, run))));
    }
    while let Some(Reverse((record, run))) = heap.pop() {
        each(record)?;
        heap.extend(next(run)?.map(|record| Reverse((record, run))));
    }
    Ok(())
}

/// Writes sorted records.
struct Writing<'a> {
    out: &'a mut dyn Write,
    last: Option<Record>,
    counts: [u64; 3],
    /// Of each kind, how many digests begin with each value of the first bits.
    begins: [Vec<u64>; 3],
}

impl<'a> Writing<'a> {
    fn new(out: &'a mut dyn Write) -> Writing<'a> {
        Writing {
            out,
            last: None,
            counts: [0; 3],
            begins: Default::default(),
        }
    }

    fn add(&mut self, record: Record) -> io::Result<()> {
        let same = |last: &Record| (last.kind, last.digest) == (record.kind, record.digest);
        if self.last.as_ref().is_some_and(same) {
            return Ok(());
        }
        self.last = Some(record);
        let kind = usize::from(record.kind);
        self.out
            .write_all(record.digest.get(..len_of(kind)).unwrap_or_default())?;
        self.out.write_all(&record.at.to_be_bytes())?;
        if let (Some(count), Some(begins)) = (self.counts.get_mut(kind), self.begins.get_mut(kind))
        {
            *count += 1;
            begins.resize(1 << MOST_BITS, 0);
            if let Some(one) = begins.get_mut(first_bits(&record.digest, MOST_BITS)) {
                *one += 1;
            }
        }
        Ok(())
    }

    fn finish(self, heads: &[u64]) -> io::Result<()> {
        let bits = self.counts.map(bits_for);
        for (begins, bits) in self.begins.iter().zip(bits) {
            let mut up_to = 0;
            for part in begins.chunks(1 << (MOST_BITS - bits)) {
                up_to += part.iter().sum::<u64>();
                self.out.write_all(&up_to.to_be_bytes())?;
            }
        }
        for head in heads {
            self.out.write_all(&head.to_be_bytes())?;
        }
        self.out.write_all(MAGIC)?;
        self.out.write_all(&(heads.len() as u32).to_be_bytes())?;
        for (count, bits) in self.counts.iter().zip(bits) {
            self.out.write_all(&count.to_be_bytes())?;
            self.out.write_all(&[bits])?;
        }
        Ok(())
    }
}

fn bits_for(count: u64) -> u8 {
    (0..MOST_BITS)
        .find(|bits| count >> bits <= PART)
        .unwrap_or(MOST_BITS)
}

fn first_bits(digest: &[u8], bits: u8) -> usize {
    let first = digest
        .iter()
        .take(4)
        .fold(0u32, |n, b| n << 8 | u32::from(*b));
    (u64::from(first) >> (32 - bits)) as usize
}

/// Fills a buffer with the bytes from an offset on.
pub type ReadAt = Box<dyn Fn(u64, &mut [u8]) -> io::Result<()> + Send>;

/// The digests of one kind.
struct Section {
    /// Where they begin,
    start: u64,
    /// and how many there are before the end of each part.
    ends: Vec<u64>,
    bits: u8,
}

/// Sorted digests, opened.
pub struct Sorted {
    read: ReadAt,
    sections: [Section; 3],
    heads: Vec<u64>,
}

impl Sorted {
    /// Opens what [`sort_digests`] wrote: so many bytes.
    ///
    /// # Errors
    /// If it cannot be read, or is something else.
    pub fn open(size: u64, read: ReadAt) -> io::Result<Sorted> {
        let wrong = || io::Error::new(ErrorKind::InvalidData, "these are no sorted digests");
        let end_at = size.checked_sub(END as u64).ok_or_else(wrong)?;
        let mut end = [0; END];
        read(end_at, &mut end)?;
        let rest = end.strip_prefix(MAGIC).ok_or_else(wrong)?;
        let (heads, mut rest) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let heads = u64::from(u32::from_be_bytes(*heads));
        let mut counts = [(0u64, 0u8); 3];
        for of in &mut counts {
            let (count, after) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
            let (bits, after) = after.split_first().ok_or_else(wrong)?;
            (*of, rest) = ((u64::from_be_bytes(*count), *bits), after);
        }
        if counts.iter().any(|(_, bits)| *bits > MOST_BITS) {
            return Err(wrong());
        }
        let parts = |(count, bits): (u64, u8)| if count > 0 { 1u64 << bits } else { 0 };
        let lens = counts.iter().enumerate();
        let lens = lens.map(|(kind, (count, _))| count.checked_mul(len_of(kind) as u64 + 8));
        let lens: Option<Vec<u64>> = lens.collect();
        let lens = lens.ok_or_else(wrong)?;
        let tables: u64 = counts.iter().map(|of| parts(*of)).sum::<u64>() + heads;
        let records = lens.iter().try_fold(0u64, |sum, len| sum.checked_add(*len));
        if records.and_then(|r| r.checked_add(tables * 8)) != Some(end_at) {
            return Err(wrong());
        }
        let mut at = records.unwrap_or_default();
        let mut table = |count: u64| -> io::Result<Vec<u64>> {
            let mut bytes = vec![0; count as usize * 8];
            read(at, &mut bytes)?;
            at += count * 8;
            let (numbers, _) = bytes.as_chunks::<8>();
            Ok(numbers.iter().map(|n| u64::from_be_bytes(*n)).collect())
        };
        let (mut start, mut sections) = (0, Vec::with_capacity(3));
        for (of, len) in counts.into_iter().zip(lens) {
            let ends = table(parts(of))?;
            if !ends.is_sorted() || ends.last().is_some_and(|last| *last != of.0) {
                return Err(wrong());
            }
            sections.push(Section {
                start,
                ends,
                bits: of.1,
            });
            start += len;
        }
        let heads = table(heads)?;
        Ok(Sorted {
            read,
            sections: sections.try_into().map_err(|_| wrong())?,
            heads,
        })
    }

    /// Whether digests of this kind are in it.
    #[must_use]
    pub fn has(&self, sum: Sum) -> bool {
        let sections = KINDS.iter().zip(&self.sections);
        sections
            .filter(|(kind, _)| **kind == sum)
            .any(|(_, s)| !s.ends.is_empty())
    }

    /// Where the line of this digest begins, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn find(&self, digest: &Digest) -> io::Result<Option<u64>> {
        let Some(kind) = KINDS.iter().position(|k| *k == digest.sum) else {
            return Ok(None);
        };
        let (wanted, len) = (digest.padded(), len_of(kind));
        let Some(section) = self.sections.get(kind).filter(|s| !s.ends.is_empty()) else {
            return Ok(None);
        };
        let part = first_bits(&wanted, section.bits);
        let end_of = |part: usize| section.ends.get(part).copied().unwrap_or(0);
        let (mut from, mut to) = (part.checked_sub(1).map_or(0, end_of), end_of(part));
        let (wanted, width) = (wanted.get(..len).unwrap_or_default(), len as u64 + 8);
        while (to - from) * width > AT_ONCE {
            let middle = from + (to - from) / 2;
            let mut record = vec![0; len];
            (self.read)(section.start + middle * width, &mut record)?;
            match record.as_slice() <= wanted {
                true => from = middle,
                false => to = middle,
            }
        }
        let mut records = vec![0; ((to - from) * width) as usize];
        (self.read)(section.start + from * width, &mut records)?;
        let mut found = records.chunks_exact(width as usize).filter_map(|record| {
            let (digest, at) = record.split_at_checked(len)?;
            (digest == wanted).then_some(u64::from_be_bytes(at.try_into().ok()?))
        });
        Ok(found.next())
    }

    /// Where the line begins that names the columns of a line that begins there.
    #[must_use]
    pub fn head_of(&self, line: u64) -> Option<u64> {
        let before = self.heads.partition_point(|head| *head < line);
        self.heads.get(before.checked_sub(1)?).copied()
    }
}
