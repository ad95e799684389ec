//! Captures of web pages: WARC (ISO 28500), and WACZ, which packs them with a list of pages and a signature.

mod domain;
mod payload;
mod record;
mod wacz;
mod warc;

pub use wacz::read as wacz;
pub use warc::{is_compressed, read as warc};
