//! The type of a file by its content.

use crate::{
    Input,
    decode::{Guess, SAMPLE, text_encoding},
    read,
};
use file_format::FileFormat;

/// What a file is.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Media type.
    pub media: String,
    /// The format's name in words.
    pub name: String,
    /// For text: its encoding.
    pub text: Option<Guess>,
}

fn kind(media: &str, name: &str, text: Option<Guess>) -> Kind {
    Kind {
        media: media.to_owned(),
        name: name.to_owned(),
        text,
    }
}

/// Looks at the file's bytes. `hint`, the file's name, decides only between kinds of plain text.
pub fn of(input: &Input, hint: &str) -> Kind {
    let head = input.bytes_at(0, SAMPLE);
    let format =
        FileFormat::from_reader(input.rewound()).unwrap_or_else(|_| FileFormat::from_bytes(&head));
    let text = text_encoding(&head);
    // Many formats begin with text that another kind of file can begin with too: text is judged by us.
    if let Some(guess) = text.filter(|_| is_vague(format)) {
        return text_kind(&head, guess, hint);
    }
    if head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])
        && let Some((media, name)) = read::ole_kind(input)
    {
        return kind(media, name, None);
    }
    // The general table takes documents for presentations of the same firm.
    if head.starts_with(read::WORDPERFECT) && head.get(9) == Some(&10) {
        return kind("application/vnd.wordperfect", "WordPerfect document", None);
    }
    // A certificate begins much the same.
    if read::is_signed(&head) {
        return kind(
            "application/pkcs7-mime",
            "signed or encrypted container (CMS)",
            None,
        );
    }
    match format {
        FileFormat::Gzip if read::is_packed_warc(input) => {
            kind("application/warc", "web capture (WARC, compressed)", None)
        }
        FileFormat::PersonalStorageTable => {
            kind("application/x-outlook-pst", "Outlook mailbox (PST)", None)
        }
        // The mark of a disk image of Apple's is its last block; what else is taken for one begins as zlib does.
        FileFormat::AppleDiskImage if !is_dmg(input) => by_signature(input, &head, hint),
        FileFormat::ArbitraryBinaryData | FileFormat::PlainText => by_signature(input, &head, hint),
        _ => kind(format.media_type(), format.name(), text),
    }
}

/// What the name says the type were, where the content is another one. Endings that many kinds of file have, and kinds
/// of text among each other, say nothing.
pub fn disagreement(kind: &Kind, name: &str) -> Option<String> {
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase())?;
    let named = FileFormat::from_extension(&ending);
    let first = named.first()?;
    let agrees = |format: &FileFormat| {
        let media = format.media_type();
        let is_text = media.starts_with("text/") || is_vague(*format);
        media == kind.media || (is_text && kind.text.is_some())
    };
    // What lies in a container of another type may keep that type's ending.
    let within = match kind.media.as_str() {
        "application/x-ole-encrypted" => true,
        "application/warc" => ending == "gz",
        "application/x-outlook-pst" => ending == "pst" || ending == "ost",
        _ => false,
    };
    (!within && !named.iter().any(agrees)).then(|| format!(".{ending}: {}", first.name()))
}

fn is_vague(format: FileFormat) -> bool {
    matches!(
        format,
        FileFormat::ArbitraryBinaryData
            | FileFormat::PlainText
            | FileFormat::HypertextMarkupLanguage
            | FileFormat::ExtensibleMarkupLanguage
    ) || format.media_type().starts_with("text/") && format != FileFormat::RichTextFormat
}

/// Formats that the general table does not know.
fn by_signature(input: &Input, head: &[u8], hint: &str) -> Kind {
    match head {
        [b'!', b'B', b'D', b'N', ..] => {
            kind("application/x-outlook-pst", "Outlook mailbox (PST)", None)
        }
        // Of an archive that was cut off the directory is missing, which the general table looks for.
        [b'P', b'K', 3, 4, ..] => kind("application/zip", "ZIP", None),
        [b'W', b'A', b'R', b'C', b'/', ..] => kind("application/warc", "web capture (WARC)", None),
        _ if head.starts_with(&read::EWF) => {
            kind("application/x-ewf", "EnCase disk image (E01)", None)
        }
        [b'L', b'V', b'F', 9, 13, 10, 0xff, 0, ..] => {
            kind("application/x-lvf", "EnCase files (L01)", None)
        }
        [b'E', b'V', b'F', b'2', 13, 10, 0x81, 0, ..] => {
            kind("application/x-ewf2", "EnCase disk image (Ex01)", None)
        }
        [b'L', b'E', b'F', b'2', 13, 10, 0x81, 0, ..] => {
            kind("application/x-lef2", "EnCase files (Lx01)", None)
        }
        _ if head.starts_with(b"conectix") => {
            kind("application/x-vhd", "Microsoft Virtual Hard Disk", None)
        }
        _ if is_dmg(input) => kind("application/x-apple-diskimage", "Apple Disk Image", None),
        [b'A', b'F', b'F', b'1', b'0', ..] => kind("application/x-aff", "disk image (AFF)", None),
        [0, 5, 22, 0 | 7, 0, 2, 0, 0, ..] => kind(
            "application/applefile",
            "file of a Macintosh (AppleSingle)",
            None,
        ),
        _ if read::is_onenote(head) => kind("application/onenote", "OneNote notebook", None),
        _ if head.starts_with(b"bplist00") => {
            kind("application/x-bplist", "property list (binary)", None)
        }
        _ if head.starts_with(&read::TNEF) => {
            kind("application/vnd.ms-tnef", "Outlook message (TNEF)", None)
        }
        _ if read::is_iwa(input, hint) => {
            kind("application/x-iwa", "part of an iWork document", None)
        }
        _ if read::is_worksheet(input) => kind(
            "application/vnd.ms-excel",
            "Excel worksheet (before 95)",
            None,
        ),
        _ if read::is_dbase(input) => kind("application/x-dbf", "table (dBase)", None),
        _ if let Some(name) = read::is_image(input) => {
            kind("application/x-raw-disk-image", name, None)
        }
        _ if is_tar_head(head) => kind("application/x-tar", "TAR (without its mark)", None),
        _ if read::is_zlib(input) => kind("application/zlib", "zlib", None),
        _ if hint.to_ascii_lowercase().ends_with(".br") && read::is_brotli(input) => {
            kind("application/x-brotli", "Brotli", None)
        }
        _ => kind("application/octet-stream", "bytes of no known type", None),
    }
}

fn is_dmg(input: &Input) -> bool {
    input.bytes_at(input.size().saturating_sub(512), 4) == b"koly"
}

/// The oldest archives have no mark, but a sum over the head of their first member.
fn is_tar_head(head: &[u8]) -> bool {
    let Some(head) = head.get(..512) else {
        return false;
    };
    let digits: String = head[148..156]
        .iter()
        .map(|byte| char::from(*byte))
        .filter(char::is_ascii_digit)
        .collect();
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    let field: u32 = head[148..156].iter().map(|byte| u32::from(*byte)).sum();
    head[0] != 0 && u32::from_str_radix(&digits, 8) == Ok(sum - field + 8 * 32)
}

/// Which text it is.
fn text_kind(head: &[u8], guess: Guess, hint: &str) -> Kind {
    let text = guess.encoding.decode(&head[..head.len().min(16 << 10)]).0;
    let trimmed = text.trim_start();
    let start = trimmed[..trimmed.floor_char_boundary(2048)].to_ascii_lowercase();
    let of = |media, name| kind(media, name, Some(guess));
    if start.starts_with("<!doctype html") || start.starts_with("<html") || has_html_tags(&start) {
        return of("text/html", "HTML");
    }
    if start.starts_with("<?xml") {
        let html = start.contains("<html");
        return if html {
            of("text/html", "HTML (XML)")
        } else if start.contains("<kml") {
            of("application/vnd.google-earth.kml+xml", "map (KML)")
        } else if start.contains("<gpx") {
            of("application/gpx+xml", "map (GPX)")
        } else {
            of("text/xml", "XML")
        };
    }
    if text.starts_with("WARC/") {
        return of("application/warc", "web capture (WARC)");
    }
    if text.starts_with("From ") && is_message(text.split_once('\n').map_or("", |(_, rest)| rest)) {
        return of("application/mbox", "mailbox (MBOX)");
    }
    if is_message(trimmed) {
        return of("message/rfc822", "e-mail message");
    }
    let hint = hint.to_ascii_lowercase();
    if let Some(separator) =
        read::separator(&text, hint.ends_with(".csv") || hint.ends_with(".tsv"))
    {
        let name = if separator == '\t' {
            "table (TSV)"
        } else {
            "table (CSV)"
        };
        return of(
            if separator == '\t' {
                "text/tab-separated-values"
            } else {
                "text/csv"
            },
            name,
        );
    }
    of("text/plain", "plain text")
}

fn has_html_tags(start: &str) -> bool {
    start.starts_with('<')
        && [
            "<head", "<body", "<title", "<meta ", "<table", "<div", "<script",
        ]
        .iter()
        .any(|tag| start.contains(tag))
}

/// At least two of the headers that messages have, before anything that is no header.
fn is_message(text: &str) -> bool {
    let mut known = 0;
    for line in text.lines().take(60) {
        if line.starts_with([' ', '\t']) && known > 0 {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else {
            break;
        };
        if name.is_empty()
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            break;
        }
        let name = name.to_ascii_lowercase();
        let headers = [
            "from",
            "to",
            "cc",
            "subject",
            "date",
            "received",
            "message-id",
            "mime-version",
            "return-path",
            "content-type",
            "delivered-to",
            "reply-to",
            "sender",
            "x-mailer",
        ];
        known += u32::from(headers.contains(&name.as_str()));
    }
    known >= 2
}
