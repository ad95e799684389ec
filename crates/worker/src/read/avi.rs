//! Films in AVI: how long, how large, and what their list of descriptions says.

use crate::{Input, Out, Stop, decode, ints::u32_at};

/// The most parts that are stepped over: the frames themselves are one.
const PARTS_MAX: u32 = 100_000;
const TEXT_MAX: usize = 64 << 10;

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    parts(input, 12, input.size(), 0, &mut 0, out)
}

/// Parts within a list: a name, a length, and the bytes.
fn parts(
    input: &Input,
    mut at: u64,
    end: u64,
    depth: u32,
    count: &mut u32,
    out: &mut Out,
) -> Result<(), Stop> {
    while at + 8 <= end {
        *count += 1;
        if *count > PARTS_MAX {
            return Err(Stop::OverLimit(format!(
                "it has more than {PARTS_MAX} parts"
            )));
        }
        let head = input.bytes_at(at, 12);
        let length = u64::from(u32_at(&head, 4));
        let next = at + 8 + length.next_multiple_of(2);
        let text = || decode::name(&input.bytes_at(at + 8, (length as usize).min(TEXT_MAX)));
        match &head[..4] {
            b"LIST"
                if depth < 4 && matches!(head.get(8..12), Some(b"hdrl" | b"INFO" | b"strl")) =>
            {
                parts(input, at + 12, next.min(end), depth + 1, count, out)?;
            }
            b"avih" => header(&input.bytes_at(at + 8, 56), out)?,
            b"IDIT" => out.field("created", &text(), "AVI IDIT")?,
            b"INAM" => out.field("title", &text(), "AVI INAM")?,
            b"IART" => out.field("author", &text(), "AVI IART")?,
            b"ICMT" => out.field("comment", &text(), "AVI ICMT")?,
            b"ICRD" => out.field("created", &text(), "AVI ICRD")?,
            b"ISBJ" => out.field("subject", &text(), "AVI ISBJ")?,
            b"IKEY" => out.field("keywords", &text(), "AVI IKEY")?,
            b"ISFT" => out.field("software", &text(), "AVI ISFT")?,
            _ => {}
        }
        if next > end && depth == 0 {
            out.missing("the end of the film: it was cut off");
        }
        at = next;
    }
    Ok(())
}

fn header(bytes: &[u8], out: &mut Out) -> Result<(), Stop> {
    let (a_frame, frames) = (f64::from(u32_at(bytes, 0)), f64::from(u32_at(bytes, 16)));
    let seconds = a_frame * frames / 1e6;
    if seconds > 0.0 {
        out.field("duration", &format!("{seconds:.3}"), "AVI avih")?;
    }
    out.field("width", &u32_at(bytes, 32).to_string(), "AVI avih")?;
    out.field("height", &u32_at(bytes, 36).to_string(), "AVI avih")
}
