//! The readers, one a file; and which of them reads what.

mod apple;
mod archive;
mod asf;
mod audio;
mod avi;
mod ber;
mod c2pa;
mod cbor;
mod chm;
mod cover;
mod cpio;
mod dbase;
mod disk;
mod dwg;
mod form;
mod html;
mod iwa;
mod lz4;
mod mail;
mod map;
mod matroska;
mod metafile;
mod midi;
mod movie;
mod office;
mod ole;
mod onenote;
mod packed;
mod pages;
mod pdf;
mod picture;
mod plist;
mod pst;
mod rar;
mod rtf;
mod signed;
mod sqlite;
mod table;
mod text;
mod tnef;
mod uuencode;
mod web;
mod wordperfect;
mod xmp;
mod xps;

pub use dbase::is as is_dbase;
pub use disk::{EWF, is_image};
pub use iwa::is as is_iwa;
pub use ole::{code_page as ole_code_page, is_worksheet, kind as ole_kind};
pub use onenote::is as is_onenote;
pub use packed::{is_brotli, is_zlib};
pub use pages::draw_pdf;
pub use signed::is as is_signed;
pub use table::separator;
pub use tnef::MARK as TNEF;
pub use web::is_compressed as is_packed_warc;
pub use wordperfect::MARK as WORDPERFECT;

use crate::{
    Input, Out, Stop,
    kind::{self, Kind},
};
use comity_extract::{Outcome, State, protocol::Job};
use std::{
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Asks a library that ends its thread over what it did not expect: the reading goes on with the next part. What was
/// held locked meanwhile stays so, and is opened anew. Or why there is no answer.
pub fn unless_given_up<T>(ask: impl FnOnce() -> T) -> Result<T, &'static str> {
    catch_unwind(AssertUnwindSafe(ask))
        .map_err(|_| "it is damaged in a way that the reader does not understand")
}

/// As [`unless_given_up`], for what may stop for other reasons too.
pub fn careful<T>(ask: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
    unless_given_up(ask).unwrap_or_else(|why| Err(Stop::Damaged(why.to_owned())))
}

/// Reads one file: says its type, and gives it to the reader of that type.
pub fn read_file(input: Input, mut out: Out, job: &Job) -> Outcome {
    if input.size() == 0 {
        return Outcome::new(State::Empty, "it has no bytes");
    }
    let kind = kind::of(&input, &job.name);
    out.kind(&kind.media, &kind.name);
    if is_blank(&input) {
        return Outcome::new(State::Empty, "it has nothing but zeros or white space");
    }
    let result = kind::disagreement(&kind, &job.name)
        .map_or(Ok(()), |says| {
            out.field("name_disagrees", &says, "name of the file")
        })
        .and_then(|()| by_kind(&input, &mut out, &kind, &job.name));
    out.end(result)
}

fn by_kind(input: &Input, out: &mut Out, kind: &Kind, name: &str) -> Result<(), Stop> {
    match (kind.media.as_str(), kind.text) {
        ("text/html", Some(guess)) => html::read(input, out, guess),
        ("text/csv" | "text/tab-separated-values", Some(guess)) => table::read(input, out, guess),
        ("application/vnd.google-earth.kml+xml" | "application/gpx+xml", Some(guess)) => {
            map::read(input, out, guess)
        }
        ("application/zip" | "application/java-archive", _) => {
            web::wacz(input, out)?;
            archive::zip(input, out)
        }
        ("application/warc", _) => web::warc(input, out),
        ("application/zlib", _) => packed::zlib(input, out, name),
        ("application/x-brotli", _) => packed::brotli(input, out, name),
        ("application/x-snappy-framed", _) => packed::snappy(input, out, name),
        ("application/x-compress", _) => packed::lzw(input, out, name),
        ("application/vnd.ms-htmlhelp", _) => chm::read(input, out),
        ("application/onenote", _) => onenote::read(input, out),
        ("application/x-dbf", _) => dbase::read(input, out),
        ("application/x-bplist", _) => plist::read(input, out),
        ("application/vnd.ms-tnef", _) => tnef::read(input, out),
        ("application/vnd.sqlite3", _) => sqlite::read(input, out),
        ("application/vnd.wordperfect", _) => wordperfect::read(input, out),
        ("audio/x-ms-wma" | "video/x-ms-wmv" | "video/x-ms-asf" | "application/vnd.ms-asf", _) => {
            asf::read(input, out)
        }
        ("video/x-msvideo", _) => {
            avi::read(input, out)?;
            c2pa::read(input, out, "film")
        }
        ("application/x-iwa", _) => iwa::read(input, out),
        ("application/vnd.ms-excel", _) if is_worksheet(input) => ole::worksheet(input, out),
        ("application/x-lz4", _) => packed::lz4(input, out, name),
        ("application/x-raw-disk-image" | "application/x-iso9660-image", None) => {
            disk::raw(input, out, name)
        }
        ("application/x-ewf", _) => disk::encase(input, out),
        ("application/x-dwg", _) => dwg::read(input, out),
        ("application/x-cpio", _) => cpio::read(input, out),
        ("application/pkcs7-mime", _) => signed::read(input, out, name),
        ("application/applefile", _) => apple::single(input, out),
        ("application/x-bzip2", _) => archive::bzip2(input, out, name),
        ("application/x-xz", _) => archive::xz(input, out, name),
        ("application/x-outlook-pst", _) => pst::read(input, out),
        (
            "video/matroska" | "video/x-matroska" | "video/webm" | "audio/x-matroska"
            | "audio/webm",
            _,
        ) => matroska::read(input, out),
        ("application/x-7z-compressed", _) => archive::seven(input, out),
        ("application/vnd.rar" | "application/x-rar-compressed", _) => rar::read(input, out),
        (
            "application/mp4" | "video/mp4" | "video/quicktime" | "audio/mp4" | "video/x-m4v"
            | "video/3gpp" | "audio/x-m4a",
            None,
        ) => {
            movie::read(input, out)?;
            audio::tags_of_movie(input, out)?;
            let is_sound = kind.media.starts_with("audio/");
            c2pa::read(input, out, if is_sound { "sound" } else { "film" })
        }
        ("application/x-tar", _) => archive::tar(input, out),
        ("application/gzip", _) => archive::gzip(input, out, name),
        (
            "application/msword"
            | "application/vnd.ms-excel"
            | "application/vnd.ms-powerpoint"
            | "application/vnd.ms-outlook"
            | "application/x-ole-encrypted"
            | "application/vnd.ms-publisher"
            | "application/x-cfb",
            _,
        ) => ole::read(input, out),
        ("application/pdf", _) => pdf::read(input, out),
        ("application/rtf" | "text/rtf", _) => rtf::read(input, out),
        ("audio/midi", _) => midi::read(input, out),
        (media, None) if media.starts_with("audio/") => {
            audio::read(input, out, media)?;
            c2pa::read(input, out, "sound")
        }
        ("image/emf" | "image/wmf", _) if metafile::is_enhanced(input) => {
            metafile::enhanced(input, out)
        }
        ("image/wmf", _) => metafile::old(input, out),
        (media, None) if media.starts_with("image/") => picture::read(input, out),
        ("message/rfc822", _) => mail::message(input, out),
        ("application/mbox", _) => mail::mbox(input, out),
        (media, _) if media.starts_with("application/vnd.openxmlformats-officedocument.") => {
            office::ooxml(input, out)
        }
        (media, _) if media.starts_with("application/vnd.oasis.opendocument.") => {
            office::odf(input, out)
        }
        (_, Some(guess)) => {
            c2pa::read_svg(input, out)?;
            text::read(input, out, guess)
        }
        // Printed pages, and all else that is a ZIP within: books, maps, programs, other documents.
        _ if input.bytes_at(0, 4) == b"PK\x03\x04" => match xps::is(input) {
            true => xps::read(input, out),
            false => archive::zip(input, out),
        },
        _ => Err(Stop::Unsupported(format!(
            "nothing reads this type yet: {}",
            kind.name
        ))),
    }
}

/// A file of zeros or white space to its end; the first other byte ends the look.
fn is_blank(input: &Input) -> bool {
    let mut file = input.rewound();
    let mut buffer = [0; 8192];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return true,
            Ok(count)
                if buffer[..count]
                    .iter()
                    .all(|byte| *byte == 0 || byte.is_ascii_whitespace()) => {}
            _ => return false,
        }
    }
}
