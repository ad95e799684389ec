//! What is read of files within files, and of drawings and notes, that are made byte by byte in `made`.

#![allow(clippy::expect_used)]

mod kept;
mod made;

use comity_extract::State;
use kept::{Kept, end_of, read, zip};
use made::WORDS;

/// The file has one child of this name with exactly these bytes.
fn holds(name: &str, file: &[u8], path: &str, content: &[u8]) -> Kept {
    let (outcome, kept) = read(name, file);
    assert_eq!(
        outcome.state,
        State::Read,
        "{name}: {outcome:?} {:?}",
        kept.missing
    );
    assert_eq!(kept.children[0].0.path, path, "{name}");
    assert_eq!(kept.children[0].1, content, "{name}");
    assert_eq!(end_of(&kept.children[0]), State::Read, "{name}");
    kept
}

#[test]
fn compressed_files_give_their_content_whatever_compressed_them() {
    // Long enough that codes of LZW stand for long runs.
    let words = format!("{WORDS} {WORDS}");
    let bytes = words.as_bytes();
    holds("order.txt.zlib", &made::zlib(bytes), "order.txt", bytes);
    holds("order.txt.sz", &made::snappy(bytes), "order.txt", bytes);
    holds("order.txt.Z", &made::lzw(bytes), "order.txt", bytes);
    // A letter, and itself copied 21 times, each time from just before.
    let run = format!("{}helloend", "a".repeat(22));
    holds("run.lz4", &made::lz4(), "run", run.as_bytes());
    // One run of a byte: each code is the one that is being made.
    holds("run.Z", &made::lzw(&[b'a'; 300]), "run", &[b'a'; 300]);
    // Brotli, with its bytes as they are: a window, a block of nine bytes, the end.
    let brotli = b"\x0b\x04\x80fire 0615\x03";
    holds("order.br", brotli, "order", b"fire 0615");
    // Without its ending nothing says that it is one.
    assert_eq!(read("order", brotli).0.state, State::Unsupported);
}

#[test]
fn members_of_cpio_have_path_time_and_bytes() {
    let file = made::cpio(&[
        ("../../etc/passwd", b"first"),
        ("two.txt", WORDS.as_bytes()),
    ]);
    let kept = holds("a.cpio", &file, "../../etc/passwd", b"first");
    assert_eq!(kept.children[1].1, WORDS.as_bytes());
    assert_eq!(kept.children[1].0.modified, "2025-02-14T06:10:00Z");
    let (outcome, kept) = read("cut.cpio", &file[..file.len() - 150]);
    assert_eq!(
        (outcome.state, kept.children.len()),
        (State::InPart, 2),
        "{outcome:?}"
    );
}

#[test]
fn a_tar_without_its_mark_is_known_by_its_sum() {
    let mut head = vec![0; 512];
    head[..9].copy_from_slice(b"order.txt");
    head[124..135].copy_from_slice(b"00000000004");
    head[148..156].copy_from_slice(b"        ");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut file = [&head[..], b"fire"].concat();
    file.resize(512 * 4, 0);
    holds("a.tar", &file, "order.txt", b"fire");
}

#[test]
fn a_signed_file_is_taken_out_of_its_signature() {
    let kept = holds(
        "order.txt.p7m",
        &made::signed(WORDS.as_bytes()),
        "order.txt",
        WORDS.as_bytes(),
    );
    assert_eq!(
        kept.field("author"),
        "a signer whose certificate is not in the file"
    );
    let file = made::stamped(WORDS.as_bytes());
    let kept = holds("order.txt.tsd", &file, "order.txt", WORDS.as_bytes());
    let stamp = &kept.children[1];
    assert_eq!(stamp.0.path, "time stamp 1.tst");
    assert_eq!(
        read("stamp.tst", &stamp.1).1.field("created"),
        "2025-02-14T06:10:00Z"
    );
}

#[test]
fn pages_of_compiled_help_are_unpacked() {
    let pages: [(&str, &[u8]); 2] = [
        ("/first.htm", b"<html>first page"),
        ("/second.htm", b"second page"),
    ];
    let kept = holds(
        "manual.chm",
        &made::chm(&pages),
        "first.htm",
        b"<html>first page",
    );
    assert_eq!(kept.children[1].1, b"second page");
    assert_eq!((kept.children.len(), kept.field("title")), (2, "Manual"));
}

#[test]
fn a_file_of_a_macintosh_gives_its_data() {
    let file = made::apple_single("order.txt", WORDS.as_bytes());
    let kept = holds("._order", &file, "order.txt", WORDS.as_bytes());
    assert_eq!(kept.media, "application/applefile");
}

#[test]
fn printed_pages_are_read_line_by_line_in_their_order() {
    let page: Vec<u8> = made::wide(
        "\u{feff}<FixedPage><Glyphs OriginY='10' UnicodeString='Наказ '/><Glyphs OriginY='10' UnicodeString='№ 17'/>\
         <Glyphs OriginY='30' UnicodeString='{}{вогонь}'/></FixedPage>",
    );
    let file = zip(&[
        ("Documents/1/Pages/2.fpage", page.as_slice()),
        ("Documents/1/Pages/1.fpage", b"<FixedPage><Glyphs UnicodeString='last'/></FixedPage>"),
        ("Documents/1/FixedDoc.fdoc", b"<D><PageContent Source='Pages/2.fpage'/><PageContent Source='/Documents/1/Pages/1.fpage'/></D>"),
        ("Seq.fdseq", b"<S><DocumentReference Source='/Documents/1/FixedDoc.fdoc'/></S>"),
    ]);
    let (outcome, kept) = read("print.xps", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let expected = [
        "[page 1, line 1] Наказ № 17",
        "[page 1, line 2] {вогонь}",
        "[page 2, line 1] last",
    ];
    assert_eq!(kept.passages, expected);
}

#[test]
fn metafiles_are_read_line_by_line() {
    let (outcome, kept) = read("icon.emf", &made::emf(WORDS));
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let first = format!("[line 1] {WORDS} (копія)");
    assert_eq!(kept.passages, [first.as_str(), "[line 2] below"]);
    // The font says which letters they are.
    assert_eq!(
        read("old.wmf", &made::wmf()).1.passages,
        ["[line 1] Наказ!"]
    );
}

#[test]
fn a_notebook_keeps_what_stood_there_before() {
    let (outcome, kept) = read("notes.one", &made::onenote());
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let now = format!("[paragraph 2] {WORDS}");
    assert_eq!(kept.passages, ["[paragraph 1] Наказ, перша редакція", &now]);
}

#[test]
fn a_compound_file_without_its_last_sectors_is_read_in_part() {
    let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).expect("in memory");
    std::io::Write::write_all(
        &mut file.create_stream("/CONTENTS").expect("in memory"),
        &[b'x'; 9000],
    )
    .expect("in memory");
    let mut bytes = file.into_inner().into_inner();
    bytes.truncate(bytes.len() - 8192);
    let (outcome, kept) = read("object.bin", &bytes);
    assert_eq!(
        outcome.state,
        State::InPart,
        "{outcome:?} {:?}",
        kept.missing
    );
    // Nothing is made up for what is not there.
    assert_eq!(end_of(&kept.children[0]), State::Damaged);
    assert!(!kept.children[0].1.contains(&0));
    assert!(
        kept.missing[0].contains("beyond its end"),
        "{:?}",
        kept.missing
    );
}

#[test]
fn documents_in_documents_are_children_with_the_same_bytes_each_time() {
    let file = made::compound(&[
        ("/WordDocument", vec![0; 512]),
        ("/ObjectPool/_1/WordDocument", WORDS.as_bytes().to_vec()),
        ("/ObjectPool/_1/1Table", vec![7; 5000]),
        ("/ObjectPool/_2/\u{3}EPRINT", made::emf(WORDS)),
        (
            "/Data",
            made::inline_picture(b"\x89PNG\r\n\x1a\n and so on"),
        ),
    ]);
    let (_, first) = read("order.doc", &file);
    let (_, second) = read("order.doc", &file);
    let paths: Vec<&str> = first
        .children
        .iter()
        .map(|child| child.0.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "picture 1.png",
            "ObjectPool/_1",
            "ObjectPool/_2/\u{3}EPRINT"
        ]
    );
    assert_eq!(first.children[0].1, b"\x89PNG\r\n\x1a\n and so on");
    assert_eq!(first.children[1].1, second.children[1].1);
    let mut inner = cfb::CompoundFile::open(std::io::Cursor::new(first.children[1].1.clone()))
        .expect("a compound file");
    let mut words = String::new();
    let mut stream = inner.open_stream("/WordDocument").expect("the document");
    std::io::Read::read_to_string(&mut stream, &mut words).expect("its bytes");
    assert_eq!(words, WORDS);
}

#[test]
fn macros_are_text() {
    let source = b"Sub Auto_Open()";
    let packed = |bytes: &[u8]| {
        let chunk: Vec<u8> = bytes
            .chunks(8)
            .flat_map(|eight| [&[0][..], eight].concat())
            .collect();
        [
            &[1][..],
            &((chunk.len() as u16 - 1) | 0xb000).to_le_bytes(),
            &chunk,
        ]
        .concat()
    };
    let record = |kind: u16, value: &[u8]| {
        [
            &kind.to_le_bytes()[..],
            &(value.len() as u32).to_le_bytes(),
            value,
        ]
        .concat()
    };
    let list = [
        record(0x19, b"Module1"),
        record(0x1a, b"Module1"),
        record(0x31, &3_u32.to_le_bytes()),
    ]
    .concat();
    let file = made::compound(&[
        ("/VBA/dir", packed(&list)),
        ("/VBA/Module1", [&b"xyz"[..], &packed(source)].concat()),
    ]);
    let (outcome, kept) = read("vbaProject.bin", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(kept.passages, ["[frame 1, line 1] Sub Auto_Open()"]);
    assert_eq!(kept.field("comment"), "macro Module1");
}

#[test]
fn objects_and_pictures_of_rtf_are_children() {
    let (outcome, kept) = read("order.rtf", &made::rtf_with_objects());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(kept.passages, ["[paragraph 1] shownicon"]);
    let children: Vec<(&str, &[u8])> = kept
        .children
        .iter()
        .map(|child| (child.0.path.as_str(), child.1.as_slice()))
        .collect();
    assert_eq!(
        children,
        [("picture 1.png", &b"}}{}"[..]), ("order.txt", b"fire")]
    );
}

#[test]
fn a_table_of_dbase_keeps_deleted_records() {
    let (outcome, kept) = read("units.dbf", &made::dbase());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let expected = [
        "[header 1, column 1] NAME",
        "[header 1, column 2] SINCE",
        "[record 1, column 1] Грім",
        "[record 1, column 2] 2025-02-14",
        "[record 2, column 1, deleted 1] Сосна",
        "[record 2, column 2, deleted 1] 2025-02-13",
    ];
    assert_eq!(kept.passages, expected);
}

#[test]
fn property_lists_give_texts_by_name_and_pages_as_children() {
    let kept = holds(
        "page.webarchive",
        &made::plist(),
        "http://a.test",
        b"<html>fir",
    );
    assert_eq!(
        kept.passages,
        [
            "[line 1] Title: Наказ",
            "[line 2] When: 2025-02-14T06:10:00Z"
        ]
    );
    // A list that holds itself ends.
    let mut endless = made::plist();
    endless[10] = 0;
    endless[12] = 0;
    assert_ne!(read("a.bplist", &endless).0.state, State::Crashed);
}

#[test]
fn a_message_of_outlook_on_the_internet_has_its_attachments() {
    let kept = holds("winmail.dat", &made::tnef(), "наказ.txt", WORDS.as_bytes());
    assert_eq!(kept.field("subject"), "Наказ");
    assert_eq!(kept.text.trim_end_matches('\0'), "fire at 06:15");
}

#[test]
fn masters_show_what_is_no_prompt_and_charts_what_they_were_drawn_from() {
    let shape = |inside: &str, words: &str| {
        format!("<sp>{inside}<txBody><p><r><t>{words}</t></r></p></txBody></sp>")
    };
    let master = format!(
        "<m>{}{}</m>",
        shape("<nvPr><ph type='title'/></nvPr>", "Click to edit"),
        shape("", "SECRET")
    );
    let chart = "<c><tx><strRef><strCache><pt><v>Losses</v></pt></strCache></strRef></tx><val><numCache><pt><v>7</v></pt><pt><v>9</v></pt></numCache></val></c>";
    let file = zip(&[
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("ppt/presentation.xml", b"<p/>"),
        ("ppt/slideMasters/slideMaster1.xml", master.as_bytes()),
        ("ppt/charts/chart1.xml", chart.as_bytes()),
        ("ppt/afchunk.htm", b"<html>part"),
    ]);
    let (outcome, kept) = read("a.pptx", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let expected = [
        "[header 1, paragraph 1] SECRET",
        "[frame 1, line 1] Losses",
        "[frame 1, line 2] 7\t9",
    ];
    assert_eq!(kept.passages, expected);
    assert_eq!(kept.children[0].0.path, "ppt/afchunk.htm");
}

#[test]
fn rows_of_a_database_are_read_with_their_columns_and_their_files() {
    let (outcome, kept) = read("calls.db", &made::sqlite());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(kept.field("sheet"), "calls");
    let words = format!("[sheet 1, row 1, column 2] {WORDS}");
    let expected = [
        "[sheet 1, header 1, column 1] id",
        "[sheet 1, header 1, column 2] words",
        "[sheet 1, header 1, column 3] picture",
        "[sheet 1, row 1, column 1] 7",
        &words,
        "[sheet 1, row 2, column 1] 9",
    ];
    assert_eq!(kept.passages[..6], expected);
    let long = format!("[sheet 1, row 2, column 2] {WORDS} {}", "x".repeat(700));
    assert_eq!(kept.passages[6], long);
    assert_eq!(kept.children[0].0.path, "calls/1/3");
    // A chain of pages that never ends is given up, and the rest is not.
    let mut endless = made::sqlite();
    endless[1027] = 3;
    let (outcome, kept) = read("calls.db", &endless);
    assert_eq!((outcome.state, kept.passages.len()), (State::Read, 7));
    endless.truncate(1024);
    let (outcome, kept) = read("calls.db", &endless);
    assert_eq!(
        (outcome.state, kept.passages.len()),
        (State::InPart, 5),
        "{:?}",
        kept.missing
    );
}

#[test]
fn documents_of_wordperfect_are_read_by_paragraph() {
    // A soft end of a line, a hard one, a letter of another alphabet, and a note that is not gone into.
    let file = made::wordperfect(0, b"order of\x0dfire\x0a\xc0\x1a\x0a\xc0.\xd6\0\x02\0\0\0");
    let (outcome, kept) = read("old.wp", &file);
    assert_eq!(
        kept.passages,
        ["[paragraph 1] order of fire", "[paragraph 2] М."]
    );
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(
        kept.missing,
        ["the text of 1 notes, headers, footers or boxes"]
    );
    let file = made::wordperfect(2, b"a\x80\x01\xcfb\xccc\xe0\x11\x06\0\0\0d");
    assert_eq!(
        read("new.wpd", &file).1.passages,
        ["[paragraph 1] a å b", "[paragraph 2] c\td"]
    );
    let mut locked = file;
    locked[12] = 1;
    assert_eq!(read("new.wpd", &locked).0.state, State::Encrypted);
}

#[test]
fn stories_of_a_publication_are_text() {
    let mut quill = b"CHNKINK ".to_vec();
    quill.resize(32, 0);
    let text = made::wide("Наказ\rfire");
    quill.extend(
        [
            &[24, 0][..],
            b"TEXT",
            &[0; 6],
            b"TEXT",
            &512_u32.to_le_bytes(),
            &(text.len() as u32).to_le_bytes(),
        ]
        .concat(),
    );
    quill.resize(512, 0);
    quill.extend(text);
    let (outcome, kept) = read(
        "leaflet.pub",
        &made::compound(&[("/Quill/QuillSub/CONTENTS", quill)]),
    );
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(kept.passages, ["[paragraph 1] Наказ", "[paragraph 2] fire"]);
}

#[test]
fn pictures_carry_what_programs_say_of_them() {
    let packet = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description xmp:CreatorTool='Editor 9' exif:GPSLatitude='48,1.5N' \
                  exif:GPSLongitude='37,48,36E'><dc:creator><rdf:Seq><rdf:li>Грім</rdf:li></rdf:Seq></dc:creator><dc:subject><rdf:Bag>\
                  <rdf:li>елеватор</rdf:li><rdf:li>дим</rdf:li></rdf:Bag></dc:subject><xmpMM:History><rdf:Seq><rdf:li stEvt:action='saved' \
                  stEvt:when='2025-02-15T10:00:00Z' stEvt:softwareAgent='Editor 9'/></rdf:Seq></xmpMM:History></rdf:Description></rdf:RDF></x:xmpmeta>";
    let whole = include_bytes!("../../../testdata/samples/evidence/photos/crater north.jpg");
    let body = [b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat();
    let length = (body.len() as u16 + 2).to_be_bytes();
    let file = [
        &whole[..2],
        &[0xff, 0xe1],
        &length,
        &body,
        &[0xff, 0xfe, 0, 7],
        b"seven",
        &whole[2..],
    ]
    .concat();
    let (outcome, kept) = read("crater.jpg", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let all = |name: &str| -> Vec<&str> {
        kept.fields
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    };
    assert_eq!(all("author"), ["Грім"]);
    assert_eq!(all("keywords"), ["елеватор", "дим"]);
    assert_eq!(all("software"), ["Editor 9"]);
    assert_eq!(
        all("comment"),
        ["saved 2025-02-15T10:00:00Z Editor 9", "seven"]
    );
    // What the camera wrote, and what a program wrote: both, with where they came from.
    assert_eq!(
        all("position"),
        ["48.023181,37.803428", "48.025000,37.810000"]
    );
}

#[test]
fn films_of_windows_say_how_long_they_are_and_what_they_are_called() {
    let (outcome, kept) = read("film.wmv", &made::asf());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(
        (kept.field("duration"), kept.field("created")),
        ("2.500", "2025-02-14T06:10:00Z")
    );
    assert_eq!(
        (kept.field("title"), kept.field("subject")),
        ("Обстріл", "Зоряне")
    );
    let (outcome, kept) = read("film.avi", &made::avi());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(
        (kept.field("duration"), kept.field("title")),
        ("2.000", "Вогонь")
    );
    assert_eq!((kept.field("width"), kept.field("height")), ("320", "240"));
    let cut = &made::avi()[..made::avi().len() - 8];
    assert_eq!(read("film.avi", cut).0.state, State::InPart);
}

#[test]
fn stories_and_cells_of_iwork_are_text() {
    let file = zip(&[
        ("Index/Document.iwa", made::iwa().as_slice()),
        ("preview.jpg", b"x"),
    ]);
    let kept = holds("letter.pages", &file, "Index/Document.iwa", &made::iwa());
    let (outcome, part) = read(&kept.children[0].0.path, &kept.children[0].1);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", part.missing);
    let expected = [
        "[paragraph 1] Наказ",
        "[paragraph 2] fire",
        "[paragraph 3] a cell",
    ];
    assert_eq!(part.passages, expected);
}

#[test]
fn sheets_from_before_workbooks_are_read() {
    let (outcome, kept) = read("old.xls", &made::worksheet());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let expected = [
        "[sheet 1, row 1, column 1] Наказ",
        "[sheet 1, row 1, column 2] 17.5",
        "[sheet 1, row 2, column 1] fire",
    ];
    assert_eq!(kept.passages, expected);
}

#[test]
fn a_drawing_says_whose_it_is_and_that_it_was_not_read() {
    let (outcome, kept) = read("plan.dwg", &made::dwg());
    assert_eq!(outcome.state, State::InPart, "{outcome:?}");
    assert_eq!(
        (
            kept.field("title"),
            kept.field("author"),
            kept.field("last_author")
        ),
        ("План", "Грім", "Сосна")
    );
    assert_eq!(
        (kept.field("created"), kept.field("comment")),
        ("2025-02-14T06:10:00", "17")
    );
    // Without other words, these are the text that a search finds.
    let expected = ["План", "Грім", "Сосна", "17"];
    let expected = (1..)
        .zip(expected)
        .map(|(n, words)| format!("[property {n}] {words}"));
    assert!(
        kept.passages.iter().cloned().eq(expected),
        "{:?}",
        kept.passages
    );
    assert_eq!(kept.missing, ["the drawing itself: its texts are not read"]);
}

#[test]
fn tags_of_films_and_songs_are_read_and_what_is_sung_is_text() {
    let sized = |kind: &[u8; 4], body: &[u8]| {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    };
    let item = |kind: &[u8; 4], words: &str| {
        let data = sized(
            b"data",
            &[&[0, 0, 0, 1, 0, 0, 0, 0][..], words.as_bytes()].concat(),
        );
        sized(kind, &data)
    };
    let list = [
        item(b"\xa9nam", "Пісня"),
        item(b"\xa9ART", "Грім"),
        item(b"\xa9lyr", WORDS),
    ]
    .concat();
    let handler = sized(b"hdlr", b"\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
    let meta = sized(
        b"meta",
        &[&[0; 4][..], &handler, &sized(b"ilst", &list)].concat(),
    );
    let moov = sized(
        b"moov",
        &[sized(b"mvhd", &[0; 100]), sized(b"udta", &meta)].concat(),
    );
    let file = [sized(b"ftyp", b"M4A \0\0\x02\0M4A mp42"), moov].concat();
    let (outcome, kept) = read("song.m4a", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(
        (kept.field("title"), kept.field("author")),
        ("Пісня", "Грім")
    );
    let expected = [
        "[property 1] Пісня".to_owned(),
        "[property 2] Грім".to_owned(),
        format!("[record 1] {WORDS}"),
    ];
    assert_eq!(kept.passages, expected);
}

#[test]
fn the_words_of_notes_are_read_by_track() {
    let (outcome, kept) = read("march.mid", &made::midi());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(
        (kept.field("title"), kept.field("author")),
        ("Марш", "Оркестр")
    );
    assert!(
        kept.passages.contains(&"[record 2] Колона йде".to_owned()),
        "{:?}",
        kept.passages
    );
    assert!(kept.text.contains(made::WORDS));
    let file = made::midi();
    let (_, kept) = read("march.mid", &file[..file.len() - 6]);
    assert_eq!(kept.missing, ["the rest of track 2: it is damaged"]);
}

/// Excel encrypts a workbook that is protected against changes with a passphrase of its own, which is no secret.
#[test]
fn a_document_with_the_passphrase_that_everybody_knows_is_opened() {
    let document = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        (
            "word/document.xml",
            "<document><body><p><t>Наказ про міст</t></p></body></document>".as_bytes(),
        ),
        ("word/media/noise.bin", &[0x5a; 9000]),
    ]);
    for (name, make) in [
        ("agile", made::office::agile as fn(&[u8], &str) -> Vec<u8>),
        ("standard", made::office::standard),
    ] {
        let (outcome, kept) = read("a.docx", &make(&document, "VelvetSweatshop"));
        assert_eq!(outcome.state, State::Read, "{name}: {outcome:?}");
        assert_eq!(kept.children.len(), 1, "{name}");
        assert_eq!(kept.children[0].1, document, "{name}");
        let (outcome, kept) = read("a.docx", &make(&document, "Velvet"));
        assert_eq!(outcome.state, State::Encrypted, "{name}");
        assert!(kept.children.is_empty(), "{name}");
    }
}
