//! How a group's leaves and sealed bodies lie in SQL between steps 2 and 3: as in a frame of the edge
//! (`docs/format/ledger.md`), u16 length ‖ entry, u32 length ‖ sealed body.

use comity_ledger::Record;

use crate::error::{AppError, Result};

pub fn encode_records(records: &[Record]) -> Vec<u8> {
    let len = records
        .iter()
        .map(|r| 6 + r.entry.len() + r.body.len())
        .sum();
    let mut out = Vec::with_capacity(len);
    for r in records {
        out.extend_from_slice(&(r.entry.len() as u16).to_be_bytes());
        out.extend_from_slice(&r.entry);
        out.extend_from_slice(&(r.body.len() as u32).to_be_bytes());
        out.extend_from_slice(&r.body);
    }
    out
}

pub fn decode_records(mut bytes: &[u8]) -> Result<Vec<Record>> {
    let broken = || {
        AppError::damaged(
            "state",
            "events waiting in SQL are cut short; run `comity rebuild`",
        )
    };
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<2>().ok_or_else(broken)?;
        let (entry, rest) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*len)))
            .ok_or_else(broken)?;
        let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let (body, rest) = rest
            .split_at_checked(u32::from_be_bytes(*len) as usize)
            .ok_or_else(broken)?;
        records.push(Record::new(entry.to_vec(), body.to_vec()));
        bytes = rest;
    }
    Ok(records)
}
