//! WARC: each response and resource is a child, with the page's address as its path and the time of its capture; each
//! record is a line of text. What a capture recorded of its own bytes is computed anew.

use super::payload;
use super::record::{Beside, Checked, Header, Recorded};
use crate::{Input, Out, Stop, decode, out::child};
use comity_extract::{Anchor, Child, Place, Relation};
use flate2::read::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};

/// The most bytes of a record about the capture that are taken as its text.
const ABOUT_MAX: u64 = 1 << 20;

/// Whether a GZ file is a WARC inside.
pub fn is_compressed(input: &Input) -> bool {
    let mut start = [0; 5];
    let mut unpacked = MultiGzDecoder::new(BufReader::new(input.rewound()));
    unpacked.read_exact(&mut start).is_ok() && &start == b"WARC/"
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let packed = input.bytes_at(0, 2) == [0x1f, 0x8b];
    let file = BufReader::with_capacity(64 << 10, input.rewound());
    let mut from: Box<dyn BufRead> = match packed {
        true => Box::new(BufReader::with_capacity(
            64 << 10,
            MultiGzDecoder::new(file),
        )),
        false => Box::new(file),
    };
    let mut number = 0;
    while let Some(header) = Header::read(&mut *from)? {
        number += 1;
        record(number, &header, &mut *from, out)?;
    }
    Ok(())
}

fn record(number: u32, header: &Header, from: &mut dyn BufRead, out: &mut Out) -> Result<(), Stop> {
    let what = header.get("warc-type").unwrap_or("a record of no type");
    let date = header.get("warc-date").unwrap_or_default();
    let mut line = [date, what, header.uri()].join(" ");
    let mut block = Checked::new(from.take(header.length), header.get("warc-block-digest"));
    let mut wrong = Vec::new();
    match what {
        "response" if is_http(header) => {
            let status = response(header, &mut block, out, &mut wrong)?;
            line.push_str(&status);
        }
        "response" | "resource" | "conversion" => {
            let mut payload = Checked::new(&mut block, header.get("warc-payload-digest"));
            out.child(page(header), &mut payload)?;
            payload.drain()?;
            wrong.extend(payload.recorded.and_then(Recorded::end));
        }
        "warcinfo" | "metadata" => {
            let mut about = Vec::new();
            (&mut block).take(ABOUT_MAX).read_to_end(&mut about)?;
            line.push('\n');
            line.push_str(decode::name(&about).replace("\r\n", "\n").trim_end());
            if header.length > ABOUT_MAX {
                wrong.push(format!(
                    "of its text only the first {ABOUT_MAX} bytes were read"
                ));
            }
        }
        "revisit" => {
            let same = header.get("warc-refers-to-date").unwrap_or_default();
            line.push_str(&format!(" (unchanged since {same})"));
        }
        _ => {}
    }
    block.drain()?;
    let is_whole = block.read == header.length;
    if is_whole {
        wrong.extend(block.recorded.and_then(Recorded::end));
    }
    out.text(&Anchor::at(&[(Place::Record, number)]), line.trim())?;
    for what in wrong {
        out.missing(&format!("record {number}, {}: {what}", header.uri()));
    }
    if !is_whole {
        return Err(Stop::Damaged(format!("the file ends in record {number}")));
    }
    Ok(())
}

fn is_http(header: &Header) -> bool {
    let media = header.get("content-type").unwrap_or_default();
    media.is_empty() || media.to_ascii_lowercase().starts_with("application/http")
}

/// A response of a server: its body is the child.
fn response(
    header: &Header,
    block: &mut dyn Read,
    out: &mut Out,
    wrong: &mut Vec<String>,
) -> Result<String, Stop> {
    let mut block = BufReader::new(block);
    let Some(head) = payload::head(&mut block)? else {
        wrong.push(
            "it does not begin as a response of a server does; its page was not taken out"
                .to_owned(),
        );
        std::io::copy(&mut block, &mut std::io::sink())?;
        return Ok(String::new());
    };
    let said = header.get("warc-payload-digest");
    let mut kept = Checked::new(block, said);
    // Some take the digest of the body as it came, some without its chunks, some of what it unpacks to: either way
    // the bytes are those.
    let mut unchunked = said.and_then(Recorded::parse);
    let mut plain = said.and_then(Recorded::parse);
    if payload::is_packed_otherwise(&head) {
        wrong.push("its body is compressed in a way that is not undone".to_owned());
    }
    {
        let body = payload::body(&head, BufReader::new(&mut kept), unchunked.as_mut())?;
        let mut body = Beside::new(body, plain.as_mut());
        out.child(page(header), &mut body)?;
    }
    kept.drain()?;
    let all = [kept.recorded, unchunked, plain];
    let found: Vec<String> = all
        .into_iter()
        .flatten()
        .filter_map(Recorded::end)
        .collect();
    if let [what, _, _] = found.as_slice() {
        wrong.push(format!("payload: {what}"));
    }
    Ok(format!(" {} {}", head.status, head.media))
}

fn page(header: &Header) -> Child {
    Child {
        modified: header.get("warc-date").unwrap_or_default().to_owned(),
        ..child(Relation::Member, header.uri())
    }
}
