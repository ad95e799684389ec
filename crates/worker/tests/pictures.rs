//! What pictures look like, and pictures that are larger than any machine.

#![allow(clippy::expect_used)]

mod kept;

use comity_extract::{Asked, Picture, Role, State, tool::Ocr};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use kept::{ask, read};
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

/// A photograph as phones take it, made by libheif's own program, which Debian has.
fn photograph(picture: &DynamicImage) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("a.png"), folder.path().join("a.heic"));
    std::fs::write(&from, encoded(picture, ImageFormat::Png)).expect("it is written");
    let made = std::process::Command::new("/usr/bin/heif-enc")
        .args(["-q", "90", "-o"])
        .args([&to, &from])
        .output()
        .expect("heif-enc, which scripts/setup installs");
    assert!(made.status.success(), "{made:?}");
    std::fs::read(to).expect("it was made")
}

#[test]
fn photographs_of_phones_look_like_their_copies_and_are_drawn() {
    let picture = scene(600, 400);
    let original = read("a.png", &encoded(&picture, ImageFormat::Png)).1;
    let file = photograph(&picture);
    let (outcome, kept) = read("a.heic", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let (hash, of) = (
        kept.field("perceptual_hash"),
        original.field("perceptual_hash"),
    );
    assert!((bits(hash) ^ bits(of)).count_ones() <= 6, "{hash} {of}");
    let (outcome, kept) = ask(Asked::Draw, "a.heic", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let (_, page) = drawn(&kept.pictures, Role::Page);
    let (page, picture) = (page.to_rgb8(), picture.to_rgb8());
    assert_eq!(page.dimensions(), picture.dimensions());
    for at in [(100, 50), (500, 50), (100, 300), (500, 300)] {
        let (one, other) = (page.get_pixel(at.0, at.1), picture.get_pixel(at.0, at.1));
        let apart = one.0.iter().zip(other.0).map(|(a, b)| a.abs_diff(b)).max();
        assert!(apart < Some(12), "{at:?}: {one:?} {other:?}");
    }
    // One that breaks off keeps what its container says.
    for length in [file.len() / 2, file.len() - 20] {
        let (outcome, kept) = read("torn.heic", &file[..length]);
        assert!(outcome.state < State::Crashed, "{outcome:?}");
        assert_eq!(kept.attempts, 1, "{outcome:?}");
    }
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

fn decoded(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).expect("it is a picture")
}

fn drawn(pictures: &[(Picture, Vec<u8>)], role: Role) -> (&Picture, DynamicImage) {
    let found = pictures.iter().find(|(picture, _)| picture.role == role);
    let (picture, bytes) = found.expect("it was drawn");
    assert_eq!(picture.size, bytes.len() as u64);
    (picture, decoded(bytes))
}

#[test]
fn a_picture_has_a_thumbnail_a_page_and_a_blurred_one_that_shows_nothing() {
    let file = turned(
        &encoded(&scene(3000, 2000).rotate270(), ImageFormat::Jpeg),
        6,
    );
    let (outcome, kept) = ask(Asked::Draw, "a.jpg", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let (thumbnail, small) = drawn(&kept.pictures, Role::Thumbnail);
    assert_eq!(
        (thumbnail.width, small.width()),
        (256, 256),
        "upright, it is wider than high"
    );
    let (page, large) = drawn(&kept.pictures, Role::Page);
    assert_eq!((page.page, large.width()), (1, 1600));
    let (_, blurred) = drawn(&kept.pictures, Role::Blurred);
    let blurred = blurred.to_rgb8();
    assert_eq!(blurred.dimensions(), small.to_rgb8().dimensions());
    let steps = |x: u32| blurred.get_pixel(x, 80).0[0].abs_diff(blurred.get_pixel(x + 1, 80).0[0]);
    assert!(
        (0..255).all(|x| steps(x) < 24),
        "no edge of the picture is left"
    );
    for pixel in blurred.pixels() {
        let [red, green, blue] = pixel.0;
        assert!(
            red.abs_diff(green) < 4 && green.abs_diff(blue) < 4,
            "it is grey"
        );
    }
}

#[test]
fn what_cannot_be_drawn_has_a_named_state() {
    assert_eq!(
        ask(Asked::Draw, "bomb.png", &huge(100_000, 100_000))
            .0
            .state,
        State::OverLimit
    );
    assert_eq!(
        ask(Asked::Draw, "a.txt", b"no picture").0.state,
        State::Unsupported
    );
    assert_eq!(ask(Asked::Draw, "a.png", b"").0.state, State::Empty);
    let png = encoded(&scene(120, 90), ImageFormat::Png);
    assert_eq!(
        ask(Asked::Draw, "a.png", &png[..png.len() / 2]).0.state,
        State::Damaged
    );
    assert_eq!(
        ask(Asked::Draw, "a.pdf", b"%PDF-1.4\nnothing").0.state,
        State::Damaged
    );
}

/// The scanned page among the sample evidence.
fn scanned() -> Vec<u8> {
    let path = "../../testdata/samples/evidence/reports/скан акту.pdf";
    std::fs::read(path).expect("the sample is there")
}

#[test]
fn pages_of_a_pdf_are_drawn_and_those_without_text_are_named() {
    let (_, kept) = read("scan.pdf", &scanned());
    assert_eq!(kept.field("scanned_pages"), "1");
    let (outcome, kept) = ask(Asked::Draw, "scan.pdf", &scanned());
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let (_, page) = drawn(&kept.pictures, Role::Page);
    assert_eq!(page.width().max(page.height()), 1600);
    let grey = page.to_luma8();
    let dark = grey.pixels().filter(|p| p.0[0] < 100).count() as f64;
    let share = dark / f64::from(grey.width() * grey.height());
    assert!(
        (0.005..0.3).contains(&share),
        "there are letters on it: {share}"
    );
}

/// Recognised by Tesseract where it is installed, as `scripts/setup` does.
#[test]
fn a_scanned_page_is_recognised() {
    let languages = ["ukr", "rus", "eng"].map(str::to_owned);
    let launcher = env!("CARGO_BIN_EXE_extract-worker");
    let ocr = Ocr::find(launcher.as_ref(), &languages).expect("Tesseract is installed");
    assert!(ocr.version().starts_with("tesseract "), "{}", ocr.version());
    let (outcome, kept) = ask(Asked::Scans, "scan.pdf", &scanned());
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let [(picture, bytes)] = &kept.pictures[..] else {
        panic!(
            "one page is to be recognised, and there are {}",
            kept.pictures.len()
        );
    };
    assert_eq!(
        (picture.role, picture.page, picture.dpi),
        (Role::Scan, 1, 300)
    );
    let page = ocr
        .page(bytes, Some(picture.dpi))
        .expect("it runs")
        .expect("it is a page");
    let lines: Vec<&str> = page.lines.iter().map(|line| line.text.as_str()).collect();
    let text = lines.join(" ");
    for words in ["ДЛЯ ДЕМОНСТРАЦІЇ", "ПІДВАЛУ ШКОЛИ", "РАДІОСТАНЦІЮ"]
    {
        assert!(text.contains(words), "{text}");
    }
    assert!(page.confidence > 50.0, "{}", page.confidence);
    let no_picture = ocr.page(b"P5\nno picture", None).expect("it runs");
    assert_eq!(no_picture.expect_err("it is none").state, State::Damaged);
    let missing = Ocr::find(launcher.as_ref(), &["xyz".to_owned()]).expect_err("no such language");
    assert!(missing.contains("xyz"), "{missing}");
}

/// EXIF data that say 48°30′0″ N, 37°15′0″ E in numbers with a sign, as some cameras write them.
fn at_a_place() -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    tiff.extend(b"\x04\0\x01\0\x02\0\x02\0\0\0N\0\0\0\x02\0\x0a\0\x03\0\0\0\x50\0\0\0");
    tiff.extend(b"\x03\0\x02\0\x02\0\0\0E\0\0\0\x04\0\x0a\0\x03\0\0\0\x68\0\0\0\0\0\0\0");
    for number in [48_u32, 1, 30, 1, 0, 1, 37, 1, 15, 1, 0, 1] {
        tiff.extend(number.to_le_bytes());
    }
    tiff
}

#[test]
fn a_place_is_found_in_numbers_with_a_sign_and_behind_a_mark_that_does_not_belong_there() {
    let exif = at_a_place();
    let jpeg = encoded(&scene(30, 20), ImageFormat::Jpeg);
    let marked = [b"Exif\0\0".as_slice(), &exif].concat();
    let length = (marked.len() as u16 + 2).to_be_bytes();
    let jpeg = [&jpeg[..2], &[0xff, 0xe1], &length, &marked, &jpeg[2..]].concat();
    assert_eq!(
        read("a.jpg", &jpeg).1.field("position"),
        "48.500000,37.250000"
    );
    let plain = encoded(&scene(30, 20), ImageFormat::WebP);
    for exif in [exif, marked] {
        let mut body = b"WEBPVP8X\x0a\0\0\0\x08\0\0\0\x1d\0\0\x13\0\0".to_vec();
        body.extend(&plain[12..]);
        body.extend(b"EXIF");
        body.extend((exif.len() as u32).to_le_bytes());
        body.extend(&exif);
        let webp = [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat();
        let (outcome, kept) = read("a.webp", &webp);
        assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
        assert_eq!(kept.field("position"), "48.500000,37.250000");
    }
}
