//! What pictures look like, and pictures that are larger than any machine.

#![allow(clippy::expect_used)]

mod kept;

use comity_extract::State;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use kept::read;
use std::io::Cursor;

/// A picture in which no quarter is like another.
fn scene(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x * 100 / width, y * 100 / height);
        match (x < 60, y < 30) {
            (true, true) => Rgb([230, 230, 240]),
            (true, false) => Rgb([30, (x + y) as u8, 20]),
            (false, true) => Rgb([(2 * x) as u8, 10, 90]),
            (false, false) => Rgb([120, 200, (y + x) as u8]),
        }
    }))
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("it is encoded");
    file.into_inner()
}

/// A JPEG file whose EXIF data says how it is to be turned.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

fn bits(hash: &str) -> u64 {
    u64::from_str_radix(hash, 16).expect("16 hex digits")
}

#[test]
fn copies_in_other_formats_sizes_and_ways_up_look_alike() {
    let picture = scene(300, 200);
    let (outcome, original) = read("a.png", &encoded(&picture, ImageFormat::Png));
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let jpeg = encoded(&picture, ImageFormat::Jpeg);
    let on_its_side = encoded(&picture.rotate270(), ImageFormat::Jpeg);
    let files = [
        encoded(&picture.thumbnail(150, 150), ImageFormat::Gif),
        encoded(&picture, ImageFormat::WebP),
        encoded(&picture, ImageFormat::Tiff),
        encoded(&picture, ImageFormat::Bmp),
        turned(&on_its_side, 6),
        jpeg,
    ];
    for file in &files {
        let copy = read("copy", file).1;
        let hash = copy.field("perceptual_hash");
        let apart = (bits(hash) ^ bits(original.field("perceptual_hash"))).count_ones();
        assert!(apart <= 6, "{}: {apart} bits apart", copy.media);
    }
    let side = read("side.jpg", &on_its_side).1;
    let apart = bits(side.field("perceptual_hash")) ^ bits(original.field("perceptual_hash"));
    assert!(
        apart.count_ones() > 12,
        "it is another picture until it is turned"
    );
}

/// A PNG file of this size by its header, with a few of its bytes.
fn huge(width: u32, height: u32) -> Vec<u8> {
    let mut file = encoded(&scene(16, 16), ImageFormat::Png);
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc_of(&file[12..29]);
    file[29..33].copy_from_slice(&crc.to_be_bytes());
    file
}

fn crc_of(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn a_picture_larger_than_memory_is_over_a_limit_and_its_header_is_read() {
    for (width, height) in [(100_000, 100_000), (49_000, 49_000), (u32::MAX >> 1, 1)] {
        let (outcome, kept) = read("bomb.png", &huge(width, height));
        assert_eq!(outcome.state, State::OverLimit, "{width}: {outcome:?}");
        assert_eq!(kept.field("width"), width.to_string());
        assert_eq!(
            kept.attempts, 1,
            "the reader refused it, and did not die of it"
        );
    }
}

#[test]
fn a_picture_that_breaks_off_keeps_what_its_header_says() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Tiff,
        ImageFormat::WebP,
    ] {
        let whole = encoded(&scene(120, 90), format);
        for length in [whole.len() / 2, whole.len() - 20] {
            let (outcome, _) = read("torn", &whole[..length]);
            assert!(outcome.state < State::Crashed, "{format:?}: {outcome:?}");
        }
    }
    let whole = encoded(&scene(120, 90), ImageFormat::Png);
    let (outcome, kept) = read("torn.png", &whole[..whole.len() / 2]);
    assert_eq!(outcome.state, State::InPart, "{outcome:?}");
    assert_eq!(kept.field("width"), "120");
    let pixels = kept.missing.iter().any(|m| m.starts_with("its pixels"));
    assert!(pixels, "{:?}", kept.missing);
}
