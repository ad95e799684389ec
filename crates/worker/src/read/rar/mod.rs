//! RAR, of versions 1.5 to 7. Headers are read here, so that an archive that was cut short is listed as far as it goes;
//! members are unpacked by `rars` ([`unpacked`]).

mod unpacked;

use crate::{Input, Out, Stop, decode, out::child, time};
use comity_extract::{Child, Relation};

/// Headers larger than this are damage.
const HEADER_MAX: usize = 2 << 20;
/// Headers of one archive: all are in memory while members are unpacked, some 700 bytes each.
const HEADERS: usize = 500_000;
const HURT: &str = "a header is damaged, or was cut short: its check sum does not fit";

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let listed = match &input.bytes_at(0, 8)[..] {
        b"Rar!\x1a\x07\x01\x00" => version_5(input),
        [b'R', b'a', b'r', b'!', 0x1a, 7, 0, _] => version_4(input),
        _ => Listed {
            end: Err(Stop::Unsupported(
                "a RAR archive of an unknown version".to_owned(),
            )),
            ..Listed::default()
        },
    };
    unpacked::give(input, listed.whole, listed.members, out)?;
    listed.end
}

/// The members of an archive, in their order, folders too.
struct Listed {
    members: Vec<Member>,
    headers: usize,
    /// Where the last block ends that is there with all its bytes.
    whole: u64,
    end: Result<(), Stop>,
}

impl Default for Listed {
    fn default() -> Listed {
        Listed {
            members: Vec::new(),
            headers: 0,
            whole: 0,
            end: Ok(()),
        }
    }
}

/// A member as both versions describe it.
struct Member {
    child: Child,
    packed: u64,
    is_folder: bool,
    is_encrypted: bool,
    /// Part of it lies in another volume.
    is_split: bool,
    /// Bytes of what was unpacked before that must be at hand.
    window: u64,
}

fn version_4(input: &Input) -> Listed {
    let mut listed = Listed::default();
    let mut at = 7;
    while at + 7 <= input.size() && listed.has_room(at) {
        let head = input.bytes_at(at, 7);
        let (kind, flags, size) = (head[2], le(&head, 3, 2), le(&head, 5, 2));
        if size < 7 {
            listed.end = Err(Stop::Damaged("a header has no size".to_owned()));
            return listed;
        }
        let header = input.bytes_at(at, size as usize);
        // In headers with an old comment in them, the sum is over what stands before it.
        let has_comment = matches!((kind, flags & 10), (0x73, 2 | 10) | (0x74, 8 | 10));
        let sum = crc32fast::hash(header.get(2..).unwrap_or_default()) & 0xffff;
        let is_whole = has_comment || u64::from(sum) == le(&head, 0, 2);
        if !is_whole || (header.len() as u64) < size {
            listed.end = Err(Stop::Damaged(HURT.to_owned()));
            return listed;
        }
        let mut packed = if flags & 0x8000 != 0 || kind == 0x74 {
            le(&header, 7, 4)
        } else {
            0
        };
        match kind {
            // The main header: whether those that follow are encrypted.
            0x73 if flags & 0x80 != 0 => {
                listed.end = Err(Stop::Encrypted("the archive has a passphrase".to_owned()));
                return listed;
            }
            0x74 => {
                let member = member_4(&header, flags);
                packed = member.packed;
                listed.members.push(member);
            }
            0x7b => {
                listed.whole = at.saturating_add(size);
                return listed;
            }
            _ => {}
        }
        at = at.saturating_add(size).saturating_add(packed);
    }
    listed.ended_at(at, input)
}

fn member_4(header: &[u8], flags: u64) -> Member {
    let (mut packed, mut stated) = (le(header, 7, 4), le(header, 11, 4));
    let mut name_at = 32;
    if flags & 0x100 != 0 {
        packed |= le(header, 32, 4) << 32;
        stated |= le(header, 36, 4) << 32;
        name_at = 40;
    }
    let length = le(header, 26, 2) as usize;
    let raw = header.get(name_at..name_at + length).unwrap_or_default();
    // A name in Unicode stands behind the one in a code page, in a form of its own.
    let raw = raw.split(|byte| *byte == 0).next().unwrap_or_default();
    Member {
        child: Child {
            stated_size: Some(stated),
            modified: time::dos(le(header, 20, 4) as u32).unwrap_or_default(),
            ..named(&decode::name(raw).replace('\\', "/"), raw)
        },
        packed,
        // Before version 2 the attributes of DOS said so.
        is_folder: flags & 0xe0 == 0xe0
            || (header.get(24) < Some(&20) && le(header, 28, 4) & 0x10 != 0),
        is_encrypted: flags & 4 != 0,
        is_split: flags & 3 != 0,
        window: 4 << 20,
    }
}

fn version_5(input: &Input) -> Listed {
    let mut listed = Listed::default();
    let mut at = 8;
    while at < input.size() && listed.has_room(at) {
        at = match block_5(input, at, &mut listed.members) {
            Ok(Some(next)) => next,
            Ok(None) => {
                listed.whole = input.size();
                return listed;
            }
            Err(stop) => {
                listed.end = Err(stop);
                return listed;
            }
        };
    }
    listed.ended_at(at, input)
}

/// Reads the block at `at`, and says where the next one begins; nothing after the last one.
fn block_5(input: &Input, at: u64, members: &mut Vec<Member>) -> Result<Option<u64>, Stop> {
    let mut head = Numbers {
        bytes: input.bytes_at(at + 4, 16),
        at: 0,
    };
    let size = head.next()?;
    if size as usize > HEADER_MAX {
        return Err(Stop::Damaged("a header is too long".to_owned()));
    }
    let start = at + 4 + head.at as u64;
    let mut header = Numbers {
        bytes: input.bytes_at(start, size as usize),
        at: 0,
    };
    let mut sum = crc32fast::Hasher::new();
    sum.update(&head.bytes[..head.at]);
    sum.update(&header.bytes);
    if u64::from(sum.finalize()) != le(&input.bytes_at(at, 4), 0, 4) {
        return Err(Stop::Damaged(HURT.to_owned()));
    }
    let (kind, flags) = (header.next()?, header.next()?);
    let extra = if flags & 1 != 0 { header.next()? } else { 0 };
    let packed = if flags & 2 != 0 { header.next()? } else { 0 };
    match kind {
        2 => members.push(member_5(header, flags, extra as usize, packed)?),
        4 => return Err(Stop::Encrypted("the archive has a passphrase".to_owned())),
        5 => return Ok(None),
        _ => {}
    }
    Ok(Some(start.saturating_add(size).saturating_add(packed)))
}

fn member_5(mut header: Numbers, flags: u64, extra: usize, packed: u64) -> Result<Member, Stop> {
    let file = header.next()?;
    let stated_size = Some(header.next()?).filter(|_| file & 8 == 0);
    header.next()?;
    let modified = if file & 2 != 0 {
        time::unix(header.fixed(4)? as i64)
    } else {
        None
    };
    if file & 4 != 0 {
        header.fixed(4)?;
    }
    let compression = header.next()?;
    header.next()?;
    let length = header.next()? as usize;
    let raw = header
        .bytes
        .get(header.at..header.at.saturating_add(length))
        .unwrap_or_default();
    let is_stored = compression >> 7 & 7 == 0;
    // Of 128 KiB doubled so many times; since version 7 up to 31 thirty-seconds more.
    let window = (128 << 10u64) << (compression >> 10 & 31).min(31);
    Ok(Member {
        child: Child {
            stated_size,
            modified: modified.unwrap_or_default(),
            ..named(&decode::name(raw), raw)
        },
        packed,
        is_folder: file & 1 != 0,
        is_encrypted: has_record(&header, extra, 1),
        is_split: flags & 0x18 != 0,
        window: if is_stored { 0 } else { window },
    })
}

/// A member's path, with the bytes that stand in the archive where they are others than what divides folders.
fn named(path: &str, raw: &[u8]) -> Child {
    let pairs = path.bytes().zip(raw);
    let is_same = |(a, b): (u8, &u8)| a == *b || (a, *b) == (b'/', b'\\');
    Child {
        path_bytes: match path.len() == raw.len() && pairs.into_iter().all(is_same) {
            true => Vec::new(),
            false => raw.to_vec(),
        },
        ..child(Relation::Member, path)
    }
}

impl Listed {
    /// All before `at` is whole; whether another header may follow.
    fn has_room(&mut self, at: u64) -> bool {
        self.whole = at;
        self.headers += 1;
        if self.headers > HEADERS {
            let why = format!("it has more than {HEADERS} headers");
            self.end = Err(Stop::OverLimit(why));
        }
        self.headers <= HEADERS
    }

    /// There were no more blocks at `at`.
    fn ended_at(mut self, at: u64, input: &Input) -> Listed {
        if at > input.size() {
            self.end = Err(Stop::Damaged("it ends within a member".to_owned()));
        } else {
            self.whole = at;
        }
        self
    }
}

/// Whether the extra area at the header's end has a record of this kind.
fn has_record(header: &Numbers, extra: usize, kind: u64) -> bool {
    let mut area = Numbers {
        at: header.bytes.len().saturating_sub(extra),
        bytes: header.bytes.clone(),
    };
    while let Ok(size) = area.next() {
        let end = area.at.saturating_add(size as usize);
        if size == 0 {
            return false;
        }
        if area.next().is_ok_and(|found| found == kind) {
            return true;
        }
        area.at = end;
    }
    false
}

/// Numbers of seven bits a byte, the lowest first.
struct Numbers {
    bytes: Vec<u8>,
    at: usize,
}

impl Numbers {
    fn next(&mut self) -> Result<u64, Stop> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.fixed(1)?;
            number |= (byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Stop::Damaged("a number in a header never ends".to_owned()))
    }

    fn fixed(&mut self, count: usize) -> Result<u64, Stop> {
        if self.at.saturating_add(count) > self.bytes.len() {
            return Err(Stop::Damaged("a header ends too early".to_owned()));
        }
        let number = le(&self.bytes, self.at, count);
        self.at += count;
        Ok(number)
    }
}

fn le(bytes: &[u8], at: usize, count: usize) -> u64 {
    let there = bytes.get(at..at + count).unwrap_or_default();
    there
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_seven_bits() {
        let mut numbers = Numbers {
            bytes: vec![0x05, 0x80, 0x01, 0xff],
            at: 0,
        };
        assert_eq!(
            (
                numbers.next().ok(),
                numbers.next().ok(),
                numbers.next().ok()
            ),
            (Some(5), Some(128), None)
        );
        assert!(
            Numbers {
                bytes: vec![0xff; 20],
                at: 0
            }
            .next()
            .is_err()
        );
    }
}
