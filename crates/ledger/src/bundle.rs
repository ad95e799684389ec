//! Entry bundles (C2SP tlog-tiles) and body bundles, byte by byte (`docs/format/ledger.md`, Body bundle).

use std::ops::Range;

use comity_core::digest::Digest;

use crate::levels::WIDTH;

const MAGIC: &[u8; 8] = b"CMTYBODY";
const VERSION: u16 = 1;
const FIXED: usize = 24;
const DIGEST: usize = 32;
/// Bytes before the first body: the fixed part and 257 offsets.
pub(crate) const BODY_HEADER: usize = FIXED + 257 * 4;

/// The largest sealed body, in bytes, so that the offsets of 256 of them fit in 32 bits.
pub const MAX_BODY: usize = 16_000_000;
/// The largest entry, in bytes (C2SP tlog-tiles).
pub(crate) const MAX_ENTRY: usize = u16::MAX as usize;

/// Where the entries of a bundle lie, without their lengths; what is wrong if they are not `width` whole ones.
pub(crate) fn entry_spans(bytes: &[u8], width: usize) -> Result<Vec<Range<usize>>, String> {
    let mut spans = Vec::with_capacity(width);
    let mut at = 0;
    while at < bytes.len() {
        let len = bytes
            .get(at..at + 2)
            .and_then(|len| len.try_into().ok())
            .map(u16::from_be_bytes);
        let span = len.map(|len| at + 2..at + 2 + usize::from(len));
        let span = span.filter(|span| span.end <= bytes.len());
        let span =
            span.ok_or_else(|| format!("entry {} of the bundle is cut short", spans.len()))?;
        at = span.end;
        spans.push(span);
    }
    if spans.len() != width {
        return Err(format!(
            "the bundle holds {} entries and should hold {width}",
            spans.len()
        ));
    }
    Ok(spans)
}

/// A full body bundle of `bodies`, 256 of them, which begin at leaf `first`.
pub(crate) fn encode_bodies<'a>(
    first: u64,
    bodies: impl Iterator<Item = &'a [u8]> + Clone,
) -> Vec<u8> {
    let total: usize = bodies.clone().map(<[u8]>::len).sum();
    let mut out = Vec::with_capacity(BODY_HEADER + total + DIGEST);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&first.to_be_bytes());
    let mut offset = BODY_HEADER;
    out.extend_from_slice(&(offset as u32).to_be_bytes());
    for body in bodies.clone() {
        offset += body.len();
        out.extend_from_slice(&(offset as u32).to_be_bytes());
    }
    for body in bodies {
        out.extend_from_slice(body);
    }
    let digest = Digest::of(&out);
    out.extend_from_slice(&digest.0);
    out
}

/// Where the bodies of a bundle lie in its file, from its header. `first` is the leaf that it should begin at.
pub(crate) fn body_spans(header: &[u8], first: u64) -> Result<Vec<Range<usize>>, String> {
    let header = header
        .get(..BODY_HEADER)
        .ok_or("the body bundle is cut short")?;
    if !header.starts_with(MAGIC) {
        return Err("it does not begin as a body bundle".into());
    }
    let version = u16::from_be_bytes([header[8], header[9]]);
    if version != VERSION {
        return Err(format!(
            "version {version} of the body bundle is not known to this program"
        ));
    }
    if header[10..16] != [0; 6] {
        return Err("reserved bytes of the body bundle are not zero".into());
    }
    let found = header[16..FIXED]
        .iter()
        .fold(0, |n, byte| n << 8 | u64::from(*byte));
    if found != first {
        return Err(format!(
            "it is the body bundle of leaf {found}, in the place of that of leaf {first}"
        ));
    }
    let (offsets, _) = header[FIXED..].as_chunks::<4>();
    let offsets: Vec<usize> = offsets
        .iter()
        .map(|offset| u32::from_be_bytes(*offset) as usize)
        .collect();
    if offsets.first() != Some(&BODY_HEADER) || !offsets.is_sorted() {
        return Err("the offsets of the body bundle are out of order".into());
    }
    Ok(offsets.windows(2).map(|pair| pair[0]..pair[1]).collect())
}

/// Reads a whole body bundle: the places of the bodies, if length and digest fit.
pub(crate) fn check_bodies(bytes: &[u8], first: u64) -> Result<Vec<Range<usize>>, String> {
    let spans = body_spans(bytes, first)?;
    let end = spans.last().map_or(BODY_HEADER, |span| span.end);
    if bytes.len() != end + DIGEST {
        return Err(format!(
            "the body bundle has {} bytes and should have {}",
            bytes.len(),
            end + DIGEST
        ));
    }
    let (covered, digest) = bytes.split_at(end);
    if Digest::of(covered).0 != digest {
        return Err("the digest of the body bundle does not fit".into());
    }
    debug_assert_eq!(spans.len() as u64, WIDTH);
    Ok(spans)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_and_every_byte_is_covered() {
        let bodies: Vec<Vec<u8>> = (0..256).map(|n| vec![n as u8; n % 5]).collect();
        let bytes = encode_bodies(512, bodies.iter().map(Vec::as_slice));
        let spans = check_bodies(&bytes, 512).unwrap();
        for (span, body) in spans.into_iter().zip(&bodies) {
            assert_eq!(&bytes[span], body);
        }
        assert!(
            check_bodies(&bytes, 256)
                .unwrap_err()
                .contains("of leaf 512")
        );
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(check_bodies(&damaged, 512).is_err(), "byte {at}");
            assert!(check_bodies(&bytes[..at], 512).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn entries_are_whole_and_as_many_as_should_be() {
        let bytes = [0, 1, 7, 0, 0, 0, 2, 8, 9];
        assert_eq!(entry_spans(&bytes, 3).unwrap(), [2..3, 5..5, 7..9]);
        assert!(entry_spans(&bytes, 2).is_err());
        for at in 1..bytes.len() {
            assert!(entry_spans(&bytes[..at], 3).is_err());
        }
    }
}
