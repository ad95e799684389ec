//! What is read of pictures, films, archives and messages that are made byte by byte here.

#![allow(clippy::expect_used)]

mod kept;

use comity_extract::State;
use kept::{end_of, read};
use std::io::{Cursor, Write};

#[test]
fn a_picture_says_when_where_and_with_what_it_was_taken() {
    let file = include_bytes!("../../../testdata/samples/evidence/photos/crater north.jpg");
    let (outcome, kept) = read("crater north.jpg", file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!((kept.field("width"), kept.field("height")), ("240", "176"));
    // 48° 1′ 23.45″ N, 37° 48′ 12.34″ E, as the sample says.
    assert_eq!(kept.field("position"), "48.023181,37.803428");
    // The camera did not say in which zone its clock was, so no offset is given.
    assert_eq!(
        (kept.field("modified"), kept.field("camera")),
        ("2025-02-14T10:05:00", "Invented Camera 1")
    );
}

fn sized(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
}

#[test]
fn a_film_says_when_and_where_it_was_taken() {
    let mut header = vec![0; 100];
    // 14 February 2025 06:10 UTC in seconds since 1904; 2.5 seconds long.
    header[4..8].copy_from_slice(&(1_739_513_400_u32 + 2_082_844_800).to_be_bytes());
    header[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    header[16..20].copy_from_slice(&2500_u32.to_be_bytes());
    let place = sized(
        &[0xa9, b'x', b'y', b'z'],
        b"\x00\x12\x15\xc7+48.0195+037.8034+120.0/",
    );
    let moov = sized(
        b"moov",
        &[sized(b"mvhd", &header), sized(b"udta", &place)].concat(),
    );
    let file = [
        sized(b"ftyp", b"isom\x00\x00\x02\x00isommp41"),
        moov,
        sized(b"mdat", &[7; 500]),
    ]
    .concat();
    let (outcome, kept) = read("film.mp4", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    assert_eq!(
        (kept.field("created"), kept.field("duration")),
        ("2025-02-14T06:10:00Z", "2.500")
    );
    assert_eq!(
        (kept.field("position"), kept.field("altitude")),
        ("48.019500,37.803400", "120.0")
    );
    assert!(read("cut.mp4", &file[..60]).0.state == State::Damaged);
}

#[test]
fn rtf_is_read_in_its_code_pages_with_what_it_hides() {
    let file = br"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0\fcharset204 Times;}{\f1\fcharset0 Arial;}}{\info{\title \'cd\'e0\'ea\'e0\'e7}\
{\creatim\yr2025\mo2\dy14\hr9\min30}}{\*\generator x;}\f0 \'cd\'e0\'ea\'e0\'e7 \u8470? 7\par {\v hidden}{\deleted gone}shown\par}";
    let (outcome, kept) = read("order.rtf", file);
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "application/rtf")
    );
    let expected = [
        "[paragraph 1] Наказ № 7",
        "[paragraph 2] shown",
        "[paragraph 2, deleted 1] gone",
        "[paragraph 2, hidden 1] hidden",
    ];
    assert_eq!(kept.passages, expected);
    assert_eq!(
        (kept.field("title"), kept.field("created")),
        ("Наказ", "2025-02-14T09:30:00")
    );
    let deep = [&b"{\\rtf1 "[..], &b"{".repeat(1_000_000)].concat();
    assert_eq!(read("deep.rtf", &deep).0.state, State::Damaged);
}

/// A message of Outlook: a compound file of streams.
fn outlook(streams: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).expect("in memory");
    for (path, bytes) in streams {
        if let Some((storage, _)) = path
            .rsplit_once('/')
            .filter(|(storage, _)| !storage.is_empty())
        {
            file.create_storage_all(storage).expect("in memory");
        }
        file.create_stream(path)
            .and_then(|mut stream| stream.write_all(bytes))
            .expect("in memory");
    }
    file.into_inner().into_inner()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn an_outlook_message_has_recipients_and_attachments() {
    let mut fixed = vec![0; 32];
    fixed.extend([0x40, 0, 0x39, 0, 6, 0, 0, 0]);
    fixed.extend(133_839_870_000_000_000_u64.to_le_bytes());
    let mut recipient = vec![0; 8];
    recipient.extend([3, 0, 0x15, 0x0c, 6, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    let file = outlook(&[
        ("/__properties_version1.0", fixed),
        ("/__substg1.0_0037001F", wide("Фото")),
        ("/__substg1.0_0C1A001F", wide("Грім")),
        ("/__substg1.0_5D01001F", wide("grim@example.org")),
        ("/__substg1.0_1000001F", wide("перший\r\n\r\nдругий")),
        (
            "/__recip_version1.0_#00000000/__properties_version1.0",
            recipient,
        ),
        (
            "/__recip_version1.0_#00000000/__substg1.0_3001001F",
            wide("Registry"),
        ),
        (
            "/__attach_version1.0_#00000000/__substg1.0_3707001F",
            wide("фото.jpg"),
        ),
        (
            "/__attach_version1.0_#00000000/__substg1.0_37010102",
            b"\xff\xd8\xff".to_vec(),
        ),
    ]);
    let (outcome, kept) = read("0001.msg", &file);
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "application/vnd.ms-outlook"),
        "{outcome:?}"
    );
    assert_eq!(
        (kept.field("from"), kept.field("sent")),
        ("Грім <grim@example.org>", "2025-02-14T06:10:00Z")
    );
    assert_eq!(
        (kept.field("cc"), kept.field("subject")),
        ("Registry", "Фото")
    );
    assert_eq!(
        kept.passages,
        [
            "[part 1, paragraph 1] перший",
            "[part 1, paragraph 2] другий"
        ]
    );
    assert_eq!(
        (
            kept.children[0].0.path.as_str(),
            kept.children[0].1.as_slice()
        ),
        ("фото.jpg", &b"\xff\xd8\xff"[..])
    );
}

#[test]
fn an_old_word_document_is_read_piece_by_piece() {
    let (first, second) = (b"Order ".as_slice(), wide("№ 7\rвогонь\r"));
    let mut document = vec![0; 0x600];
    document[0..2].copy_from_slice(&0xa5ec_u16.to_le_bytes());
    document[2..4].copy_from_slice(&193_u16.to_le_bytes());
    document[76..80].copy_from_slice(&17_u32.to_le_bytes());
    document[0x1a6..0x1aa].copy_from_slice(&(5_u32 + 4 * 3 + 8 * 2).to_le_bytes());
    let place = document.len() as u32;
    document.extend(first);
    document.extend(&second);
    let mut table = vec![2];
    table.extend((4_u32 * 3 + 8 * 2).to_le_bytes());
    for position in [0_u32, 6, 17] {
        table.extend(position.to_le_bytes());
    }
    for fc in [(place * 2) | 0x4000_0000, place + 6] {
        table.extend([&[0, 0], &fc.to_le_bytes()[..], &[0, 0]].concat());
    }
    let (outcome, kept) = read(
        "order.doc",
        &outlook(&[
            ("/WordDocument", document.clone()),
            ("/0Table", table.clone()),
        ]),
    );
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "application/msword"),
        "{outcome:?}"
    );
    assert_eq!(
        kept.passages,
        ["[paragraph 1] Order № 7", "[paragraph 2] вогонь"]
    );
    document[10..12].copy_from_slice(&0x100_u16.to_le_bytes());
    let locked = outlook(&[("/WordDocument", document), ("/0Table", table)]);
    assert_eq!(read("order.doc", &locked).0.state, State::Encrypted);
}

#[test]
fn an_old_workbook_is_read_cell_by_cell() {
    let record = |kind: u16, body: &[u8]| {
        [
            &kind.to_le_bytes(),
            &(body.len() as u16).to_le_bytes(),
            body,
        ]
        .concat()
    };
    let globals = [
        record(0x809, &[0, 6, 5, 0, 0, 0, 0, 0]),
        record(0xe0, &[0, 0, 0, 0, 0, 0]),
        record(0xe0, &[0, 0, 22, 0, 0, 0]),
        record(
            0xfc,
            &[&[1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 1][..], &wide("Грім")].concat(),
        ),
    ]
    .concat();
    let sheet = |at: u32| {
        record(
            0x85,
            &[&at.to_le_bytes()[..], &[0, 0, 2, 1], &wide("Аб")].concat(),
        )
    };
    let begins = globals.len() + sheet(0).len();
    let cells = [
        record(0x809, &[0, 6, 0x10, 0, 0, 0, 0, 0]),
        record(0xfd, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        record(
            0x203,
            &[&[0, 0, 1, 0, 1, 0][..], &45_702.25_f64.to_le_bytes()].concat(),
        ),
        record(
            0x27e,
            &[
                &[4, 0, 2, 0, 0, 0][..],
                &((1234_u32 << 2) | 3).to_le_bytes(),
            ]
            .concat(),
        ),
        record(0x0a, &[]),
    ]
    .concat();
    let workbook = [globals, sheet(begins as u32), cells].concat();
    let (outcome, kept) = read("calls.xls", &outlook(&[("/Workbook", workbook)]));
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "application/vnd.ms-excel"),
        "{outcome:?}"
    );
    let expected = [
        "[sheet 1, row 1, column 1] Грім",
        "[sheet 1, row 1, column 2] 2025-02-14T06:00:00",
        "[sheet 1, row 5, column 3] 12.34",
    ];
    assert_eq!(
        (kept.passages.as_slice(), kept.field("sheet")),
        (&expected.map(String::from)[..], "Аб")
    );
}

#[test]
fn rar_is_listed_and_what_is_stored_comes_out() {
    let block = |body: &[u8]| [&[0, 0, 0, 0][..], &[body.len() as u8], body].concat();
    let member = |name: &[u8], compression: u8, data: &[u8]| {
        let head = [
            &[
                2,
                2,
                data.len() as u8,
                0,
                5,
                0,
                compression,
                0,
                name.len() as u8,
            ][..],
            name,
        ]
        .concat();
        [block(&head), data.to_vec()].concat()
    };
    let file = [
        b"Rar!\x1a\x07\x01\x00".to_vec(),
        block(&[1, 0, 0]),
        member("наказ.txt".as_bytes(), 0, b"order"),
        // Method 3, in the bits from 7 on, needs a second byte.
        [
            block(&[2, 2, 3, 0, 5, 0, 0x80, 3, 0, 1, b'b']),
            b"xyz".to_vec(),
        ]
        .concat(),
        block(&[5, 0, 0]),
    ]
    .concat();
    let (outcome, kept) = read("a.rar", &file);
    assert_eq!(outcome.state, State::InPart, "{outcome:?}");
    assert_eq!(
        (
            kept.children[0].0.path.as_str(),
            kept.children[0].1.as_slice()
        ),
        ("наказ.txt", &b"order"[..])
    );
    assert_eq!(
        (kept.children[1].0.path.as_str(), end_of(&kept.children[1])),
        ("b", State::Unsupported)
    );
}

#[test]
fn a_name_that_lies_about_the_type_is_noted() {
    let (_, kept) = read(
        "holiday.jpg",
        b"Order No 7: open fire at the school at half past six.",
    );
    assert!(
        kept.field("name_disagrees").starts_with(".jpg: "),
        "{:?}",
        kept.fields
    );
    let (_, kept) = read(
        "order.txt",
        b"Order No 7: open fire at the school at half past six.",
    );
    assert_eq!(kept.field("name_disagrees"), "");
}
