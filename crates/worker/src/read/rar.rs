//! RAR, of versions 4 and 5: its members are listed, and those that are stored without compression are taken out. The
//! compression has no free implementation that could be read here.

use crate::{Input, Out, Stop, decode, out::child, time};
use comity_extract::{Child, Relation};
use std::io::{Read, Seek, SeekFrom};

/// Headers larger than this are damage.
const HEADER_MAX: usize = 2 << 20;

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    match &input.bytes_at(0, 8)[..] {
        b"Rar!\x1a\x07\x01\x00" => version_5(input, out),
        [b'R', b'a', b'r', b'!', 0x1a, 7, 0, _] => version_4(input, out),
        _ => Err(Stop::Unsupported(
            "a RAR archive of an unknown version".to_owned(),
        )),
    }
}

/// A member as both versions describe it.
struct Member {
    child: Child,
    /// Where its packed bytes lie.
    data: u64,
    packed: u64,
    encrypted: bool,
    stored: bool,
    /// Part of it lies in another volume.
    split: bool,
}

impl Member {
    fn give(self, input: &Input, out: &mut Out) -> Result<(), Stop> {
        if self.encrypted {
            return out.lost_child(
                self.child,
                Stop::Encrypted("the member is encrypted".to_owned()),
            );
        }
        if self.split {
            return out.lost_child(
                self.child,
                Stop::Damaged("part of it lies in another volume".to_owned()),
            );
        }
        if !self.stored {
            return out.lost_child(
                self.child,
                Stop::Unsupported("RAR compression is not read".to_owned()),
            );
        }
        if self.data.saturating_add(self.packed) > input.size() {
            return out.lost_child(
                self.child,
                Stop::Damaged("its bytes go beyond the end".to_owned()),
            );
        }
        let mut bytes = input.rewound();
        bytes.seek(SeekFrom::Start(self.data))?;
        out.child(self.child, &mut bytes.take(self.packed))
    }
}

fn version_4(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut at = 7;
    while at + 7 <= input.size() {
        let head = input.bytes_at(at, 7);
        let (kind, flags, size) = (head[2], le(&head, 3, 2), le(&head, 5, 2));
        if size < 7 {
            return Err(Stop::Damaged("a header has no size".to_owned()));
        }
        let header = input.bytes_at(at, size as usize);
        let mut packed = if flags & 0x8000 != 0 || kind == 0x74 {
            le(&header, 7, 4)
        } else {
            0
        };
        match kind {
            // The main header: whether those that follow are encrypted.
            0x73 if flags & 0x80 != 0 => {
                return Err(Stop::Encrypted("the archive has a passphrase".to_owned()));
            }
            0x74 => {
                let mut name_at = 32;
                let mut size_unpacked = le(&header, 11, 4);
                if flags & 0x100 != 0 {
                    packed |= le(&header, 32, 4) << 32;
                    size_unpacked |= le(&header, 36, 4) << 32;
                    name_at = 40;
                }
                let length = le(&header, 26, 2) as usize;
                let raw = header.get(name_at..name_at + length).unwrap_or_default();
                // A name in Unicode stands behind the one in a code page, in a form of its own.
                let raw = raw.split(|byte| *byte == 0).next().unwrap_or_default();
                let path = decode::name(raw).replace('\\', "/");
                let path_bytes = if path.as_bytes() == raw {
                    Vec::new()
                } else {
                    raw.to_vec()
                };
                let modified = time::dos(le(&header, 20, 4) as u32).unwrap_or_default();
                let stated_size = Some(size_unpacked);
                let member = Member {
                    child: Child {
                        path_bytes,
                        stated_size,
                        modified,
                        ..child(Relation::Member, &path)
                    },
                    data: at + size,
                    packed,
                    encrypted: flags & 4 != 0,
                    stored: header.get(25) == Some(&0x30),
                    split: flags & 3 != 0,
                };
                if flags & 0xe0 != 0xe0 {
                    member.give(input, out)?;
                }
            }
            0x7b => return Ok(()),
            _ => {}
        }
        at = at.saturating_add(size).saturating_add(packed);
    }
    if at > input.size() {
        Err(Stop::Damaged("it ends within a member".to_owned()))
    } else {
        Ok(())
    }
}

fn version_5(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut at = 8;
    while at < input.size() {
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
        let (kind, flags) = (header.next()?, header.next()?);
        let extra = if flags & 1 != 0 { header.next()? } else { 0 };
        let packed = if flags & 2 != 0 { header.next()? } else { 0 };
        let data = start.saturating_add(size);
        match kind {
            2 => {
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
                    .unwrap_or_default()
                    .to_vec();
                let path = decode::name(&raw);
                let path_bytes = if path.as_bytes() == raw {
                    Vec::new()
                } else {
                    raw
                };
                let modified = modified.unwrap_or_default();
                let member = Member {
                    child: Child {
                        path_bytes,
                        stated_size,
                        modified,
                        ..child(Relation::Member, &path)
                    },
                    data,
                    packed,
                    encrypted: has_record(&header, extra as usize, 1),
                    stored: compression >> 7 & 7 == 0,
                    split: flags & 0x18 != 0,
                };
                if file & 1 == 0 {
                    member.give(input, out)?;
                }
            }
            4 => return Err(Stop::Encrypted("the archive has a passphrase".to_owned())),
            5 => return Ok(()),
            _ => {}
        }
        at = data.saturating_add(packed);
    }
    if at > input.size() {
        Err(Stop::Damaged("it ends within a member".to_owned()))
    } else {
        Ok(())
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
