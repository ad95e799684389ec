//! The pixels of a picture, upright, within limits; and the short number by which pictures that look alike are found.

use crate::{Input, Stop, heif};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageReader, Limits,
    imageops::{FilterType, thumbnail},
};
use image_hasher::{HashAlg, HasherConfig};
use std::io::BufReader;

/// The longest side of a picture that is decoded.
const SIDE_MAX: u32 = 50_000;
/// The most bytes of its pixels: what a picture of 130 million points takes.
const BYTES_MAX: u64 = 400 << 20;
/// What decoders may take besides.
const WORK_MAX: u64 = 160 << 20;
/// The side of the picture of which the number is made: its details are too small to count in it.
const HASHED_SIDE: u32 = 256;
/// Steps of grey, of 256, that a picture must have between its darkest and lightest point to be unlike any other.
const CONTRAST_MIN: u8 = 16;

/// Decodes a picture, and turns it as its EXIF data says; of several pictures in a file the first one. `None` where
/// nothing decodes this type.
pub fn upright(input: &Input) -> Result<Option<DynamicImage>, Stop> {
    let file = BufReader::with_capacity(64 << 10, input.rewound());
    let mut reader = ImageReader::new(file).with_guessed_format()?;
    if !reader
        .format()
        .is_some_and(|format| format.reading_enabled())
    {
        return heif::upright(input);
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(WORK_MAX);
    reader.limits(limits);
    let mut decoder = match reader.into_decoder() {
        Ok(decoder) => decoder,
        Err(error) => return refused(error),
    };
    let (width, height) = decoder.dimensions();
    if width.max(height) > SIDE_MAX || decoder.total_bytes() > BYTES_MAX {
        return Err(too_large(width.into(), height.into()));
    }
    let turned = decoder.orientation();
    match DynamicImage::from_decoder(decoder) {
        Ok(mut picture) => {
            // Where it stands on its head by mistake it can still be looked at.
            if let Ok(turned) = turned {
                picture.apply_orientation(turned);
            }
            Ok(Some(picture))
        }
        Err(error) => refused(error),
    }
}

/// A picture of so many points is not decoded.
pub fn too_large(width: u64, height: u64) -> Stop {
    Stop::OverLimit(format!(
        "its pixels are not looked at: {width} × {height} is more than the reader may hold"
    ))
}

/// EXIF data as some programs put it into WebP: with what marks it in JPEG before it.
pub fn exif(input: &Input) -> Option<Vec<u8>> {
    let file = BufReader::with_capacity(64 << 10, input.rewound());
    let mut reader = ImageReader::new(file).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(WORK_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let data = decoder.exif_metadata().ok()??;
    data.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec)
}

fn refused(error: ImageError) -> Result<Option<DynamicImage>, Stop> {
    match error {
        ImageError::Unsupported(_) => Ok(None),
        ImageError::Limits(limit) => Err(Stop::OverLimit(format!(
            "its pixels are not looked at: {limit}"
        ))),
        other => Err(Stop::Damaged(format!("its pixels: {other}"))),
    }
}

/// Sixty-four bits, as hex, of which few differ between pictures that look alike: which of the slowest waves of its
/// grey are stronger than their median (known as pHash). `None` of a picture that is all of one colour, which would be
/// like any other such.
pub fn perceptual_hash(picture: &DynamicImage) -> Option<String> {
    // Grey first: made small with its colours it would take three or four times as long. What is small needs nothing.
    let mut grey = picture.to_luma8();
    if grey.width().max(grey.height()) > HASHED_SIDE {
        grey = thumbnail(&grey, HASHED_SIDE, HASHED_SIDE);
    }
    let darkest = grey.pixels().map(|p| p.0[0]).min()?;
    let lightest = grey.pixels().map(|p| p.0[0]).max()?;
    if lightest - darkest < CONTRAST_MIN {
        return None;
    }
    let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_size(8, 8)
        .hash_alg(HashAlg::Median)
        .resize_filter(FilterType::Lanczos3)
        .preproc_dct()
        .to_hasher();
    let hash = hasher.hash_image(&grey);
    Some(hash.as_bytes().iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn scene(width: u32, height: u32, shift: u32) -> DynamicImage {
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
            let (x, y) = (x * 400 / width, y * 300 / height);
            let hill = y > 150 + (((x + shift) as f32 / 40.0).sin() * 50.0) as u32;
            let sun = (x as i32 - 300 + shift as i32).pow(2) + (y as i32 - 60).pow(2) < 900;
            match (hill, sun) {
                (true, _) => Rgb([40, 90 + (x / 8) as u8, 30]),
                (_, true) => Rgb([250, 240, 120]),
                _ => Rgb([120, 160, 200]),
            }
        }))
    }

    fn distance(one: &DynamicImage, other: &DynamicImage) -> u32 {
        let bits = |picture| u64::from_str_radix(&perceptual_hash(picture).unwrap_or_default(), 16);
        match (bits(one), bits(other)) {
            (Ok(one), Ok(other)) => (one ^ other).count_ones(),
            _ => 64,
        }
    }

    #[test]
    fn a_smaller_or_paler_copy_is_near_and_another_picture_is_not() {
        let picture = scene(800, 600, 0);
        let smaller = picture.resize_exact(320, 240, FilterType::Triangle);
        assert!(distance(&picture, &smaller) <= 4);
        assert!(distance(&picture, &picture.brighten(20)) <= 4);
        assert!(distance(&picture, &scene(800, 600, 160)) > 12);
        assert!(distance(&picture, &picture.rotate180()) > 12);
    }

    #[test]
    fn a_picture_of_one_colour_is_like_no_other() {
        let white = DynamicImage::ImageRgb8(RgbImage::from_pixel(64, 64, Rgb([250, 250, 250])));
        assert_eq!(perceptual_hash(&white), None);
    }
}
