//! Every file ends in a named state, read by the real program behind its walls.

#![allow(clippy::expect_used)]

mod kept;

use comity_extract::{ExtractError, Limits, Readers, Source, State, protocol::VERSION};
use kept::{Kept, end_of, read, readers, zip};
use std::{io, time::Duration};

#[test]
fn text_in_old_code_pages_is_read() {
    let text = "Підрозділу Сосна о 06:30 відкрити вогонь по елеватору.\r\nПідпис: Грім\r\n";
    for encoding in [
        encoding_rs::WINDOWS_1251,
        encoding_rs::KOI8_U,
        encoding_rs::UTF_8,
    ] {
        let (outcome, kept) = read("наказ.txt", &encoding.encode(text).0);
        assert_eq!((outcome.state, kept.text.as_str()), (State::Read, text));
        assert_eq!(kept.field("encoding"), encoding.name());
    }
}

#[test]
fn html_is_read_as_a_person_sees_it() {
    let page = "<!doctype html><title>Звіт</title><style>p{}</style><p>Перший  абзац<script>alert(1)</script>\
        <p>Другий &laquo;абзац&raquo; <a href='https://example.org/x'>link</a>";
    let (outcome, kept) = read("звіт.html", page.as_bytes());
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "text/html")
    );
    assert_eq!(kept.text, "Перший абзацДругий «абзац» link");
    assert_eq!(
        (kept.field("title"), kept.field("link")),
        ("Звіт", "https://example.org/x")
    );
}

#[test]
fn a_page_in_an_attribute_of_a_page_is_read_where_it_is_shown() {
    let page = "<!doctype html><title>Звіт</title><p>Перший\
        <iframe srcdoc=\"<title>інший</title><p>Другий &quot;абзац&quot;<script>x</script>\
        <a href='https://example.org/y'>link</a>\"></iframe><p>Третій";
    let (outcome, kept) = read("звіт.html", page.as_bytes());
    assert_eq!(outcome.state, State::Read);
    assert_eq!(
        kept.passages,
        [
            "[paragraph 1] Перший",
            "[paragraph 2] Другий \"абзац\"link",
            "[paragraph 3] Третій"
        ]
    );
    assert_eq!(kept.field("link"), "https://example.org/y");
    // Beyond what anybody writes, it is named.
    let deep = (0..12).fold("<p>ядро".to_owned(), |page, _| {
        let page = page.replace('&', "&amp;").replace('"', "&quot;");
        format!("<html><iframe srcdoc=\"{page}\"></iframe>")
    });
    let (outcome, kept) = read("a.html", deep.as_bytes());
    assert_eq!(outcome.state, State::InPart, "{:?}", kept.text);
    assert_eq!(kept.missing, ["pages within pages, more than 8 deep"]);
}

#[test]
fn nothing_in_it_is_empty_and_no_known_type_is_unsupported() {
    assert_eq!(read("a", b"").0.state, State::Empty);
    assert_eq!(read("a", &[0; 100_000]).0.state, State::Empty);
    assert_eq!(read("a", b" \r\n\r\n").0.state, State::Empty);
    let (outcome, kept) = read("a.doc", &[1, 2, 3, 4, 0xfe, 0, 7, 9]);
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Unsupported, "application/octet-stream")
    );
}

#[test]
fn an_archive_that_was_cut_off_is_damaged_and_known_as_an_archive() {
    let bytes = zip(&[("one.txt", &[b'x'; 4000]), ("two.txt", b"two")]);
    for cut in [bytes.len() / 2, bytes.len() - 10] {
        let (outcome, kept) = read("a.zip", &bytes[..cut]);
        assert_eq!(
            (outcome.state, kept.media.as_str()),
            (State::Damaged, "application/zip")
        );
    }
}

#[test]
fn members_come_in_their_order_and_their_names_are_only_names() {
    let bytes = zip(&[
        ("б.txt", b"two"),
        ("../../etc/passwd", b"root"),
        ("/abs", b""),
        ("a\0b", b"x"),
    ]);
    let (outcome, kept) = read("a.zip", &bytes);
    assert_eq!(outcome.state, State::Read);
    let paths: Vec<_> = kept
        .children
        .iter()
        .map(|child| (child.0.ordinal, child.0.path.as_str()))
        .collect();
    assert_eq!(
        paths,
        [
            (1, "б.txt"),
            (2, "../../etc/passwd"),
            (3, "/abs"),
            (4, "a\0b")
        ]
    );
    assert_eq!(kept.children[1].1, b"root");
    assert!(
        kept.children
            .iter()
            .all(|child| end_of(child) == State::Read)
    );
}

#[test]
fn a_bomb_ends_over_a_limit_and_the_next_item_is_read() {
    let limits = Limits {
        children_bytes: 8 << 20,
        ..Limits::default()
    };
    let mut readers = readers(limits);
    let bomb = zip(&[("zeros", &vec![0; 32 << 20])]);
    let mut kept = Kept::default();
    let outcome = readers
        .read("bomb.zip", &bomb, &mut kept)
        .expect("the worker runs");
    assert_eq!(
        (outcome.state, end_of(&kept.children[0])),
        (State::OverLimit, State::OverLimit),
        "{outcome:?}"
    );
    assert!(kept.children[0].1.len() <= 8 << 20);
    let outcome = readers
        .read("a.txt", b"three impact craters".as_slice(), &mut kept)
        .expect("the worker runs");
    assert_eq!(
        (outcome.state, kept.text.as_str()),
        (State::Read, "three impact craters")
    );
}

#[test]
fn every_truncation_of_an_archive_has_a_state() {
    let whole = zip(&[("one.txt", b"first member"), ("two.txt", b"second member")]);
    let mut readers = readers(Limits::default());
    // Three bytes of a ZIP are rightly read as a text of two letters.
    for length in 4..whole.len() {
        let mut kept = Kept::default();
        let outcome = readers
            .read("a.zip", &whole[..length], &mut kept)
            .expect("the worker runs");
        assert_ne!(
            outcome.state,
            State::Read,
            "{length} of {} bytes",
            whole.len()
        );
        assert!(outcome.state < State::Crashed, "{length}: {outcome:?}");
    }
}

#[test]
fn a_reader_that_is_too_slow_is_stopped_twice_and_then_named() {
    let limits = Limits {
        time: Duration::from_millis(1),
        ..Limits::default()
    };
    // A megabyte adds a second to the time, so less than one is read; a source that never answers in time is enough.
    struct Slow;
    impl Source for Slow {
        fn size(&self) -> io::Result<u64> {
            Ok(1000)
        }
        fn read_exact_at(&self, buffer: &mut [u8], _: u64) -> io::Result<()> {
            let until = std::time::Instant::now() + Duration::from_millis(20);
            while std::time::Instant::now() < until {
                std::hint::spin_loop();
            }
            buffer.fill(b'a');
            Ok(())
        }
    }
    let mut kept = Kept::default();
    let outcome = readers(limits)
        .read("slow", &Slow, &mut kept)
        .expect("the worker runs");
    assert_eq!(
        (outcome.state, kept.attempts),
        (State::TimedOut, 2),
        "{outcome:?}"
    );
}

#[test]
fn a_reader_that_needs_too_much_memory_is_named_for_it() {
    // A message is held in memory, and its decoded text beside it.
    let limits = Limits {
        memory_bytes: 160 << 20,
        ..Limits::default()
    };
    let mail = format!(
        "From: a@example.org\r\nSubject: long\r\n\r\n{}",
        "three craters\r\n".repeat(6_000_000)
    );
    let mut kept = Kept::default();
    let outcome = readers(limits)
        .read("a.eml", mail.as_bytes(), &mut kept)
        .expect("the worker runs");
    assert_eq!(outcome.state, State::OverLimit, "{outcome:?}");
    assert!(outcome.reason.contains("160 MiB of memory"), "{outcome:?}");
}

/// A program in the place of the worker, which says that it is locked in, and then does what `then` says. It lies in
/// the folder, as long as that is there.
fn impostor(then: &str) -> (tempfile::TempDir, Readers) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("impostor");
    let ready = format!(r"printf '\000\000\000\012\020\{VERSION:03o}\000\000\000\005liar ' >&0");
    std::fs::write(&path, format!("#!/bin/sh\n{ready}\n{then}\n")).expect("a script");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&path, mode).expect("a script that runs");
    (folder, Readers::new(path, Limits::default()))
}

#[test]
fn a_reader_that_dies_is_tried_twice_and_then_named_with_its_last_words() {
    let mut kept = Kept::default();
    let (_folder, mut readers) = impostor("echo 'index out of range' >&2\nkill -SEGV $$");
    let outcome = readers
        .read("a", b"bytes".as_slice(), &mut kept)
        .expect("it starts");
    assert_eq!(
        (outcome.state, kept.attempts),
        (State::Crashed, 2),
        "{outcome:?}"
    );
    assert_eq!(
        outcome.reason,
        "the reader was ended by signal 11: index out of range"
    );
}

#[test]
fn a_reader_that_lies_is_ended() {
    for (name, frame, why) in [
        // A state that only the supervisor may name; bytes of a child that is not open; a text that is not UTF-8; a
        // frame of four gigabytes.
        (
            "state",
            r"\000\000\000\005\031\007\000\000\000\000",
            "protocol",
        ),
        ("child", r"\000\000\000\001\026x", "mixed a child"),
        (
            "text",
            r"\000\000\000\006\024\000\000\000\000\001\377",
            "protocol",
        ),
        ("long", r"\377\377\377\377\024", "protocol"),
        (
            "range",
            r"\000\000\000\014\021\000\000\000\000\000\000\000\000\377\377\377\377",
            "a range",
        ),
    ] {
        let mut kept = Kept::default();
        let (_folder, mut readers) =
            impostor(&format!("printf '{frame}' >&0; while :; do :; done"));
        let outcome = readers
            .read("a", b"bytes".as_slice(), &mut kept)
            .expect("it starts");
        assert!(
            outcome.state == State::Crashed && outcome.reason.contains(why),
            "{name}: {outcome:?}"
        );
    }
}

#[test]
fn a_source_that_fails_is_no_state_of_the_item() {
    struct Broken;
    impl Source for Broken {
        fn size(&self) -> io::Result<u64> {
            Ok(10)
        }
        fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
            Err(io::Error::other("the vault is away"))
        }
    }
    let error = readers(Limits::default())
        .read("a", &Broken, &mut Kept::default())
        .expect_err("no bytes");
    assert!(matches!(error, ExtractError::Source(_)), "{error}");
}

#[test]
fn a_program_that_is_not_there_or_not_ours_is_an_error() {
    for program in ["/nonexistent/extract-worker", "/bin/true", "/bin/false"] {
        let mut readers = Readers::new(program.into(), Limits::default());
        assert!(
            readers
                .read("a", b"a".as_slice(), &mut Kept::default())
                .is_err(),
            "{program}"
        );
    }
}
