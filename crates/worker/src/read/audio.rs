//! Sound files: how long, made when and by whom, as their headers and tags say.

use crate::{Input, Out, Stop};
use comity_extract::{Anchor, Place};
use lofty::{
    config::{GlobalOptions, ParseOptions, apply_global_options},
    file::{AudioFile, FileType, TaggedFile, TaggedFileExt},
    probe::Probe,
    tag::ItemKey,
};
use std::io::BufReader;

/// The most memory that one tag may ask for.
const TAG_MAX: usize = 16 << 20;

/// The fields that tags give, by the names that they have in each format.
const FIELDS: [(ItemKey, &str); 9] = [
    (ItemKey::TrackTitle, "title"),
    (ItemKey::AlbumTitle, "subject"),
    (ItemKey::TrackArtist, "author"),
    (ItemKey::Comment, "comment"),
    (ItemKey::Description, "comment"),
    (ItemKey::RecordingDate, "created"),
    (ItemKey::OriginalReleaseDate, "created"),
    (ItemKey::EncoderSoftware, "software"),
    (ItemKey::Language, "language"),
];

pub fn read(input: &Input, out: &mut Out, media: &str) -> Result<(), Stop> {
    apply_global_options(GlobalOptions::new().allocation_limit(TAG_MAX));
    let options = ParseOptions::new().read_cover_art(true);
    let probe = Probe::new(BufReader::with_capacity(64 << 10, input.rewound()))
        .options(options)
        .guess_file_type()?;
    // Sound of a kind that the library does not know may look like one that it does.
    let Some(kind) = probe.file_type().filter(|kind| is_of(*kind, media)) else {
        return Err(Stop::Unsupported(
            "nothing reads this kind of sound yet".to_owned(),
        ));
    };
    let file = probe.read()?;
    let about = file.properties();
    let from = header_of(kind);
    let seconds = about.duration().as_secs_f64();
    if seconds > 0.0 {
        out.field("duration", &format!("{seconds:.3}"), from)?;
    }
    tags(&file, out)
}

/// The tags of a film or of sound in its form (MP4), which the reader of films leaves. That there is no sound in it
/// takes nothing from what is known of it.
pub fn tags_of_movie(input: &Input, out: &mut Out) -> Result<(), Stop> {
    apply_global_options(GlobalOptions::new().allocation_limit(TAG_MAX));
    let file = BufReader::with_capacity(64 << 10, input.rewound());
    let probe = Probe::with_file_type(file, FileType::Mp4)
        .options(ParseOptions::new().read_properties(false));
    match probe.read() {
        Ok(file) => tags(&file, out),
        Err(_) => Ok(()),
    }
}

fn tags(file: &TaggedFile, out: &mut Out) -> Result<(), Stop> {
    let mut songs = 0;
    for tag in file.tags() {
        let from = format!("{:?}", tag.tag_type());
        for (key, field) in FIELDS {
            for value in tag.get_strings(key) {
                match field {
                    "title" | "subject" | "author" | "comment" => {
                        out.property(field, value, &from)?
                    }
                    _ => out.field(field, value, &from)?,
                }
            }
        }
        // What is sung or said is text.
        for text in tag.get_strings(ItemKey::Lyrics) {
            songs += 1;
            out.text(&Anchor::at(&[(Place::Record, songs)]), text)?;
        }
        for picture in tag.pictures() {
            let name = picture.description().unwrap_or("cover");
            let child = crate::out::child(comity_extract::Relation::Embedded, name);
            out.child(child, &mut picture.data())?;
        }
    }
    Ok(())
}

fn is_of(kind: FileType, media: &str) -> bool {
    let medias: &[&str] = match kind {
        FileType::Mpeg => &["audio/mpeg"],
        FileType::Opus => &["audio/ogg", "audio/opus"],
        FileType::Vorbis | FileType::Speex => &["audio/ogg"],
        FileType::Aac => &["audio/aac"],
        FileType::Flac => &["audio/flac", "audio/x-flac"],
        _ => return !["audio/mpeg", "audio/ogg", "audio/ac3", "audio/aac"].contains(&media),
    };
    medias.contains(&media)
}

fn header_of(kind: FileType) -> &'static str {
    match kind {
        FileType::Mpeg => "MPEG frames",
        FileType::Flac => "FLAC STREAMINFO",
        FileType::Wav => "WAVE fmt",
        FileType::Aiff => "AIFF COMM",
        FileType::Opus | FileType::Vorbis | FileType::Speex => "Ogg pages",
        FileType::Aac => "ADTS frames",
        _ => "header",
    }
}
