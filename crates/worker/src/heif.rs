//! Photographs as phones take them: HEIF with HEVC inside. Decoded here, and turned as their container says.

use crate::{Input, Stop, pixels::too_large};
use heic_decoder::{HeifError, decode, probe};
use image::{DynamicImage, RgbImage, RgbaImage};

/// The most points of a photograph: decoding takes some 13 bytes for each.
const POINTS_MAX: usize = 60_000_000;
/// The largest file: it is decoded from memory.
const FILE_MAX: u64 = 64 << 20;
/// Kinds of the format in which HEVC is to be expected (ISO/IEC 23008-12, annex B; `mif1` and `msf1` say it of no codec).
const BRANDS: [&[u8; 4]; 10] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1",
];

/// Kinds in which another codec is (AV1), though they name `mif1` too.
const OTHERS: [&[u8; 4]; 2] = [b"avif", b"avis"];

/// Pictures in a container are decoded in one thread: a reader may start no other.
pub fn in_this_thread() {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1);
    // It fails where a pool was made before, and then that one serves.
    let _ = one.use_current_thread().build_global();
}

/// Decodes a photograph. `None` of another type of file, and of a HEIF file in which something else lies than is decoded.
pub fn upright(input: &Input) -> Result<Option<DynamicImage>, Stop> {
    if !is_heif(input) {
        return Ok(None);
    }
    if input.size() > FILE_MAX {
        let limit = FILE_MAX >> 20;
        return Err(Stop::OverLimit(format!(
            "its pixels are not looked at: it has more than {limit} MiB"
        )));
    }
    let file = input.bytes_at(0, FILE_MAX as usize);
    let size = match probe(&file) {
        Ok(size) => size,
        Err(error) => return refused(&error),
    };
    let points = size.coded_width.saturating_mul(size.coded_height);
    if points > POINTS_MAX {
        return Err(too_large(size.width as u64, size.height as u64));
    }
    let picture = decode(&file).and_then(|decoded| {
        drop(file);
        let (width, height) = (decoded.width as u32, decoded.height as u32);
        Ok(if decoded.alpha.is_some() {
            let points = decoded.to_rgba8()?.data;
            RgbaImage::from_raw(width, height, points).map(DynamicImage::ImageRgba8)
        } else {
            let points = decoded.to_rgb8()?.data;
            RgbImage::from_raw(width, height, points).map(DynamicImage::ImageRgb8)
        })
    });
    picture.or_else(|error| refused(&error))
}

fn is_heif(input: &Input) -> bool {
    let head = input.bytes_at(0, 64);
    let (Some(length), Some(b"ftyp")) = (head.first_chunk::<4>(), head.get(4..8)) else {
        return false;
    };
    let end = head.len().min(u32::from_be_bytes(*length) as usize);
    let brands = head.get(8..end).unwrap_or_default().chunks_exact(4);
    let says = |known: &[u8; 4]| brands.clone().any(|brand| brand == known);
    BRANDS.into_iter().any(says) && !OTHERS.into_iter().any(says)
}

fn refused(error: &HeifError) -> Result<Option<DynamicImage>, Stop> {
    match error {
        HeifError::NotHeif(_) => Ok(None),
        HeifError::Unsupported(_) | HeifError::LimitExceeded(_) => Ok(None),
        other => Err(Stop::Damaged(format!("its pixels: {other}"))),
    }
}
