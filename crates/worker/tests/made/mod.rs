//! Small files of many types, made byte by byte: for what is read of them, and to be broken.

#![allow(dead_code)]

pub mod asn1;
pub mod c2pa;
pub mod office;
pub mod pst;

pub use asn1::{signed, stamped};
use std::io::Write;

pub const WORDS: &str = "Наказ № 17: вогонь по елеватору";

pub fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Every sample here under a name, to be broken by `hostile`.
pub fn all() -> Vec<(String, Vec<u8>)> {
    let named = |name: &str, bytes| (name.to_owned(), bytes);
    let signed_origins = c2pa::all()
        .into_iter()
        .map(|(name, _, file)| named(name, file));
    let mut all = vec![
        named("a.txt.Z", lzw(WORDS.as_bytes())),
        named(
            "a.cpio",
            cpio(&[("one.txt", WORDS.as_bytes()), ("two.txt", b"second")]),
        ),
        named("a.p7m", signed(WORDS.as_bytes())),
        named("a.tsd", stamped(WORDS.as_bytes())),
        named(
            "a.chm",
            chm(&[
                ("/first.htm", b"<html>first page"),
                ("/second.htm", b"second page"),
            ]),
        ),
        named("a.emf", emf(WORDS)),
        named("a.wmf", wmf()),
        named("a.one", onenote()),
        named(
            "a.doc",
            compound(&[
                ("/WordDocument", vec![0; 512]),
                ("/ObjectPool/_1/WordDocument", WORDS.as_bytes().to_vec()),
                ("/Data", inline_picture(b"\x89PNG\r\n\x1a\n and so on")),
            ]),
        ),
        named("a.dwg", dwg()),
        named("a.dbf", dbase()),
        named("a.wmv", asf()),
        named("a.avi", avi()),
        named("a.iwa", iwa()),
        named("a.xls", worksheet()),
        named("a.lz4", lz4()),
        named("a.db", sqlite()),
        named("a.bplist", plist()),
        named("winmail.dat", tnef()),
        named(
            "a.wpd",
            wordperfect(2, b"\x21\x01\xf0\x2c\x0a\xf0\xcf\x41\xcc\x42\xd0\x04\x04\0"),
        ),
        named(
            "a.wp",
            wordperfect(0, b"one\x0dtwo\x0a\xc0\x2c\x0a\xc0\xd6\0\x02\0\0\0"),
        ),
        named("a.rtf", rtf_with_objects()),
        named("a", apple_single("order.txt", WORDS.as_bytes())),
        named("a.mid", midi()),
        named("b.xlsx", office::agile(WORDS.as_bytes(), "VelvetSweatshop")),
    ];
    all.extend(signed_origins);
    all
}

/// As `compress` does it, with codes of 9 bits, which last for 255 new ones.
pub fn lzw(bytes: &[u8]) -> Vec<u8> {
    let mut table: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    table.push(Vec::new());
    let (mut codes, mut run) = (Vec::new(), Vec::new());
    let place = |table: &[Vec<u8>], run: &[u8]| table.iter().position(|known| known == run);
    for byte in bytes {
        let longer = [&run[..], &[*byte]].concat();
        if place(&table, &longer).is_some() {
            run = longer;
        } else {
            codes.extend(place(&table, &run));
            table.push(longer);
            run = vec![*byte];
        }
    }
    codes.extend(place(&table, &run));
    assert!(table.len() < 512, "this encoder knows one width");
    let mut packed = vec![0; (codes.len() * 9).div_ceil(8)];
    for (number, code) in codes.iter().enumerate() {
        for bit in 0..9 {
            let at = number * 9 + bit;
            packed[at / 8] |= ((code >> bit & 1) as u8) << (at % 8);
        }
    }
    [&[0x1f, 0x9d, 0x90][..], &packed].concat()
}

pub fn cpio(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, bytes) in members.iter().copied().chain([("TRAILER!!!", &b""[..])]) {
        let numbers = [
            1,
            0o100_644,
            0,
            0,
            1,
            1_739_513_400,
            bytes.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        file.extend(b"070701");
        file.extend(
            numbers
                .map(|number| format!("{number:08x}"))
                .concat()
                .into_bytes(),
        );
        file.extend([name.as_bytes(), b"\0"].concat());
        file.resize(file.len().next_multiple_of(4), 0);
        file.extend(bytes);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}

fn seven_bits(number: usize) -> Vec<u8> {
    vec![
        (number >> 14 | 0x80) as u8,
        (number >> 7 & 0x7f | 0x80) as u8,
        (number & 0x7f) as u8,
    ]
}

/// Compiled help whose pages are in one block of LZX that was left as it is.
pub fn chm(pages: &[(&str, &[u8])]) -> Vec<u8> {
    let plain: Vec<u8> = pages.iter().flat_map(|page| page.1.to_vec()).collect();
    // No translation, a block of the kind 3, its length; then three distances, and the bytes.
    let bits = (3_u32 << 24 | plain.len() as u32) << 4;
    let words = [(bits >> 16) as u16, bits as u16];
    let mut block: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    block.extend(
        [1_u32, 1, 1]
            .iter()
            .flat_map(|distance| distance.to_le_bytes()),
    );
    block.extend(&plain);
    let long = |number: usize| (number as u64).to_le_bytes().to_vec();
    let word = |number: usize| (number as u32).to_le_bytes().to_vec();
    let control = [
        word(6),
        b"LZXC".to_vec(),
        word(2),
        word(2),
        word(2),
        word(0),
    ]
    .concat();
    let resets = [
        word(2),
        word(1),
        word(8),
        word(0x28),
        long(plain.len()),
        long(block.len()),
        long(0x8000),
        long(0),
    ]
    .concat();
    let storage = "::DataSpace/Storage/MSCompressed";
    let table = format!(
        "{storage}/Transform/{{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}}/InstanceData/ResetTable"
    );
    let (mut content, mut entries) = (Vec::new(), Vec::new());
    let mut entry = |name: &str, section: u8, offset: usize, length: usize| {
        entries.extend(seven_bits(name.len()));
        entries.extend(name.as_bytes());
        entries.push(section);
        entries.extend(seven_bits(offset));
        entries.extend(seven_bits(length));
    };
    let title = b"\x03\0\0\0\x03\0\x06\0Manual";
    let tables: [(&str, &[u8]); 4] = [
        ("/#SYSTEM", title),
        (&table, &resets),
        (&format!("{storage}/Content"), &block),
        (&format!("{storage}/ControlData"), &control),
    ];
    for (name, bytes) in tables {
        entry(name, 0, content.len(), bytes.len());
        content.extend(bytes);
    }
    let mut at = 0;
    for (name, bytes) in pages {
        entry(name, 1, at, bytes.len());
        at += bytes.len();
    }
    let mut chunk = [
        b"PMGL".to_vec(),
        word(0x1000 - 0x14 - entries.len()),
        word(0),
        word(usize::MAX),
        word(usize::MAX),
        entries,
    ]
    .concat();
    chunk.resize(0x1000, 0);
    let mut directory = [
        b"ITSP".to_vec(),
        word(1),
        word(0x54),
        word(10),
        word(0x1000),
        word(2),
        word(1),
        word(usize::MAX),
        word(0),
        word(0),
        word(0),
        word(1),
    ]
    .concat();
    directory.resize(0x54, 0);
    let mut head = [b"ITSF".to_vec(), word(3), word(0x60)].concat();
    head.resize(0x48, 0);
    head.extend([long(0x60), long(0x54 + 0x1000), long(0x60 + 0x54 + 0x1000)].concat());
    [head, directory, chunk, content].concat()
}

fn record(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    [
        &kind.to_le_bytes()[..],
        &(body.len() as u32 + 8).to_le_bytes(),
        &body,
    ]
    .concat()
}

/// A drawing of one line, in two runs of one height, and a line below.
pub fn emf(words: &str) -> Vec<u8> {
    let text = |height: u32, words: &str| {
        let mut body = vec![0; 28];
        body.extend(
            [0_u32, height, words.encode_utf16().count() as u32, 76, 0]
                .iter()
                .flat_map(|n| n.to_le_bytes()),
        );
        body.resize(68, 0);
        body.extend(wide(words));
        record(84, &body)
    };
    let mut head = vec![0; 100];
    head[32..36].copy_from_slice(b" EMF");
    [
        record(1, &head),
        text(10, words),
        text(10, " (копія)"),
        text(30, "below"),
        record(14, &[0; 12]),
    ]
    .concat()
}

/// The older kind, with letters of Windows-1251.
pub fn wmf() -> Vec<u8> {
    let record = |kind: u16, body: &[u8]| {
        [
            &(body.len() as u32 / 2 + 3).to_le_bytes()[..],
            &kind.to_le_bytes(),
            body,
        ]
        .concat()
    };
    let mut font = vec![0; 18];
    font[13] = 204;
    let text = b"\x0a\0\0\0\x06\0\0\0\xcd\xe0\xea\xe0\xe7!";
    let head = b"\x01\0\x09\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0";
    [
        head.to_vec(),
        record(0x2fb, &font),
        record(0x12d, &[0, 0]),
        record(0xa32, text),
        record(0, &[]),
    ]
    .concat()
}

/// A notebook of one list with one object, whose text was changed once.
pub fn onenote() -> Vec<u8> {
    let object = |words: &str| {
        let text = wide(words);
        let mut set = 0x8000_0000_u32.to_le_bytes().to_vec();
        set.extend([2, 0]);
        set.extend(0x1400_0001_u32.to_le_bytes());
        set.extend(0x1c00_1c22_u32.to_le_bytes());
        set.extend(7_u32.to_le_bytes());
        set.extend((text.len() as u32).to_le_bytes());
        set.extend(text);
        set
    };
    let objects = [
        object("Наказ, перша редакція"),
        object(WORDS),
        object(WORDS),
    ];
    let mut file = b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3".to_vec();
    file.resize(48, 0);
    file.extend(b"\x3f\xdd\x9a\x10\x1b\x91\xf5\x49\xa5\xd0\x17\x91\xed\xc8\xae\xd8");
    file.resize(1024, 0);
    let (mut nodes, mut bodies) = (Vec::new(), Vec::new());
    let list = 16 + objects.len() * 21 + 20;
    for object in &objects {
        // An object: its range in four and four bytes, its id, its kind, how often it is used.
        let head = 0xa4_u32 | 21 << 10 | 1 << 23 | 1 << 27;
        nodes.extend(head.to_le_bytes());
        nodes.extend((1024 + list as u32 + bodies_length(&bodies)).to_le_bytes());
        nodes.extend((object.len() as u32).to_le_bytes());
        nodes.extend([9, 0, 0, 0, 1, 0, 0, 0, 1]);
        bodies.push(object.clone());
    }
    file[172..180].copy_from_slice(&1024_u64.to_le_bytes());
    file[180..184].copy_from_slice(&(list as u32).to_le_bytes());
    file.extend(0xa456_7ab1_f5f7_f4c4_u64.to_le_bytes());
    file.extend([0; 8]);
    file.extend(nodes);
    file.extend(u64::MAX.to_le_bytes());
    file.extend([0; 4]);
    file.extend(0x8bc2_15c3_8233_ba4b_u64.to_le_bytes());
    file.extend(bodies.concat());
    file
}

fn bodies_length(bodies: &[Vec<u8>]) -> u32 {
    bodies.iter().map(|body| body.len() as u32).sum()
}

/// Notes with a title, and a song by syllables.
pub fn midi() -> Vec<u8> {
    let event = |kind: u8, words: &str| {
        [&[0, 0xff, kind, words.len() as u8][..], words.as_bytes()].concat()
    };
    let chunk =
        |kind: &[u8], body: &[u8]| [kind, &(body.len() as u32).to_be_bytes(), body].concat();
    let notes = b"\0\x90\x3c\x40\x81\0\x3c\0";
    let end = b"\0\xff\x2f\0";
    let first = [&event(3, "Марш")[..], &event(2, "Оркестр"), end].concat();
    let song = ["Ко", "ло", "на ", "йде"].map(|syllable| event(5, syllable));
    let second = [&event(1, WORDS)[..], notes, &song.concat(), end].concat();
    [
        chunk(b"MThd", b"\0\x01\0\x02\0\x60"),
        chunk(b"MTrk", &first),
        chunk(b"MTrk", &second),
    ]
    .concat()
}

pub fn apple_single(name: &str, content: &[u8]) -> Vec<u8> {
    let mut file = b"\0\x05\x16\0\0\x02\0\0".to_vec();
    file.resize(24, 0);
    file.extend([0, 2]);
    for (kind, at, length) in [(3_u32, 50, name.len()), (1, 50 + name.len(), content.len())] {
        file.extend(
            [kind, at as u32, length as u32]
                .iter()
                .flat_map(|n| n.to_be_bytes()),
        );
    }
    [&file, name.as_bytes(), content].concat()
}

/// As `zlib` and `snap` write it.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("in memory");
    writer.finish().expect("in memory")
}

pub fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut writer = snap::write::FrameEncoder::new(Vec::new());
    writer.write_all(bytes).expect("in memory");
    writer.into_inner().expect("in memory")
}

/// A compound file of streams.
pub fn compound(streams: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).expect("in memory");
    for (path, bytes) in streams {
        if let Some((storage, _)) = path
            .rsplit_once('/')
            .filter(|(storage, _)| !storage.is_empty())
        {
            file.create_storage_all(storage).expect("in memory");
        }
        let mut stream = file.create_stream(path).expect("in memory");
        stream.write_all(bytes).expect("in memory");
    }
    file.into_inner().into_inner()
}

/// A picture in the running text of an old document: its length, the length of its head, a shape, an entry, the bytes.
pub fn inline_picture(png: &[u8]) -> Vec<u8> {
    let record = |head: u16, kind: u16, body: &[u8]| {
        [
            &head.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &(body.len() as u32).to_le_bytes(),
            body,
        ]
        .concat()
    };
    let blip = record(0x6e00, 0xf01e, &[&[0; 17][..], png].concat());
    let entry = record(0x62, 0xf007, &[&[0; 36][..], &blip].concat());
    let shape = record(0xf, 0xf004, &record(0x12, 0xf00a, &[0; 8]));
    let length = 68 + shape.len() + entry.len();
    let mut head = [&(length as u32).to_le_bytes()[..], &68_u16.to_le_bytes()].concat();
    head.resize(68, 0);
    [head, shape, entry].concat()
}

/// A table of two columns in Windows-1251, and two records, of which the second was deleted.
pub fn dbase() -> Vec<u8> {
    let mut file = vec![3, 125, 2, 14, 2, 0, 0, 0, 97, 0, 16, 0];
    file.resize(29, 0);
    file.extend([0xc9, 0, 0]);
    for (name, kind, length) in [("NAME", b'C', 7), ("SINCE", b'D', 8)] {
        let mut field = name.as_bytes().to_vec();
        field.resize(11, 0);
        field.extend([kind, 0, 0, 0, 0, length]);
        field.resize(32, 0);
        file.extend(field);
    }
    file.push(0x0d);
    file.extend(b" \xc3\xf0\xb3\xec   20250214");
    file.extend(b"*\xd1\xee\xf1\xed\xe0  20250213");
    file
}

/// A dictionary: a title, a moment, and the parts of a page that was kept.
pub fn plist() -> Vec<u8> {
    let text = |words: &str| [&[0x50 | words.len() as u8][..], words.as_bytes()].concat();
    let objects = [
        b"\xd3\x01\x02\x03\x04\x05\x06".to_vec(),
        text("Title"),
        text("When"),
        text("Page"),
        [
            &[0x65][..],
            &"Наказ"
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect::<Vec<_>>(),
        ]
        .concat(),
        [
            &[0x33][..],
            &(1_739_513_400.0_f64 - 978_307_200.0).to_be_bytes(),
        ]
        .concat(),
        b"\xd2\x07\x08\x09\x0a".to_vec(),
        b"\x5f\x10\x0eWebResourceURL".to_vec(),
        b"\x5f\x10\x0fWebResourceData".to_vec(),
        text("http://a.test"),
        b"\x49<html>fir".to_vec(),
    ];
    let mut file = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in &objects {
        offsets.push(file.len() as u8);
        file.extend(object);
    }
    let table = file.len() as u64;
    file.extend(offsets);
    file.extend([0, 0, 0, 0, 0, 0, 1, 1]);
    for number in [objects.len() as u64, 0, table] {
        file.extend(number.to_be_bytes());
    }
    file
}

/// A message with a subject, a body, and one attachment.
pub fn tnef() -> Vec<u8> {
    let attribute = |level: u8, id: u32, bytes: &[u8]| {
        [
            &[level][..],
            &id.to_le_bytes(),
            &(bytes.len() as u32).to_le_bytes(),
            bytes,
            &[0, 0],
        ]
        .concat()
    };
    let name = wide("наказ.txt\0");
    let mut long = [
        &1_u32.to_le_bytes()[..],
        &[0x1f, 0, 7, 0x37],
        &1_u32.to_le_bytes(),
    ]
    .concat();
    long.extend((name.len() as u32).to_le_bytes());
    long.extend(&name);
    long.resize(long.len().next_multiple_of(4), 0);
    [
        b"\x78\x9f\x3e\x22\x01\0".to_vec(),
        attribute(1, 0x0006_9007, &1251_u32.to_le_bytes()),
        attribute(1, 0x0001_8004, b"\xcd\xe0\xea\xe0\xe7\0"),
        attribute(1, 0x0002_800c, b"fire at 06:15\0"),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"short.txt\0"),
        attribute(2, 0x0006_800f, WORDS.as_bytes()),
        attribute(2, 0x0006_9005, &long),
    ]
    .concat()
}

/// A picture in the middle of a group that turns a style on, a packaged file, and what it shows.
pub fn rtf_with_objects() -> Vec<u8> {
    let long = |number: usize| (number as u32).to_le_bytes().to_vec();
    let mut package = [
        b"\x02\0order.txt\0C:\\order.txt\0\0\0\x03\0".to_vec(),
        long(4),
        b"C:\\\0".to_vec(),
    ]
    .concat();
    package.extend([long(4), b"fire".to_vec()].concat());
    let object = [
        long(0x501),
        long(2),
        long(8),
        b"Package\0".to_vec(),
        long(0),
        long(0),
        long(package.len()),
        package,
    ]
    .concat();
    let hex: String = object.iter().map(|byte| format!("{byte:02x}")).collect();
    let start =
        br"{\rtf1\ansi {\b0\*\cs7 shown}{\*\shppict{\pict\pngblip{\*\blipuid 00ff}\bin4 }}{}"
            .to_vec();
    let object = format!(
        r"}}}}{{\nonshppict{{\pict 00}}}}{{\object{{\*\objclass Package}}{{\*\objdata {hex}}}{{\result icon}}}}\par}}"
    );
    [start, object.into_bytes()].concat()
}

/// A database of one table with two rows; the text of the second one goes on in a page of its own.
pub fn sqlite() -> Vec<u8> {
    let number = |number: usize| match number {
        0..128 => vec![number as u8],
        _ => vec![(number >> 7) as u8 | 0x80, number as u8 & 0x7f],
    };
    let row = |values: &[(usize, &[u8])]| {
        let kinds: Vec<u8> = values.iter().flat_map(|(kind, _)| number(*kind)).collect();
        let bodies: Vec<u8> = values.iter().flat_map(|(_, body)| body.to_vec()).collect();
        [&[kinds.len() as u8 + 1][..], &kinds, &bodies].concat()
    };
    let text = |words: &'static str| (words.len() * 2 + 13, words.as_bytes());
    let sql = text("CREATE TABLE calls (id INTEGER PRIMARY KEY, words TEXT, picture BLOB)");
    let schema = row(&[text("table"), text("calls"), text("calls"), (1, &[2]), sql]);
    let long = format!("{WORDS} {}", "x".repeat(700));
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let first = row(&[(0, &[]), text(WORDS), (picture.len() * 2 + 12, picture)]);
    let second = row(&[(0, &[]), (long.len() * 2 + 13, long.as_bytes())]);
    // Of what does not fit, so much stays that whole pages go elsewhere.
    let local = 39 + (second.len() - 39) % 508;
    let (kept, rest) = second.split_at(local);
    let cell = |rowid: u8, size: usize, body: &[u8]| [&number(size)[..], &[rowid], body].concat();
    let page = |start: usize, cells: &[Vec<u8>]| {
        let mut page = vec![0; 512];
        let mut end = 512;
        page[start] = 13;
        page[start + 4] = cells.len() as u8;
        for (place, cell) in cells.iter().enumerate() {
            end -= cell.len();
            page[end..end + cell.len()].copy_from_slice(cell);
            page[start + 8 + place * 2..][..2].copy_from_slice(&(end as u16).to_be_bytes());
        }
        page
    };
    let mut one = page(100, &[cell(1, schema.len(), &schema)]);
    one[..16].copy_from_slice(b"SQLite format 3\0");
    one[16..18].copy_from_slice(&512_u16.to_be_bytes());
    one[59] = 1;
    let two = page(
        0,
        &[
            cell(7, first.len(), &first),
            cell(9, second.len(), &[kept, &[0, 0, 0, 3]].concat()),
        ],
    );
    let mut three = [&[0; 4][..], rest].concat();
    assert!(three.len() <= 512, "one page holds the rest");
    three.resize(512, 0);
    [one, two, three].concat()
}

/// A document of WordPerfect of this version with this text.
pub fn wordperfect(version: u8, text: &[u8]) -> Vec<u8> {
    [
        &b"\xffWPC\x10\0\0\0\x01\x0a"[..],
        &[version, 0, 0, 0, 0, 0],
        text,
    ]
    .concat()
}

/// A film of Windows Media: 2.5 seconds, of which half a second is played ahead, and a title.
pub fn asf() -> Vec<u8> {
    let object = |id: &[u8; 16], body: &[u8]| {
        [&id[..], &(body.len() as u64 + 24).to_le_bytes(), body].concat()
    };
    let mut about = vec![0; 80];
    about[24..32].copy_from_slice(&133_839_870_000_000_000_u64.to_le_bytes());
    about[40..48].copy_from_slice(&30_000_000_u64.to_le_bytes());
    about[56..64].copy_from_slice(&500_u64.to_le_bytes());
    let title = wide("Обстріл");
    let content = [&(title.len() as u16).to_le_bytes()[..], &[0; 8], &title].concat();
    let (name, value) = (wide("WM/AlbumTitle\0"), wide("Зоряне\0"));
    let mut more = [
        &1_u16.to_le_bytes()[..],
        &(name.len() as u16).to_le_bytes(),
        &name,
        &[0, 0],
    ]
    .concat();
    more.extend([&(value.len() as u16).to_le_bytes()[..], &value].concat());
    let objects = [
        object(
            b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65",
            &about,
        ),
        object(
            b"\x33\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
            &content,
        ),
        object(
            b"\x40\xa4\xd0\xd2\x07\xe3\xd2\x11\x97\xf0\x00\xa0\xc9\x5e\xa8\x50",
            &more,
        ),
    ]
    .concat();
    let body = [&3_u32.to_le_bytes()[..], &[1, 2], &objects].concat();
    object(
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
        &body,
    )
}

/// A film of 50 frames, 25 a second.
pub fn avi() -> Vec<u8> {
    let part = |name: &[u8], body: &[u8]| [name, &(body.len() as u32).to_le_bytes(), body].concat();
    let mut head = vec![0; 56];
    head[..4].copy_from_slice(&40_000_u32.to_le_bytes());
    head[16..20].copy_from_slice(&50_u32.to_le_bytes());
    head[32..36].copy_from_slice(&320_u32.to_le_bytes());
    head[36..40].copy_from_slice(&240_u32.to_le_bytes());
    let lists = [
        part(b"LIST", &[&b"hdrl"[..], &part(b"avih", &head)].concat()),
        part(
            b"LIST",
            &[&b"INFO"[..], &part(b"INAM", "Вогонь".as_bytes())].concat(),
        ),
        part(b"LIST", b"movi00dc\0\0\0\0"),
    ]
    .concat();
    part(b"RIFF", &[&b"AVI "[..], &lists].concat())
}

/// A part of a document of Pages with one story, and one with the text of a cell.
pub fn iwa() -> Vec<u8> {
    let field =
        |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let message = |kind: u64, body: &[u8]| {
        let kind = [(kind & 0x7f | 0x80) as u8, (kind >> 7) as u8];
        let about = field(2, &[&[8][..], &kind, &[0x18, body.len() as u8]].concat());
        [&[about.len() as u8][..], &about, body].concat()
    };
    let entry = [&[8, 1, 16, 1][..], &field(3, b"a cell")].concat();
    let plain = [
        message(2001, &field(3, "Наказ\nfire".as_bytes())),
        message(6005, &field(3, &entry)),
    ]
    .concat();
    let packed = snap::raw::Encoder::new()
        .compress_vec(&plain)
        .expect("in memory");
    [&[0, packed.len() as u8, 0, 0][..], &packed].concat()
}

/// A sheet of Excel 4: a text, a number, and a formula whose value is a text.
pub fn worksheet() -> Vec<u8> {
    let record = |kind: u16, body: &[u8]| {
        [
            &kind.to_le_bytes()[..],
            &(body.len() as u16).to_le_bytes(),
            body,
        ]
        .concat()
    };
    [
        record(0x409, &[0, 0, 0x10, 0, 0, 0]),
        record(0x42, &1251_u16.to_le_bytes()),
        record(0x204, b"\0\0\0\0\0\0\x05\0\xcd\xe0\xea\xe0\xe7"),
        record(
            0x203,
            &[&[0, 0, 1, 0, 0, 0][..], &17.5_f64.to_le_bytes()].concat(),
        ),
        record(0x406, b"\x01\0\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0"),
        record(0x207, b"\x04\0fire"),
        record(0x0a, &[]),
    ]
    .concat()
}

/// One frame of a block that was compressed, with a run, and one that was not.
pub fn lz4() -> Vec<u8> {
    let packed = b"\x1fa\x01\0\x02\x50hello";
    let mut file = b"\x04\x22\x4d\x18\x40\x40\0".to_vec();
    file.extend((packed.len() as u32).to_le_bytes());
    file.extend(packed);
    file.extend((3_u32 | 0x8000_0000).to_le_bytes());
    file.extend(b"end");
    file.extend([0; 4]);
    file
}

/// A drawing with a summary, and nothing else.
pub fn dwg() -> Vec<u8> {
    let text = |words: &str| {
        let words = format!("{words}\0");
        [
            &(words.encode_utf16().count() as u16).to_le_bytes()[..],
            &wide(&words),
        ]
        .concat()
    };
    let mut file = b"AC1024".to_vec();
    file.resize(0x20, 0);
    file.extend(0x100_u32.to_le_bytes());
    file.resize(0x100, 0);
    for words in ["План", "", "Грім", "", "", "Сосна", "", ""] {
        file.extend(text(words));
    }
    // 14 February 2025 06:10.
    let days = 1_739_513_400_u32 / 86_400 + 2_440_588;
    for number in [0, 0, days, 22_200_000, days, 22_200_000] {
        file.extend(number.to_le_bytes());
    }
    file.extend([1, 0]);
    file.extend([text("Order"), text("17")].concat());
    file
}
