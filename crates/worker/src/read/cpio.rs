//! CPIO: members from front to back, in the portable forms (`070701`, `070702`, `070707`) and the old binary one.

use crate::{
    Input, Out, Stop, decode,
    ints::{be16_at, u16_at},
    out::child,
    time,
};
use comity_extract::{Child, Relation};
use std::io::{BufReader, Read};

/// Longer names are not names.
const NAME_MAX: u64 = 64 << 10;
const TRAILER: &[u8] = b"TRAILER!!!";

struct Head {
    mode: u64,
    modified: u64,
    name: u64,
    size: u64,
    /// To which multiple head with name, and content, are filled up.
    unit: u64,
    length: u64,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut from = BufReader::with_capacity(64 << 10, input.rewound());
    loop {
        let head = head(&mut from)?;
        if head.name > NAME_MAX {
            return Err(Stop::Damaged("a name has no end".to_owned()));
        }
        let mut name = vec![0; head.name as usize];
        from.read_exact(&mut name)?;
        skip(&mut from, filling(head.length + head.name, head.unit))?;
        while name.last() == Some(&0) {
            name.pop();
        }
        if name == TRAILER {
            return Ok(());
        }
        // Of the kinds of files only the common one has content that is a file.
        if head.mode & 0o170_000 == 0o100_000 {
            let path = decode::name(&name);
            let path_bytes = if path.as_bytes() == name {
                Vec::new()
            } else {
                name
            };
            let mut content = (&mut from).take(head.size);
            let child = Child {
                path_bytes,
                stated_size: Some(head.size),
                modified: i64::try_from(head.modified)
                    .ok()
                    .and_then(time::unix)
                    .unwrap_or_default(),
                ..child(Relation::Member, &path)
            };
            out.child(child, &mut content)?;
            if content.limit() > 0 {
                return Err(Stop::Damaged("it ends within a member".to_owned()));
            }
        } else {
            skip(&mut from, head.size)?;
        }
        skip(&mut from, filling(head.size, head.unit))?;
    }
}

fn filling(length: u64, unit: u64) -> u64 {
    (unit - length % unit) % unit
}

fn skip(from: &mut dyn Read, count: u64) -> Result<(), Stop> {
    std::io::copy(&mut from.take(count), &mut std::io::sink())?;
    Ok(())
}

fn head(from: &mut dyn Read) -> Result<Head, Stop> {
    let mut bytes = vec![0; 6];
    from.read_exact(&mut bytes)?;
    let rest = match &bytes[..] {
        b"070701" | b"070702" => 104,
        b"070707" => 70,
        _ => 20,
    };
    bytes.resize(6 + rest, 0);
    from.read_exact(&mut bytes[6..])?;
    let number = |at: usize, count: usize, radix| {
        let digits = std::str::from_utf8(&bytes[at..at + count]).ok();
        digits
            .and_then(|digits| u64::from_str_radix(digits, radix).ok())
            .ok_or_else(|| Stop::Damaged("a head without its numbers".to_owned()))
    };
    if rest == 104 {
        return Ok(Head {
            mode: number(14, 8, 16)?,
            modified: number(46, 8, 16)?,
            size: number(54, 8, 16)?,
            name: number(94, 8, 16)?,
            unit: 4,
            length: 110,
        });
    }
    if rest == 70 {
        return Ok(Head {
            mode: number(18, 6, 8)?,
            modified: number(48, 11, 8)?,
            name: number(59, 6, 8)?,
            size: number(65, 11, 8)?,
            unit: 1,
            length: 76,
        });
    }
    let word = match bytes[..2] {
        [0xc7, 0x71] => u16_at,
        [0x71, 0xc7] => be16_at,
        _ => return Err(Stop::Damaged("no head where one has to be".to_owned())),
    };
    let long = |at: usize| u64::from(word(&bytes, at)) << 16 | u64::from(word(&bytes, at + 2));
    Ok(Head {
        mode: word(&bytes, 6).into(),
        modified: long(16),
        name: word(&bytes, 20).into(),
        size: long(22),
        unit: 2,
        length: 26,
    })
}
