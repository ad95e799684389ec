//! The payload of an HTTP response as a page or file: without its header, its chunks, and its compression.

use super::record::{Beside, Recorded};
use brotli_decompressor::Decompressor;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::{self, BufRead, BufReader, Read};

/// The longest header.
const HEAD_MAX: usize = 512 << 10;
const FIELDS_MAX: usize = 256;

/// The head of a response.
#[derive(Debug, Default)]
pub struct Head {
    /// `200`, say.
    pub status: u16,
    /// The media type, as it was said.
    pub media: String,
    transfer: String,
    encoding: String,
}

/// Takes the head off the front of a response. `None` where it has none that can be understood; then what was read of
/// it is lost to the reader, and the caller says so.
pub fn head(from: &mut dyn BufRead) -> io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        from.take((HEAD_MAX - before) as u64)
            .read_until(b'\n', &mut bytes)?;
        let line = &bytes[before..];
        if line.is_empty() || bytes.len() == HEAD_MAX {
            return Ok(None);
        }
        if line == b"\r\n" || line == b"\n" {
            break;
        }
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    let mut lenient = httparse::ParserConfig::default();
    lenient
        .ignore_invalid_headers_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true);
    // Captures of HTTP/2 are written with a version that no line on the wire had.
    let shown = match bytes.strip_prefix(b"HTTP/2") {
        Some(rest) => {
            let rest = rest.strip_prefix(b".0").unwrap_or(rest);
            [b"HTTP/1.1".as_slice(), rest].concat()
        }
        None => bytes,
    };
    if lenient.parse_response(&mut response, &shown).is_err() {
        return Ok(None);
    }
    let of = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name));
        found.map_or(String::new(), |h| {
            crate::decode::name(h.value).to_ascii_lowercase()
        })
    };
    Ok(Some(Head {
        status: response.code.unwrap_or(0),
        media: of("content-type"),
        transfer: of("transfer-encoding"),
        encoding: of("content-encoding"),
    }))
}

/// The body of a response, unpacked. Some tools write down that it came in chunks and keep it without them, or that it
/// was compressed and keep it plain: what is there decides. `unchunked` is shown the body without its chunks.
pub fn body<'a>(
    head: &Head,
    from: impl BufRead + 'a,
    unchunked: Option<&'a mut Recorded>,
) -> io::Result<Box<dyn Read + 'a>> {
    let mut from: Box<dyn BufRead + 'a> = Box::new(from);
    if head.transfer.contains("chunked") && begins_chunk(from.fill_buf()?) {
        let plain = chunked_transfer::Decoder::new(from);
        from = Box::new(BufReader::new(Beside::new(plain, unchunked)));
    }
    let start = from.fill_buf()?;
    let is_gzip = start.starts_with(&[0x1f, 0x8b]);
    let is_zlib = start.len() > 1
        && start[0] & 0x0f == 8
        && (u16::from(start[0]) << 8 | u16::from(start[1])) % 31 == 0;
    Ok(match head.encoding.trim() {
        "gzip" | "x-gzip" if is_gzip => Box::new(MultiGzDecoder::new(from)),
        "deflate" if is_zlib => Box::new(ZlibDecoder::new(from)),
        "deflate" if !is_text(start) => Box::new(DeflateDecoder::new(from)),
        "br" if !is_text(start) => Box::new(Decompressor::new(from, 64 << 10)),
        _ => from,
    })
}

/// Whether a packing is named that is not undone here.
pub fn is_packed_otherwise(head: &Head) -> bool {
    !matches!(
        head.encoding.trim(),
        "" | "identity" | "none" | "gzip" | "x-gzip" | "deflate" | "br"
    )
}

/// A length in hexadecimal digits, perhaps an extension, and the end of the line.
fn begins_chunk(start: &[u8]) -> bool {
    let line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let rest = &line[digits..];
    (1..=8).contains(&digits)
        && line.len() < start.len()
        && matches!(rest.first(), None | Some(b'\r' | b';' | b' '))
}

/// Text shows that a body was kept unpacked.
fn is_text(start: &[u8]) -> bool {
    let start = &start[..start.len().min(64)];
    let plain = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    !start.is_empty() && start.iter().all(plain)
}
