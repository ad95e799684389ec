//! What is read of each format, with the places that citations point at.

#![allow(clippy::expect_used)]

mod kept;

use comity_extract::{Asked, Relation, State};
use kept::{ask, end_of, read, zip};

#[test]
fn a_word_document_has_notes_comments_and_what_was_deleted() {
    let document = "<w:document xmlns:w='w'><w:body><w:p><w:r><w:t>Наказ</w:t><w:tab/><w:t>№ 7</w:t></w:r>\
        <w:del><w:r><w:delText>вогонь по школі</w:delText></w:r></w:del></w:p>\
        <mc:AlternateContent><mc:Choice><w:p><w:t>A &amp; B</w:t></w:p></mc:Choice>\
        <mc:Fallback><w:pict><w:t>twice</w:t></w:pict></mc:Fallback></mc:AlternateContent></w:body></w:document>";
    let comments = "<w:comments xmlns:w='w'><w:comment w:id='0' w:author='Грім'><w:p><w:t>виправити</w:t></w:p>\
        </w:comment></w:comments>";
    let core = "<cp:coreProperties><dc:creator>Автор</dc:creator><dcterms:created>2025-02-14T09:30:00Z\
        </dcterms:created></cp:coreProperties>";
    let file = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", b"<Relationships/>"),
        ("word/document.xml", document.as_bytes()),
        ("word/comments.xml", comments.as_bytes()),
        ("word/media/image1.png", b"\x89PNG"),
        ("docProps/core.xml", core.as_bytes()),
    ]);
    let (outcome, kept) = read("наказ.docx", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let expected = [
        "[paragraph 1] Наказ\t№ 7",
        "[paragraph 1, deleted 1] вогонь по школі",
        "[paragraph 2] A & B",
        "[comment 1, paragraph 1] виправити",
    ];
    assert_eq!(kept.passages, expected);
    assert_eq!(
        (kept.field("created"), kept.field("author")),
        ("2025-02-14T09:30:00Z", "Автор")
    );
    assert_eq!(
        (
            kept.children[0].0.path.as_str(),
            kept.children[0].0.relation
        ),
        ("word/media/image1.png", Relation::Embedded)
    );
}

#[test]
fn a_map_has_its_places_and_a_text_the_dates_that_it_speaks_of() {
    let map = "<?xml version='1.0'?><kml><Document><Placemark><name>Склад</name><Point><coordinates>\n\
        30.5234,50.4501,0\n</coordinates></Point></Placemark></Document></kml>";
    let (outcome, kept) = read("places.kml", map.as_bytes());
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    assert_eq!(kept.field("position"), "50.450100,30.523400");
    let track = "<?xml version='1.0'?><gpx><trk><trkseg><trkpt lat='50.4501' lon='30.5234'/></trkseg></trk></gpx>";
    let (_, kept) = read("track.gpx", track.as_bytes());
    assert_eq!(kept.field("position"), "50.450100,30.523400");
    let text =
        "Складено 24 лютого 2022 р. у квадраті 36UUA2418291607; лист її бригади від 03/04/2022.";
    let (_, kept) = read("akt.txt", text.as_bytes());
    assert_eq!(kept.field("date"), "2022-02-24");
    assert_eq!(kept.field("date_ambiguous"), "2022-03-04 or 2022-04-03");
    assert_eq!(kept.field("language_detected"), "uk");
    assert_eq!(kept.field("position"), "50.450099,30.523404");
}

#[test]
fn a_workbook_has_cells_with_dates_as_dates() {
    let workbook = "<workbook xmlns:r='r'><sheets><sheet name='Дзвінки' sheetId='1' r:id='rId1'/></sheets></workbook>";
    let relations =
        "<Relationships><Relationship Id='rId1' Target='worksheets/sheet1.xml'/></Relationships>";
    let sheet = "<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' s='1'><v>45702.277777778</v></c>\
        </row><row r='3'><c r='C3' t='inlineStr'><is><t>Грім</t></is></c><c r='D3'><f>1+1</f><v>2</v></c></row>\
        </sheetData></worksheet>";
    let file = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        (
            "xl/sharedStrings.xml",
            "<sst><si><r><t>Со</t></r><r><t>сна</t></r></si></sst>".as_bytes(),
        ),
        (
            "xl/styles.xml",
            b"<styleSheet><cellXfs><xf numFmtId='0'/><xf numFmtId='22'/></cellXfs></styleSheet>",
        ),
        (
            "xl/drawings/drawing1.xml",
            b"<d xmlns:a='a'><a:p><a:r><a:t>frame</a:t></a:r></a:p></d>",
        ),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ]);
    let (outcome, kept) = read("calls.xlsx", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    let expected = [
        "[sheet 1, row 1, column 1] Сосна",
        "[sheet 1, row 1, column 2] 2025-02-14T06:40:00",
        "[sheet 1, row 3, column 3] Грім",
        "[sheet 1, row 3, column 4] 2",
        "[frame 1, paragraph 1] frame",
    ];
    assert_eq!(kept.passages, expected);
    assert_eq!(kept.field("sheet"), "Дзвінки");
}

#[test]
fn slides_come_as_they_are_shown_with_the_speakers_notes() {
    let show = "<p:presentation xmlns:r='r'><p:sldIdLst><p:sldId id='256' r:id='rId2'/><p:sldId id='257' r:id='rId1'/>\
        </p:sldIdLst></p:presentation>";
    let relations = "<Relationships><Relationship Id='rId1' Target='slides/slide1.xml'/>\
        <Relationship Id='rId2' Target='slides/slide2.xml'/></Relationships>";
    let notes = "<Relationships><Relationship Id='x' Target='../notesSlides/notesSlide1.xml'/></Relationships>";
    let slide =
        |text: &str| format!("<p:sld xmlns:a='a'><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>");
    let file = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("ppt/presentation.xml", show.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", relations.as_bytes()),
        ("ppt/slides/slide1.xml", slide("second").as_bytes()),
        ("ppt/slides/slide2.xml", slide("first").as_bytes()),
        ("ppt/slides/_rels/slide2.xml.rels", notes.as_bytes()),
        (
            "ppt/notesSlides/notesSlide1.xml",
            slide("say nothing").as_bytes(),
        ),
    ]);
    let (outcome, kept) = read("show.pptx", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let expected = [
        "[slide 1, paragraph 1] first",
        "[slide 1, note 1, paragraph 1] say nothing",
        "[slide 2, paragraph 1] second",
    ];
    assert_eq!(kept.passages, expected);
}

#[test]
fn open_documents_have_paragraphs_cells_and_comments() {
    let content = "<office:document-content><office:body><office:text><text:p>Перший<text:s text:c='2'/>абзац\
        <office:annotation><dc:creator>x</dc:creator><text:p>примітка</text:p></office:annotation></text:p>\
        <table:table table:name='Аркуш'><table:table-row table:number-rows-repeated='2'/><table:table-row>\
        <table:table-cell table:number-columns-repeated='3'/><table:table-cell><text:p>Грім</text:p>\
        </table:table-cell></table:table-row></table:table></office:text></office:body></office:document-content>";
    let file = zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", content.as_bytes()),
        ("meta.xml", "<m><dc:title>Звіт</dc:title></m>".as_bytes()),
    ]);
    let (outcome, kept) = read("звіт.odt", &file);
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    let expected = [
        "[comment 1, paragraph 1] примітка",
        "[paragraph 2] Перший  абзац",
        "[sheet 1, row 3, column 4] Грім",
    ];
    assert_eq!(kept.passages, expected);
    assert_eq!(kept.field("title"), "Звіт");

    let manifest = b"<manifest:manifest><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>";
    let file = zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", b"\x01\x02"),
        ("META-INF/manifest.xml", manifest),
    ]);
    assert_eq!(read("a.odt", &file).0.state, State::Encrypted);
}

const MAIL: &str = "From: =?utf-8?B?0JPRgNGW0Lw=?= <grim@example.org>\r\nTo: a@example.org, b@example.org\r\n\
    Date: Fri, 14 Feb 2025 13:02:11 +0200\r\nSubject: photo\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=koi8-u\r\n\
    Content-Transfer-Encoding: base64\r\n\r\n5MHN0A==\r\n--x\r\nContent-Type: text/plain; charset=windows-1251; name=order.txt\r\n\
    Content-Disposition: attachment; filename=order.txt\r\nContent-Transfer-Encoding: base64\r\n\r\n7eDq4Oc=\r\n--x\r\n\
    Content-Type: message/rfc822\r\n\r\nFrom: c@example.org\r\nSubject: inner\r\n\r\ninner text\r\n--x--\r\n";

#[test]
fn a_message_has_its_attachments_with_exactly_their_bytes() {
    let (outcome, kept) = read("0001.eml", MAIL.as_bytes());
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "message/rfc822"),
        "{outcome:?}"
    );
    assert_eq!(
        (kept.field("from"), kept.field("sent")),
        ("Грім <grim@example.org>", "2025-02-14T13:02:11+02:00")
    );
    assert_eq!(
        kept.fields.iter().filter(|(name, _)| name == "to").count(),
        2
    );
    assert_eq!(kept.passages, ["[part 2, paragraph 1] Дамп"]);
    let children: Vec<_> = kept
        .children
        .iter()
        .map(|child| (child.0.path.as_str(), child.1.as_slice()))
        .collect();
    // The bytes of the attachment as Windows-1251 wrote them, and not what a mail program shows.
    assert_eq!(children[0], ("order.txt", &b"\xed\xe0\xea\xe0\xe7"[..]));
    assert!(
        children[1].0 == "inner.eml" && children[1].1.starts_with(b"From: c@example.org\r\n"),
        "{children:?}"
    );
}

/// Mail of programs that are older than MIME's own encodings.
#[test]
fn an_attachment_that_is_uuencoded_has_its_bytes() {
    let part = |encoded: &str| {
        let mail = format!(
            "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\
            Content-Type: image/png; name=cat.png\r\nContent-Transfer-Encoding: X-UUEncode\r\n\
            Content-Disposition: attachment; filename=cat.png\r\n\r\n{encoded}\r\n--x--\r\n"
        );
        read("a.eml", mail.as_bytes())
    };
    let (outcome, kept) = part("begin 644 cat.png\r\n&0V%T0P!U\r\n`\r\nend");
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    assert_eq!(kept.children[0].0.path, "cat.png");
    assert_eq!(kept.children[0].1, b"CatC\0u");
    let (outcome, kept) = part("begin 644 cat.png\r\n&0V%T0P!U\r\n");
    assert_eq!(outcome.state, State::InPart, "{outcome:?}");
    assert_eq!(kept.missing, ["part 2 is not encoded as it says"]);
    assert!(
        kept.children[0].1.starts_with(b"begin 644 cat.png"),
        "what is there is kept"
    );
}

#[test]
fn a_mailbox_is_its_messages() {
    let mbox = "From a Fri Feb 14\nFrom: a@example.org\nSubject: one\n\nFrom here on\n>From quoted\n\n\
        From b Fri Feb 14\nFrom: b@example.org\nSubject: two\n\nbody\n";
    let (outcome, kept) = read("box", mbox.as_bytes());
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "application/mbox")
    );
    let bodies: Vec<_> = kept
        .children
        .iter()
        .map(|child| String::from_utf8_lossy(&child.1).into_owned())
        .collect();
    let first = "From: a@example.org\nSubject: one\n\n";
    // A line that begins with `From ` after an empty one begins a message: this is all that the format has.
    assert_eq!(bodies.len(), 3, "{bodies:?}");
    assert_eq!(bodies[0], first);
    assert!(bodies[2].ends_with("body\n"));
}

#[test]
fn an_entity_bomb_is_text_and_deep_nesting_is_no_recursion() {
    let bomb = "<!DOCTYPE w [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>\
        <w:document><w:p><w:t>&b;</w:t></w:p></w:document>";
    let file = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", bomb.as_bytes()),
    ]);
    let (outcome, kept) = read("bomb.docx", &file);
    assert_eq!((outcome.state, kept.text.as_str()), (State::Read, "&b;"));
    let deep = "<w:p>".repeat(100_000) + "<w:t>deep</w:t>";
    let file = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", deep.as_bytes()),
    ]);
    let (outcome, kept) = read("deep.docx", &file);
    assert!(outcome.state < State::Crashed, "{outcome:?}");
    assert!(kept.text.contains("deep"));
}

#[test]
fn a_message_with_ten_thousand_parts_is_read() {
    let mut mail =
        "From: a@example.org\r\nSubject: many\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
            .to_owned();
    for number in 0..10_000 {
        mail += &format!("--x\r\nContent-Type: image/png; name={number}.png\r\n\r\nx\r\n");
    }
    let (outcome, kept) = read("many.eml", (mail + "--x--\r\n").as_bytes());
    assert_eq!(
        (outcome.state, kept.children.len()),
        (State::Read, 10_000),
        "{outcome:?}"
    );
    assert!(
        kept.children
            .iter()
            .all(|child| end_of(child) == State::Read)
    );
}

/// A PDF of these objects, with a table of references that is right.
fn pdf(objects: &[&str]) -> Vec<u8> {
    let (mut file, mut offsets) = ("%PDF-1.4\n".to_owned(), Vec::new());
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let table = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        file += &format!("{offset:010} 00000 n \n");
    }
    file += &format!(
        "trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    );
    file.into_bytes()
}

fn stream(content: &str) -> String {
    format!(
        "<< /Length {} >>\nstream\n{content}\nendstream",
        content.len()
    )
}

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";
const PAGES: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";
const PAGE: &str = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R \
    /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << /X 5 0 R >> >> >>";

#[test]
fn a_pdf_has_pages_and_paragraphs() {
    let text = "BT /F1 12 Tf 20 250 Td (Three impact) Tj 80 0 Td (craters) Tj -80 -14 Td (north) Tj 0 -60 Td (Signed) Tj ET";
    let file = pdf(&[CATALOG, PAGES, PAGE, &stream(text), "null"]);
    let (outcome, kept) = read("report.pdf", &file);
    assert_eq!(
        (outcome.state, kept.media.as_str()),
        (State::Read, "application/pdf"),
        "{outcome:?}"
    );
    assert_eq!(
        kept.passages,
        [
            "[page 1, paragraph 1] Three impact craters\nnorth",
            "[page 1, paragraph 2] Signed"
        ]
    );
    for length in (9..file.len()).step_by(7) {
        let outcome = read("cut.pdf", &file[..length]).0;
        assert!(outcome.state < State::Crashed, "{length}: {outcome:?}");
    }
}

/// A value may be drawn nowhere: the program that shows the form draws it.
#[test]
fn what_was_filled_into_a_form_is_text_of_its_page() {
    let catalog = "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R 7 0 R 8 0 R 9 0 R] /NeedAppearances true \
        /XFA [(config) 10 0 R (datasets) 11 0 R] >> >>";
    let page = PAGE.replace(
        "/Contents",
        "/Annots [6 0 R 7 0 R 8 0 R 9 0 R 12 0 R] /Contents",
    );
    let answers = "<data><village>Zoriane</village></data>";
    let objects = [
        catalog,
        PAGES,
        &page,
        &stream("BT /F1 12 Tf 20 250 Td (Statement) Tj ET"),
        "<< /T (witness) /FT /Tx /V <FEFF041E043A04410430043D0430> /Kids [6 0 R] >>",
        "<< /Subtype /Widget /Parent 5 0 R /T (name) /Rect [0 0 9 9] >>",
        "<< /Subtype /Widget /T (c1) /TU (Was present) /FT /Btn /V /Yes /Rect [0 0 9 9] >>",
        "<< /Subtype /Widget /T (c2) /FT /Btn /V /Off /Rect [0 0 9 9] >>",
        "<< /Subtype /Widget /T (saw) /FT /Ch /V [(tanks) (drones)] /Rect [0 0 9 9] >>",
        &stream("<config/>"),
        &stream(answers),
        // A field that is its own parent, and one whose value nobody is to see.
        "<< /Subtype /Widget /Parent 12 0 R /T (again) /FT /Tx /Ff 8192 /V (secret) /Rect [0 0 9 9] >>",
    ];
    let (outcome, kept) = read("form.pdf", &pdf(&objects));
    assert_eq!(outcome.state, State::Read, "{outcome:?}");
    assert_eq!(
        kept.passages,
        [
            "[page 1, paragraph 1] Statement",
            "[page 1, property 1] witness.name: Оксана",
            "[page 1, property 2] Was present: Yes",
            "[page 1, property 3] saw: tanks; drones"
        ]
    );
    let children: Vec<_> = kept
        .children
        .iter()
        .map(|child| (child.0.path.as_str(), child.1.as_slice()))
        .collect();
    assert_eq!(children, [("XFA datasets.xml", answers.as_bytes())]);
}

#[test]
fn a_pdf_without_words_has_those_of_its_title() {
    let made = |content: &str| {
        let about = "<< /Title (Crater map) /Subject (Zoriane) >>";
        let file = pdf(&[CATALOG, PAGES, PAGE, &stream(content), about]);
        let file = String::from_utf8_lossy(&file).replace("/Root 1 0 R", "/Root 1 0 R /Info 5 0 R");
        read("map.pdf", file.as_bytes()).1
    };
    let bare = made("0 0 m 10 10 l S");
    assert_eq!(bare.field("title"), "Crater map");
    assert_eq!(
        bare.passages,
        ["[property 1] Crater map", "[property 2] Zoriane"]
    );
    let with_words = made("BT /F1 12 Tf 20 250 Td (north) Tj ET");
    assert_eq!(with_words.passages, ["[page 1, paragraph 1] north"]);
}

#[test]
fn a_pdf_says_that_layers_are_switched_off() {
    let catalog =
        "<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [5 0 R] /D << /OFF [5 0 R] >> >> >>";
    let layer = "<< /Type /OCG /Name (hidden) >>";
    let file = pdf(&[
        catalog,
        PAGES,
        PAGE,
        &stream("BT /F1 12 Tf 20 250 Td (shown) Tj ET"),
        layer,
    ]);
    let (outcome, kept) = read("layers.pdf", &file);
    assert_eq!(
        (outcome.state, kept.text.as_str()),
        (State::InPart, "shown"),
        "{outcome:?}"
    );
    assert!(
        kept.missing[0].starts_with("layers that are switched off"),
        "{:?}",
        kept.missing
    );
}

#[test]
fn a_pdf_that_loops_ends() {
    let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >> /Length 11 >>\n\
        stream\n/X Do /X Do\nendstream";
    let file = pdf(&[CATALOG, PAGES, PAGE, &stream("/X Do"), form]);
    let outcome = read("loop.pdf", &file).0;
    assert!(outcome.state != State::Damaged, "{outcome:?}");
    let pages = "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>";
    let outcome = read("pages.pdf", &pdf(&[CATALOG, pages])).0;
    assert!(outcome.state < State::Crashed, "{outcome:?}");
}

#[test]
fn pages_of_a_pdf_with_pictures_that_may_show_words_are_named_and_drawn() {
    let picture = "<< /Type /XObject /Subtype /Image /Width 4 /Height 4 /ColorSpace /DeviceGray /BitsPerComponent 8 \
        /Length 16 >>\nstream\naaaabbbbaaaabbbb\nendstream";
    let (whole, half) = (
        "q 300 0 0 300 0 0 cm /X Do Q",
        "q 300 0 0 150 0 0 cm /X Do Q",
    );
    let words =
        |y: u32, count: usize| format!("BT /F1 1 Tf 20 {y} Td ({}) Tj ET", "shown ".repeat(count));
    let stamp = "BT /F1 8 Tf 20 10 Td (UKR-0000123) Tj ET";
    for (content, scanned, pictured, state) in [
        // A number that was stamped on a scan does not make it a page of text.
        (format!("{whole} {stamp}"), "1", "", State::InPart),
        // A scan whose words were recognised by whoever made it.
        (format!("{} {whole}", words(200, 30)), "", "", State::Read),
        // The picture of a letter in a report.
        (format!("{half} {}", words(250, 30)), "", "1", State::Read),
        (words(250, 30), "", "", State::Read),
    ] {
        let file = pdf(&[CATALOG, PAGES, PAGE, &stream(&content), picture]);
        let (outcome, kept) = read("scan.pdf", &file);
        assert_eq!(outcome.state, state, "{content}: {outcome:?}");
        assert_eq!(
            (kept.field("scanned_pages"), kept.field("pictured_pages")),
            (scanned, pictured),
            "{content}"
        );
        let drawn = ask(Asked::Scans, "scan.pdf", &file).1.pictures.len();
        assert_eq!(drawn, scanned.len() + pictured.len(), "{content}");
    }
}
