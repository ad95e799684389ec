//! The readers, one a file; and which of them reads what.

mod archive;
mod audio;
mod html;
mod mail;
mod matroska;
mod movie;
mod office;
mod ole;
mod pdf;
mod picture;
mod pst;
mod rar;
mod rtf;
mod table;
mod text;
mod web;

pub use ole::{code_page as ole_code_page, kind as ole_kind};
pub use table::separator;
pub use web::is_compressed as is_packed_warc;

use crate::{
    Input, Out, Stop,
    kind::{self, Kind},
};
use comity_extract::{Outcome, State, protocol::Job};
use std::io::Read;

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
        ("application/zip" | "application/java-archive", _) => {
            web::wacz(input, out)?;
            archive::zip(input, out)
        }
        ("application/warc", _) => web::warc(input, out),
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
        ) => movie::read(input, out),
        ("application/x-tar", _) => archive::tar(input, out),
        ("application/gzip", _) => archive::gzip(input, out, name),
        (
            "application/msword"
            | "application/vnd.ms-excel"
            | "application/vnd.ms-powerpoint"
            | "application/vnd.ms-outlook"
            | "application/x-ole-encrypted"
            | "application/x-cfb",
            _,
        ) => ole::read(input, out),
        ("application/pdf", _) => pdf::read(input, out),
        ("application/rtf" | "text/rtf", _) => rtf::read(input, out),
        (media, None) if media.starts_with("audio/") => audio::read(input, out, media),
        (media, None) if media.starts_with("image/") => picture::read(input, out),
        ("message/rfc822", _) => mail::message(input, out),
        ("application/mbox", _) => mail::mbox(input, out),
        (media, _) if media.starts_with("application/vnd.openxmlformats-officedocument.") => {
            office::ooxml(input, out)
        }
        (media, _) if media.starts_with("application/vnd.oasis.opendocument.") => {
            office::odf(input, out)
        }
        // Books and maps whose pages are members of an archive.
        ("application/epub+zip" | "application/vnd.google-earth.kmz", _) => {
            archive::zip(input, out)
        }
        (_, Some(guess)) => text::read(input, out, guess),
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
