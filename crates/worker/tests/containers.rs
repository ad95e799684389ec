//! What is read of pictures, films, archives and messages that are made byte by byte here.

#![allow(clippy::expect_used)]

mod kept;

use comity_extract::{Limits, State};
use kept::{Kept, end_of, read, readers};
use rars::{ArchiveVersion, Builder};
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

const LINE: &str = "14 лютого. Колона зайшла до села о шостій ранку. ";

/// A text that packs to some kilobytes: each line has a number of its own.
fn diary() -> String {
    let numbers = (0..300u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20);
    numbers.map(|number| format!("{LINE}{number}\n")).collect()
}

/// Three files and a folder.
fn rar(version: ArchiveVersion, is_solid: bool) -> Vec<u8> {
    let mut rar = Builder::new(version).solid(is_solid);
    let mut add = |name: &str, bytes: Vec<u8>| {
        let name = name.as_bytes().to_vec();
        rar.add_bytes(name, bytes, None, None).expect("a member");
    };
    add("order.txt", b"Order No 7: open fire".to_vec());
    add("diary.txt", diary().into_bytes());
    add("evidence/copy.txt", LINE.repeat(300).into_bytes());
    rar.add_directory(b"empty".to_vec(), None, None)
        .expect("a folder");
    rar.to_bytes().expect("an archive")
}

fn place(file: &[u8], of: &[u8]) -> usize {
    let mut all = file.windows(of.len());
    all.position(|here| here == of).expect("it is there")
}

fn given(kept: &Kept) -> Vec<(&str, usize, State)> {
    let child = |child: &(comity_extract::Child, Vec<u8>, _)| child.1.len();
    let each = kept.children.iter();
    each.map(|one| (one.0.path.as_str(), child(one), end_of(one)))
        .collect()
}

#[test]
fn members_of_rar_are_unpacked() {
    let diary = diary();
    for version in [
        ArchiveVersion::Rar15,
        ArchiveVersion::Rar20,
        ArchiveVersion::Rar40,
        ArchiveVersion::Rar50,
        ArchiveVersion::Rar70,
    ] {
        for is_solid in [false, true] {
            let (outcome, kept) = read("a.rar", &rar(version, is_solid));
            assert_eq!(outcome.state, State::Read, "{version} {:?}", kept.missing);
            assert_eq!(
                given(&kept),
                [
                    ("order.txt", 21, State::Read),
                    ("diary.txt", diary.len(), State::Read),
                    ("evidence/copy.txt", LINE.len() * 300, State::Read),
                ],
                "{version}, solid: {is_solid}"
            );
            assert_eq!(kept.children[1].1, diary.as_bytes());
        }
    }
}

#[test]
fn what_is_damaged_in_rar_is_lost_and_the_rest_is_not() {
    for version in [ArchiveVersion::Rar40, ArchiveVersion::Rar50] {
        // A byte in the middle of the packed diary: the others do not need it, unless the archive is solid.
        for (is_solid, last) in [(false, State::Read), (true, State::Damaged)] {
            let mut file = rar(version, is_solid);
            let name = place(&file, b"diary.txt");
            file[name + 200] ^= 0x40;
            let (outcome, kept) = read("a.rar", &file);
            assert_eq!(outcome.state, State::InPart);
            let ends: Vec<_> = given(&kept).iter().map(|one| one.2).collect();
            assert_eq!(ends, [State::Read, State::Damaged, last], "{version}");
        }
        // Cut off in the last member, or in the header of one.
        let file = rar(version, false);
        let name = place(&file, b"evidence");
        let (outcome, kept) = read("a.rar", &file[..place(&file, b"empty") - 40]);
        assert_eq!(outcome.state, State::InPart);
        let ends: Vec<_> = given(&kept).iter().map(|one| one.2).collect();
        assert_eq!(
            ends,
            [State::Read, State::Read, State::Damaged],
            "{version}"
        );
        let (outcome, kept) = read("a.rar", &file[..name - 3]);
        assert_eq!((outcome.state, kept.children.len()), (State::InPart, 2));
    }
}

#[test]
fn members_of_rar_that_are_encrypted_or_packed_too_well_are_named() {
    let block = |body: &[u8]| {
        let sized = [&[body.len() as u8], body].concat();
        [&crc32fast::hash(&sized).to_le_bytes(), &sized[..]].concat()
    };
    // The last record says that the member is encrypted.
    let member = |name: &[u8; 5]| {
        let record = [&[36, 1, 0, 0, 15][..], &[7; 32]].concat();
        let head = [&[2, 3, 37, 4, 0, 9, 0, 0, 0, 5][..], name, &record].concat();
        [&block(&head), &b"1234"[..]].concat()
    };
    // Alone, and in a solid archive.
    for flags in [0, 4] {
        let mut file = b"Rar!\x1a\x07\x01\x00".to_vec();
        file.extend(block(&[1, 0, flags]));
        file.extend([member(b"a.txt"), member(b"b.txt"), block(&[5, 0, 0])].concat());
        let (outcome, kept) = read("a.rar", &file);
        assert_eq!(outcome.state, State::InPart);
        let lost = [
            ("a.txt", 0, State::Encrypted),
            ("b.txt", 0, State::Encrypted),
        ];
        assert_eq!(given(&kept), lost);
    }

    let mut rar = Builder::new(ArchiveVersion::Rar50);
    for name in ["a", "b", "c"] {
        let zeros = vec![0; 400 << 10];
        rar.add_bytes(name.as_bytes().to_vec(), zeros, None, None)
            .expect("a member");
    }
    let limits = Limits {
        children_bytes: 1 << 20,
        ..Limits::default()
    };
    let (mut kept, file) = (Kept::default(), rar.to_bytes().expect("an archive"));
    let read = readers(limits).read("a.rar", &file, &mut kept);
    assert_eq!(read.expect("the worker runs").state, State::OverLimit);
    let ends: Vec<_> = given(&kept).iter().map(|one| one.2).collect();
    assert_eq!(ends, [State::Read, State::Read, State::OverLimit]);
}

#[test]
fn headers_of_rar_without_number_end_at_a_limit() {
    // Empty members in headers of seventeen bytes.
    let member = [12, 2, 0, 0, 0, 0, 0, 0, 4, b'a', b'.', b't', b'x'];
    let member = [&crc32fast::hash(&member).to_le_bytes(), &member[..]].concat();
    let mut file = b"Rar!\x1a\x07\x01\x00".to_vec();
    let main = [3, 1, 0, 0];
    file.extend([&crc32fast::hash(&main).to_le_bytes(), &main[..]].concat());
    file.extend(member.repeat(500_001));
    let (outcome, kept) = read("a.rar", &file);
    assert_eq!(outcome.state, State::OverLimit, "{outcome:?}");
    assert_eq!(kept.children.len(), 499_999);
}

#[test]
fn names_of_rar_4_are_those_in_unicode() {
    let mut rar = Builder::new(ArchiveVersion::Rar40);
    // The name in a code page, a zero, and the letters of «наказ.txt» from the high byte 4 on.
    let name = [
        &b"?????.txt\0\x04"[..],
        b"\x55\x3d\x30\x3a\x30",
        b"\x40\x37.tx",
        b"\0t",
    ]
    .concat();
    rar.add_bytes(
        "наказ.txt".as_bytes().to_vec(),
        b"order".to_vec(),
        None,
        None,
    )
    .expect("a member");
    rar.set_legacy_unicode_name("наказ.txt".as_bytes(), name)
        .expect("a name");
    rar.add_bytes(b"orders\\7.txt".to_vec(), b"order".to_vec(), None, None)
        .expect("a member");
    let (_, kept) = read("a.rar", &rar.to_bytes().expect("an archive"));
    let given = given(&kept);
    assert_eq!(given[0], ("наказ.txt", 5, State::Read));
    assert_eq!(given[1], ("orders/7.txt", 5, State::Read));
    // Nothing else stands for these names.
    assert!(kept.children.iter().all(|one| one.0.path_bytes.is_empty()));
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
