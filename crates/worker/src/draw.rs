//! Pictures of a file, for people to look at and for recognition of its characters: thumbnails, pages, and the blurred
//! grey one that shows nobody what they did not ask to see.

use crate::{Input, Out, Stop, kind, pixels, read};
use comity_extract::{
    Outcome, Role, State,
    protocol::{Asked, Job},
};
use image::{DynamicImage, GrayImage, RgbImage, codecs::jpeg::JpegEncoder, imageops::FilterType};

/// The longest side of a thumbnail, in points.
const THUMBNAIL: u32 = 256;
/// The longest side of the picture of a page.
const PAGE: u32 = 1600;
/// The longest side of a picture whose characters are to be recognised; what is larger gains nothing.
const SCAN: u32 = 5000;
/// A picture with a shorter side than this has no words.
const SCAN_MIN: u32 = 24;
/// Points of the blurred one that differ from each other.
const BLURRED: u32 = 12;
/// The quality of JPEG, from 1 to 100.
const QUALITY: u8 = 80;

/// Draws one file. What of it is drawn goes by what was asked for.
pub fn draw_file(input: Input, mut out: Out, job: &Job) -> Outcome {
    if input.size() == 0 {
        return Outcome::new(State::Empty, "it has no bytes");
    }
    let kind = kind::of(&input, &job.name);
    let result = match kind.media.as_str() {
        "application/pdf" => read::draw_pdf(&input, &mut out, job.asked),
        media if media.starts_with("image/") => picture(&input, &mut out, job.asked),
        _ => Err(Stop::Unsupported(format!(
            "nothing draws this type: {}",
            kind.name
        ))),
    };
    out.end(result)
}

fn picture(input: &Input, out: &mut Out, asked: Asked) -> Result<(), Stop> {
    let Some(picture) = pixels::upright(input)? else {
        return Err(Stop::Unsupported(
            "nothing draws this kind of picture yet".to_owned(),
        ));
    };
    match asked {
        Asked::Read => Ok(()),
        Asked::Draw => {
            views(&picture, out)?;
            page(&picture, 1, out)
        }
        Asked::Scans => scan(&picture, 1, None, out),
    }
}

/// The thumbnail, and the blurred one.
pub fn views(picture: &DynamicImage, out: &mut Out) -> Result<(), Stop> {
    let small = within(picture, THUMBNAIL);
    jpeg(&small.to_rgb8(), Role::Thumbnail, 1, out)?;
    // What is no more than a few points across holds no face and no wound, however it is sharpened.
    let coarse = small
        .grayscale()
        .resize(BLURRED, BLURRED, FilterType::Triangle);
    let blurred = coarse.resize_exact(small.width(), small.height(), FilterType::CatmullRom);
    jpeg(&blurred.to_rgb8(), Role::Blurred, 1, out)
}

/// The picture of a page.
pub fn page(picture: &DynamicImage, number: u32, out: &mut Out) -> Result<(), Stop> {
    jpeg(&within(picture, PAGE).to_rgb8(), Role::Page, number, out)
}

/// The picture of a page whose characters are to be recognised.
pub fn scan(
    picture: &DynamicImage,
    number: u32,
    dpi: Option<u32>,
    out: &mut Out,
) -> Result<(), Stop> {
    if picture.width().min(picture.height()) < SCAN_MIN {
        return Ok(());
    }
    let grey = on_white(&within(picture, SCAN));
    let mut file = format!("P5\n{} {}\n255\n", grey.width(), grey.height()).into_bytes();
    file.extend_from_slice(grey.as_raw());
    let (width, height) = grey.dimensions();
    let shown = comity_extract::Picture {
        role: Role::Scan,
        page: number,
        width,
        height,
        dpi: dpi.unwrap_or(0),
        media: "image/x-portable-graymap".to_owned(),
        size: file.len() as u64,
    };
    out.picture(&shown, &file)
}

/// Grey points; what is transparent is seen as paper is.
fn on_white(picture: &DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.to_luma8();
    }
    let points = picture.to_luma_alpha8();
    GrayImage::from_fn(points.width(), points.height(), |x, y| {
        let [grey, alpha] = points.get_pixel(x, y).0.map(u32::from);
        image::Luma([((grey * alpha + 255 * (255 - alpha)) / 255) as u8])
    })
}

/// The picture, smaller where a side of it is longer than this.
fn within(picture: &DynamicImage, side: u32) -> DynamicImage {
    if picture.width().max(picture.height()) <= side {
        return picture.clone();
    }
    picture.thumbnail(side, side)
}

fn jpeg(picture: &RgbImage, role: Role, number: u32, out: &mut Out) -> Result<(), Stop> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, QUALITY).encode_image(picture)?;
    let shown = comity_extract::Picture {
        role,
        page: number,
        width: picture.width(),
        height: picture.height(),
        dpi: 0,
        media: "image/jpeg".to_owned(),
        size: file.len() as u64,
    };
    out.picture(&shown, &file)
}
