//! Pages of a PDF as pictures.

use super::pdf::{may_show_words, open};
use crate::{Input, Out, Stop, draw};
use comity_extract::protocol::Asked;
use hayro::{
    PixmapSettings, RenderCache, RenderSettings, hayro_interpret::InterpreterSettings,
    hayro_syntax::page::Page, vello_cpu::color::palette::css::WHITE,
};
use image::{DynamicImage, RgbaImage};

/// Pages that are drawn for looking at; the others are drawn by whoever opens the file.
const PAGES_MAX: usize = 200;
/// The longest side of the picture of a page, in points.
const SIDE: f32 = 1600.0;
/// Points an inch of a page whose characters are to be recognised: what scanners use, and what Tesseract is made for.
const DPI: f32 = 300.0;
/// The longest side of such a page.
const SCAN_SIDE: f32 = 5000.0;

/// Draws the pages: all of them to be looked at, or those that may show words which are no text for recognition.
pub fn draw_pdf(input: &Input, out: &mut Out, asked: Asked) -> Result<(), Stop> {
    let pdf = open(input)?;
    let cache = RenderCache::new();
    for (number, page) in (1_u32..).zip(pdf.pages().iter()) {
        match asked {
            Asked::Read => {}
            Asked::Draw if number as usize > PAGES_MAX => {
                let all = pdf.pages().len();
                out.missing(&format!(
                    "pages {number}–{all} are not drawn: {PAGES_MAX} are, of one file"
                ));
                break;
            }
            Asked::Draw => {
                let (width, height) = page.render_dimensions();
                let picture = drawn(page, SIDE / width.max(height).max(1.0), &cache);
                let Some(picture) = picture else {
                    out.missing(&format!("page {number} has no size that can be drawn"));
                    continue;
                };
                if number == 1 {
                    draw::views(&picture, out)?;
                }
                draw::page(&picture, number, out)?;
            }
            Asked::Scans if !may_show_words(&pdf, page) => {}
            Asked::Scans => {
                let (width, height) = page.render_dimensions();
                let scale = (DPI / 72.0).min(SCAN_SIDE / width.max(height).max(1.0));
                match drawn(page, scale, &cache) {
                    Some(picture) => {
                        draw::scan(&picture, number, Some((scale * 72.0) as u32), out)?
                    }
                    None => out.missing(&format!("page {number} has no size that can be drawn")),
                }
            }
        }
    }
    Ok(())
}

/// A page, on white; `None` where it is thinner than a point.
fn drawn<'a>(page: &'a Page<'a>, scale: f32, cache: &RenderCache<'a>) -> Option<DynamicImage> {
    let settings = PixmapSettings {
        x_scale: scale,
        y_scale: scale,
        bg_color: WHITE,
    };
    let (width, height) = page.render_dimensions();
    if !(width * scale >= 1.0 && height * scale >= 1.0) {
        return None;
    }
    let pixels = hayro::render(
        page,
        cache,
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &settings,
    );
    let (width, height) = (u32::from(pixels.width()), u32::from(pixels.height()));
    // On white nothing is transparent, so that nothing is to be divided by it.
    let points = RgbaImage::from_raw(width, height, pixels.data_as_u8_slice().to_vec())?;
    Some(DynamicImage::ImageRgb8(
        DynamicImage::ImageRgba8(points).to_rgb8(),
    ))
}
