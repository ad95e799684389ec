//! The pages of a package: `index.html` and, when there are many exhibits, `comity/exhibits/`.
//!
//! Pure functions over plain structs: the same disclosure gives the same bytes.

use std::fmt::Write as _;

use comity_core::package::PackageHead;

use crate::page::{
    END, Vouching, begin, digest, evidence, fact, meaning, number, proves_nothing, text, time,
};

/// How many exhibits one page shows. With more, they are on pages of their own.
pub const EXHIBITS_PER_PAGE: usize = 250;

/// What the pages show of one exhibit.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// Its registration number.
    pub ern: String,
    /// Original path as shown; `None` when it is withheld.
    pub path: Option<String>,
    /// Path of its file in the package, or why there is none.
    pub file: Result<String, String>,
    /// Size of its bytes.
    pub size_bytes: Option<u64>,
    /// SHA-256 of its bytes, in hex.
    pub sha256: Option<String>,
    /// Its custody, the first event first.
    pub custody: Vec<CustodyEvent>,
}

/// One event of an exhibit's custody.
#[derive(Clone, Debug)]
pub struct CustodyEvent {
    /// Its index in the log.
    pub index: u64,
    /// Its leaf hash, in hex.
    pub leaf: String,
    /// When it happened, RFC 3339 in UTC; `None` when it is withheld.
    pub time: Option<String>,
    /// What happened ([`comity_core::package::words`]).
    pub words: String,
}

/// A page of exhibits that the index links to.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Registration number of the first exhibit on it.
    pub first: String,
    /// Registration number of the last.
    pub last: String,
    /// How many there are.
    pub exhibits: u64,
}

/// The path in the package of the page with this number, from 1.
#[must_use]
pub fn sheet_path(number: usize) -> String {
    format!("comity/exhibits/{number:04}.html")
}

/// Where the exhibits are shown.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// On the index itself: at most [`EXHIBITS_PER_PAGE`].
    Here(&'a [Exhibit]),
    /// On pages of their own, in order.
    Sheets(&'a [Sheet]),
}

/// `index.html`.
#[must_use]
pub fn index(head: &PackageHead, vouching: &Vouching, shown: Shown<'_>) -> String {
    let mut out = begin(&format!(
        "Disclosure in case {}: {}",
        head.case, head.case_name
    ));
    out.push_str(&proves_nothing(
        "The program <code>comity-verify</code> checks what it says, and so can you with standard \
         tools: see ‘How to check it’.",
    ));
    facts(&mut out, head, vouching);
    how_to_check(&mut out);
    words(&mut out);
    match shown {
        Shown::Here(exhibits) => show_exhibits(&mut out, exhibits),
        Shown::Sheets(sheets) => link_sheets(&mut out, sheets),
    }
    print_sheet(&mut out);
    out.push_str(END);
    out
}

/// The page of exhibits with this number, from 1.
#[must_use]
pub fn sheet(head: &PackageHead, number: usize, exhibits: &[Exhibit]) -> String {
    let mut out = begin(&format!("Exhibits in case {}, page {number}", head.case));
    out.push_str(&proves_nothing(
        "The program <code>comity-verify</code> checks what it says.",
    ));
    out.push_str(
        "<p class=\"screen\"><a href=\"../../index.html\">Back to the first page</a></p>\n",
    );
    show_exhibits(&mut out, exhibits);
    print_sheet(&mut out);
    out.push_str(END);
    out
}

fn facts(out: &mut String, head: &PackageHead, vouching: &Vouching) {
    out.push_str("<dl>\n");
    let case = format!("{} {}", text(&head.case), evidence(&head.case_name));
    let recipient = head
        .recipient
        .as_deref()
        .map_or("not named".to_owned(), evidence);
    let made = format!("{} UTC by {}", time(&head.made_at), text(&head.made_by));
    let rows = [
        ("Centre", evidence(&head.centre)),
        ("Case", case),
        ("Purpose", evidence(&head.purpose)),
        ("Disclosed to", recipient),
        ("Made", made),
        ("Exhibits", number(head.exhibits)),
        (
            "Files",
            format!("{}, {} bytes", number(head.files), number(head.bytes)),
        ),
        ("Custody events", number(head.events)),
        ("Log", text(&head.origin)),
        (
            "Checkpoint",
            format!(
                "size {}, root {}",
                number(head.size),
                digest(&head.root.to_string())
            ),
        ),
    ];
    for (label, value) in rows.into_iter().chain(vouching.rows()) {
        out.push_str(&fact(label, &value));
    }
    out.push_str("</dl>\n");
}

fn how_to_check(out: &mut String) {
    out.push_str(
        "<h2>How to check it</h2>\n\
         <p>With our program, and with the log’s keys as you got them separately from this package \
         (from the centre’s publication, from a member, on paper):</p>\n\
         <pre>comity-verify PACKAGE --keys FILE</pre>\n\
         <p>PACKAGE is this folder, or the zip that it came in. Keep the two files beside it whose \
         names begin with its name: they show that the making of this package was recorded. Without \
         <code>--keys</code> the program prints the fingerprint of the keys for you to compare. With \
         <code>--log TREE</code>, a copy of the log, it also shows that no event of an exhibit up to \
         the checkpoint was left out.</p>\n\
         <p>With standard tools alone, in this folder:</p>\n\
         <pre>sha256sum -c tagmanifest-sha256.txt\nsha256sum -c manifest-sha256.txt</pre>\n\
         <p>and then the chapter ‘Check it by hand’ of <code>comity/format/disclosure.md</code>, \
         which leads from an exhibit to the signature with <code>bash</code>, <code>jq</code>, \
         <code>openssl</code> and <code>sha256sum</code>.</p>\n\
         <h2>What it shows and what it does not</h2>\n\
         <p>It shows that these bytes are those that were recorded under these numbers, and that the \
         chain of custody of each exhibit is whole up to the checkpoint. It does not show that what \
         was recorded is true; nor whose log this is, unless you compare the fingerprint; and it says \
         nothing about items that are not in this selection.</p>\n",
    );
}

/// What the words of the trade mean, for readers of another trade.
fn words(out: &mut String) {
    out.push_str("<h2>Words on this page</h2>\n<dl>\n");
    for (word, meaning) in [
        (
            "Exhibit",
            "What was handed over under one registration number: mostly a file, also a thing that \
             was met and could not be kept.",
        ),
        (
            "SHA-256",
            "A digest: 64 characters computed from all bytes of a file. If one bit changes, so does \
             the digest.",
        ),
        (
            "Log",
            "The centre’s record of everything that happened, in order. Entries are only ever added; \
             a checkpoint betrays that one was changed or removed.",
        ),
        (
            "Log entry",
            "The number of an event in the log, counted from 0, and the digest that stands there \
             for it (its leaf).",
        ),
        (
            "Checkpoint",
            "The centre’s signature over the whole log as it was when it had so many entries.",
        ),
        (
            "Fingerprint",
            "A digest of the keys that sign the log, short enough to compare by eye.",
        ),
        (
            "Withheld",
            "It was recorded and is not opened here. Its place in the chain is still checked.",
        ),
    ] {
        out.push_str(&fact(word, meaning));
    }
    out.push_str("</dl>\n");
}

fn link_sheets(out: &mut String, sheets: &[Sheet]) {
    out.push_str("<h2>Exhibits</h2>\n<table class=\"fit\">\n<thead><tr><th scope=\"col\">Page</th><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\" class=\"number\">Exhibits</th></tr></thead>\n<tbody>\n");
    for (place, sheet) in sheets.iter().enumerate() {
        let path = sheet_path(place + 1);
        let _ = writeln!(
            out,
            "<tr><td><a href=\"{path}\">page {}</a></td><td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>",
            place + 1,
            text(&sheet.first),
            text(&sheet.last),
            number(sheet.exhibits)
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

fn show_exhibits(out: &mut String, exhibits: &[Exhibit]) {
    out.push_str("<h2>Exhibits</h2>\n<table class=\"stack exhibits\">\n<thead><tr><th scope=\"col\">Exhibit</th><th scope=\"col\">Original path</th><th scope=\"col\" class=\"number\">Bytes</th><th scope=\"col\">File in this package</th></tr></thead>\n<tbody>\n");
    for exhibit in exhibits {
        let ern = text(&exhibit.ern);
        let file = match &exhibit.file {
            Ok(file) => format!("<code class=\"whole\">{}</code>", text(file)),
            Err(why) => without(why),
        };
        let _ = writeln!(
            out,
            "<tr><td class=\"whole\"><a href=\"#{ern}\">{ern}</a></td><td>{}</td><td class=\"number\">{}</td><td>{file}</td></tr>",
            match (&exhibit.path, &exhibit.file) {
                (Some(path), _) => evidence(path),
                (None, Err(why)) if why == "erased" => "erased".to_owned(),
                (None, _) => "withheld".to_owned(),
            },
            exhibit.size_bytes.map_or(String::new(), number),
        );
    }
    out.push_str("</tbody>\n</table>\n<h2>Custody of each exhibit</h2>\n");
    for exhibit in exhibits {
        show_custody(out, exhibit);
    }
}

fn show_custody(out: &mut String, exhibit: &Exhibit) {
    let ern = text(&exhibit.ern);
    let _ = writeln!(
        out,
        "<section class=\"exhibit\" id=\"{ern}\">\n<h3>{ern}</h3>"
    );
    if let Some(path) = &exhibit.path {
        let _ = writeln!(out, "<p class=\"about\">{}</p>", evidence(path));
    }
    if let Some(sha256) = &exhibit.sha256 {
        let _ = writeln!(
            out,
            "<p class=\"about muted\">SHA-256 {}</p>",
            digest(sha256)
        );
    }
    out.push_str("<table class=\"stack custody\">\n<thead><tr><th scope=\"col\">When (UTC)</th><th scope=\"col\">What happened</th><th scope=\"col\" class=\"number\">Log entry</th></tr></thead>\n<tbody>\n");
    for event in &exhibit.custody {
        let when = event.time.as_deref().map_or("withheld".to_owned(), time);
        let _ = writeln!(
            out,
            "<tr><td class=\"whole\">{when}</td><td>{}{}</td><td class=\"number\">{}</td></tr>",
            evidence(&event.words),
            digest(&event.leaf),
            number(event.index),
        );
    }
    out.push_str("</tbody>\n</table>\n</section>\n");
}

/// Why an exhibit has no file, in words.
fn without(why: &str) -> String {
    match meaning(why) {
        "" => format!("none: {}", text(why)),
        known => format!("none: {known}"),
    }
}

/// On paper alone: who printed it.
fn print_sheet(out: &mut String) {
    out.push_str(
        "<div class=\"paper\"><div class=\"signatures\"><p class=\"line\">Printed by (name)</p>\
         <p class=\"line\">Printed on (date, place)</p></div></div>\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> PackageHead {
        PackageHead {
            centre: "The <centre>".to_owned(),
            origin: "example.org/log".to_owned(),
            case: "C0001".to_owned(),
            case_name: "Справа & co".to_owned(),
            purpose: "trial".to_owned(),
            recipient: None,
            exhibits: 1,
            files: 1,
            bytes: 1234,
            events: 2,
            size: 70,
            root: comity_core::Digest::of(b"root"),
            made_at: "2026-11-24T10:41:07.123456Z".to_owned(),
            made_by: "UKR-P0001".to_owned(),
            program: "comity 0.1.0".to_owned(),
        }
    }

    fn exhibit() -> Exhibit {
        Exhibit {
            ern: "UKR-000001-0000001".to_owned(),
            path: Some("<img src=x onerror=alert(1)>.txt".to_owned()),
            file: Ok("data/UKR-000001-0000001.txt".to_owned()),
            size_bytes: Some(1234),
            sha256: Some("ab".repeat(32)),
            custody: vec![
                CustodyEvent {
                    index: 12,
                    leaf: "cd".repeat(32),
                    time: Some("2026-11-24T10:41:07.123456Z".to_owned()),
                    words: "UKR-P0001 took it in from “Police”".to_owned(),
                },
                CustodyEvent {
                    index: 19,
                    leaf: "ef".repeat(32),
                    time: None,
                    words: "Something happened that is withheld".to_owned(),
                },
            ],
        }
    }

    fn vouching() -> Vouching {
        Vouching {
            fingerprint: "aaaa bbbb".to_owned(),
            witnesses: Some("attested by <aster>".to_owned()),
            stamps: vec!["tsa-1".to_owned()],
        }
    }

    #[test]
    fn the_index_tells_everything_and_runs_nothing() {
        let page = index(&head(), &vouching(), Shown::Here(&[exhibit()]));
        for words in [
            "This page alone proves nothing",
            "attested by &lt;aster&gt;",
            "by tsa-1; ",
            "comity-verify PACKAGE --keys FILE",
            "sha256sum -c tagmanifest-sha256.txt",
            "The &lt;centre&gt;",
            "Справа &amp; co",
            "aaaa bbbb",
            "&lt;img src=x onerror=alert(1)&gt;.txt",
            "UKR-P0001 took it in from “Police”",
            "Something happened that is withheld",
            &"ab".repeat(32),
            "Printed by",
        ] {
            assert!(page.contains(words), "{words:?} is not in {page}");
        }
        for never in ["<script", "<img", "javascript:", "http://", "https://"] {
            assert!(!page.contains(never), "{never:?} is in {page}");
        }
        assert_eq!(page, index(&head(), &vouching(), Shown::Here(&[exhibit()])));
    }

    #[test]
    fn many_exhibits_are_on_pages_of_their_own() {
        let sheets = [Sheet {
            first: "A".to_owned(),
            last: "B".to_owned(),
            exhibits: 250,
        }];
        let page = index(&head(), &vouching(), Shown::Sheets(&sheets));
        assert!(
            page.contains("href=\"comity/exhibits/0001.html\""),
            "{page}"
        );
        let sheet = sheet(&head(), 1, &[exhibit()]);
        assert!(
            sheet.contains("href=\"../../index.html\"") && sheet.contains("UKR-000001-0000001")
        );
    }
}
