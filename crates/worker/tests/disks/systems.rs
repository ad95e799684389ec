//! File systems and tables of partitions.

use crate::{
    child_state, expected, files,
    kept::{Kept, read},
    made::{Folder, content, run, run_with, text},
};
use comity_extract::State;

fn system(kept: &Kept) -> &str {
    assert_eq!(kept.media, "application/x-raw-disk-image");
    kept.field("file_system")
}

#[test]
fn fat_of_each_width_gives_its_files_with_long_names_and_times() {
    for (bits, size) in [("12", 2 << 20), ("16", 16 << 20), ("32", 40 << 20)] {
        let folder = Folder::new();
        folder.fat("card.img", bits, size);
        let (outcome, kept) = read("card.img", &folder.bytes("card.img"));
        assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
        assert_eq!(
            (system(&kept), kept.field("title")),
            (format!("FAT{bits}").as_str(), "CARD")
        );
        assert_eq!(files(&kept), expected(""));
        // DOS keeps no zone, and mtools writes that of the machine.
        assert!(
            kept.children
                .iter()
                .all(|(child, _, _)| child.modified.starts_with("2025-02-14T"))
        );
        assert!(
            kept.text
                .contains("orders/наказ № 7.txt · 5000 bytes · created ")
        );
    }
}

#[test]
fn a_deleted_file_is_no_child() {
    let folder = Folder::new();
    folder.fat("card.img", "12", 2 << 20);
    let image = text(&folder.path("card.img"));
    run("mdel", &["-i", &image, "::/notes.txt"]);
    let (outcome, kept) = read("card.img", &folder.bytes("card.img"));
    assert_eq!(outcome.state, State::Read);
    let mut left = expected("");
    left.retain(|(path, _)| path != "notes.txt");
    assert_eq!(files(&kept), left);
}

#[test]
fn ext_of_each_age_gives_its_files() {
    for kind in ["ext2", "ext3", "ext4"] {
        let folder = Folder::new();
        folder.ext("disk.img", kind, 8 << 20);
        let (outcome, kept) = read("disk.img", &folder.bytes("disk.img"));
        assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
        assert_eq!((system(&kept), kept.field("title")), (kind, "evidence"));
        assert_eq!(files(&kept), expected(""));
        let changed = |path: &str| {
            let found = kept
                .children
                .iter()
                .find(|(child, _, _)| child.path == path);
            found.map_or("", |(child, _, _)| child.modified.as_str())
        };
        assert_eq!(changed("notes.txt"), "2025-02-14T06:10:00Z");
        // Times of files are no dates that a text speaks of.
        assert_eq!(kept.field("date"), "");
    }
}

#[test]
fn links_and_pipes_are_named_and_no_children() {
    let folder = Folder::new();
    let tree = folder.tree();
    std::os::unix::fs::symlink("../../etc/passwd", tree.join("link")).expect("a link");
    run("mkfifo", &[&text(&tree.join("pipe"))]);
    let image = folder.zeros("disk.img", 8 << 20);
    run(
        "mke2fs",
        &["-q", "-F", "-t", "ext4", "-d", &text(&tree), &image],
    );
    let (outcome, kept) = read("disk.img", &folder.bytes("disk.img"));
    assert_eq!(outcome.state, State::Read, "{:?}", kept.missing);
    assert_eq!(files(&kept), expected(""));
    assert!(kept.text.contains("link · link to ../../etc/passwd"));
    assert!(kept.text.contains("pipe · pipe"));
}

#[test]
fn ntfs_gives_files_and_their_other_streams() {
    let folder = Folder::new();
    let image = folder.zeros("disk.img", 12 << 20);
    run("mkntfs", &["-F", "-q", "-Q", "-L", "Windows", &image]);
    let source = folder.path("source");
    let mut made = Vec::new();
    // So many that the folder has a tree of its own, small ones in their records and large ones outside.
    for number in 0..120 {
        let name = format!("файл {number:03}.txt");
        let bytes = content(&name, if number % 10 == 0 { 50_000 } else { 200 });
        std::fs::write(&source, &bytes).expect("a file");
        run("ntfscp", &["-q", &image, &text(&source), &name]);
        made.push((name, bytes));
    }
    std::fs::write(&source, b"[ZoneTransfer]\r\nZoneId=3\r\n").expect("a file");
    run(
        "ntfscp",
        &[
            "-q",
            "-N",
            "Zone.Identifier",
            &image,
            &text(&source),
            "файл 007.txt",
        ],
    );
    made.push((
        "файл 007.txt:Zone.Identifier".to_owned(),
        b"[ZoneTransfer]\r\nZoneId=3\r\n".to_vec(),
    ));
    made.sort();
    let (outcome, kept) = read("disk.img", &folder.bytes("disk.img"));
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!((system(&kept), kept.field("title")), ("NTFS", "Windows"));
    assert_eq!(files(&kept), made);
}

#[test]
fn discs_give_their_files_by_the_best_names_they_have() {
    for (names, how) in [("Rock Ridge", "-R"), ("Joliet", "-J")] {
        let folder = Folder::new();
        let (tree, image) = (text(&folder.tree()), text(&folder.path("disc.iso")));
        run(
            "genisoimage",
            &[
                "-quiet",
                how,
                "-input-charset",
                "utf-8",
                "-V",
                "COPY",
                "-o",
                &image,
                &tree,
            ],
        );
        let (outcome, kept) = read("disc.iso", &folder.bytes("disc.iso"));
        assert_eq!(
            outcome.state,
            State::Read,
            "{names}: {outcome:?} {:?}",
            kept.missing
        );
        assert_eq!(
            (kept.field("file_system"), kept.field("title")),
            ("ISO 9660", "COPY")
        );
        assert_eq!(files(&kept), expected(""), "{names}");
        let first = &kept.children[0].0;
        assert_eq!(first.modified, "2025-02-14T06:10:00Z", "{names}");
    }
    let folder = Folder::new();
    let (tree, image) = (text(&folder.tree()), text(&folder.path("disc.iso")));
    std::fs::remove_dir_all(folder.path("tree/orders")).expect("a folder");
    run("genisoimage", &["-quiet", "-o", &image, &tree]);
    let (outcome, kept) = read("disc.iso", &folder.bytes("disc.iso"));
    assert_eq!(outcome.state, State::Read);
    let names: Vec<String> = files(&kept).into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, ["EMPTY.DAT", "NOTES.TXT"]);
}

/// Nothing of Debian's writes into exFAT without mounting it: what `mkfs.exfat` made is filled here.
#[test]
fn exfat_gives_files_in_one_piece_and_in_many() {
    let folder = Folder::new();
    let image = folder.zeros("card.img", 8 << 20);
    run("mkfs.exfat", &["-c", "4K", "-L", "Картка", &image]);
    let mut bytes = folder.bytes("card.img");
    let number = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect("four")) as usize;
    let (table, heap, root) = (number(80) << 9, number(88) << 9, number(96));
    let place = |cluster: usize| heap + (cluster - 2) * 4096;
    // A file in one piece, one whose clusters lie in another order, and a folder with a third.
    let (whole, torn, inner) = (content("a", 6000), content("b", 9000), content("c", 10));
    bytes[place(100)..][..6000].copy_from_slice(&whole);
    for (index, cluster) in [210, 200, 205].into_iter().enumerate() {
        let piece = &torn[index * 4096..torn.len().min((index + 1) * 4096)];
        bytes[place(cluster)..][..piece.len()].copy_from_slice(piece);
    }
    for (from, to) in [
        (210, 200),
        (200, 205),
        (205, 0xffff_ffff_u32),
        (300, 0xffff_ffff),
    ] {
        bytes[table + from * 4..][..4].copy_from_slice(&to.to_le_bytes());
    }
    bytes[place(301)..][..10].copy_from_slice(&inner);
    let entries = [
        exfat_entry("один.bin", 0x20, 100, 6000, true),
        exfat_entry("two pieces.bin", 0x20, 210, 9000, false),
        exfat_entry("folder", 0x10, 300, 4096, false),
    ]
    .concat();
    let free = (place(root)..)
        .step_by(32)
        .find(|at| bytes[*at] == 0)
        .expect("room");
    bytes[free..][..entries.len()].copy_from_slice(&entries);
    let third = exfat_entry("third", 0x20, 301, 10, true);
    bytes[place(300)..][..third.len()].copy_from_slice(&third);

    let (outcome, kept) = read("card.img", &bytes);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!((system(&kept), kept.field("title")), ("exFAT", "Картка"));
    let made = [
        ("folder/third", inner),
        ("two pieces.bin", torn),
        ("один.bin", whole),
    ];
    assert_eq!(
        files(&kept),
        made.map(|(path, bytes)| (path.to_owned(), bytes))
    );
    assert_eq!(kept.children[0].0.modified, "2025-02-14T08:10:00+02:00");
}

fn exfat_entry(name: &str, attributes: u8, first: u32, size: u64, is_one_piece: bool) -> Vec<u8> {
    let letters: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let parts = letters.chunks(30);
    // 14 February 2025, 08:10:00, two hours before UTC.
    let time = (45_u32 << 25 | 2 << 21 | 14 << 16 | 8 << 11 | 10 << 5).to_le_bytes();
    let mut head = [0; 32];
    (head[0], head[1], head[4]) = (0x85, 1 + parts.len() as u8, attributes);
    for at in [8, 12, 16] {
        head[at..at + 4].copy_from_slice(&time);
    }
    head[22..25].fill(0x88);
    let mut stream = [0; 32];
    (stream[0], stream[1]) = (0xc0, if is_one_piece { 3 } else { 1 });
    stream[3] = (letters.len() / 2) as u8;
    stream[8..16].copy_from_slice(&size.to_le_bytes());
    stream[20..24].copy_from_slice(&first.to_le_bytes());
    stream[24..32].copy_from_slice(&size.to_le_bytes());
    let mut all = [head, stream].concat();
    for part in parts {
        let mut entry = [0; 32];
        entry[0] = 0xc1;
        entry[2..2 + part.len()].copy_from_slice(part);
        all.extend(entry);
    }
    all
}

/// Puts one image into another.
fn put(image: &mut [u8], at: usize, inner: &[u8]) {
    image[at..at + inner.len()].copy_from_slice(inner);
}

#[test]
fn partitions_are_listed_and_each_file_system_is_read() {
    let folder = Folder::new();
    folder.fat("card.img", "12", 2 << 20);
    folder.ext("linux.img", "ext4", 8 << 20);
    let image = folder.zeros("disk.img", 32 << 20);
    let script = "label: dos\n\
        start=2048, size=4096, type=1\n\
        start=8192, size=40960, type=5\n\
        start=10240, size=4096, type=82\n\
        start=16384, size=16384, type=83\n\
        start=51200, size=4096, type=7\n";
    run_with("sfdisk", &["-q", &image], script);
    let mut disk = folder.bytes("disk.img");
    put(&mut disk, 2048 * 512, &folder.bytes("card.img"));
    put(&mut disk, 16384 * 512, &folder.bytes("linux.img"));
    put(&mut disk, 10240 * 512 + 4086, b"SWAPSPACE2");
    put(&mut disk, 51200 * 512 + 3, b"-FVE-FS-");
    let (outcome, kept) = read("disk.img", &disk);
    assert_eq!(outcome.state, State::InPart, "{outcome:?}");
    let partitions: Vec<&str> = kept
        .fields
        .iter()
        .filter(|(name, _)| name == "partition")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(
        partitions,
        [
            "FAT12 (0x01), first byte 1048576, 2097152 bytes",
            "extended (0x05), first byte 4194304, 20971520 bytes",
            "Linux swap (0x82), first byte 5242880, 2097152 bytes",
            "Linux (0x83), first byte 8388608, 8388608 bytes",
            "NTFS or exFAT (0x07), first byte 26214400, 2097152 bytes",
        ]
    );
    let both = [expected("partition 1/"), expected("partition 4/")].concat();
    assert_eq!(files(&kept), both);
    assert_eq!(
        kept.missing,
        [
            "partition 3, Linux swap: nothing reads Linux swap yet",
            "partition 5, BitLocker: it is locked by BitLocker",
        ]
    );
}

#[test]
fn gpt_is_read_with_the_names_of_its_partitions() {
    let folder = Folder::new();
    folder.ext("linux.img", "ext2", 4 << 20);
    let image = folder.zeros("disk.img", 16 << 20);
    let script = "label: gpt\n\
        start=2048, size=8192, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"Дані\"\n\
        start=12288, size=4096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n";
    run_with("sfdisk", &["-q", &image], script);
    let mut disk = folder.bytes("disk.img");
    put(&mut disk, 2048 * 512, &folder.bytes("linux.img"));
    let (outcome, kept) = read("disk.img", &disk);
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(
        kept.field("partition"),
        "Linux, first byte 1048576, 4194304 bytes “Дані”"
    );
    assert_eq!(files(&kept), expected("partition 1/"));
    assert!(
        kept.text
            .contains("partition 2: nothing but zeros at its beginning")
    );
}

#[test]
fn an_image_that_is_read_by_nothing_is_named() {
    let mut locked = vec![0; 1 << 20];
    put(&mut locked, 0, b"LUKS\xba\xbe\0\x02");
    let (outcome, kept) = read("disk.img", &locked);
    assert_eq!(
        (outcome.state, kept.field("file_system")),
        (State::Encrypted, "LUKS")
    );
    let marks: [(&str, usize, &[u8]); 4] = [
        ("XFS", 0, b"XFSB"),
        ("APFS", 32, b"NXSB"),
        ("Btrfs", 65_600, b"_BHRfS_M"),
        ("HFS+", 1024, b"H+\0\x04"),
    ];
    for (name, at, mark) in marks {
        let mut image = vec![0; 1 << 20];
        put(&mut image, at, mark);
        let (outcome, kept) = read("disk.img", &image);
        assert_eq!(
            (outcome.state, kept.field("file_system")),
            (State::Unsupported, name)
        );
        assert_eq!(outcome.reason, format!("nothing reads {name} yet"));
    }
}

#[test]
fn images_of_virtual_machines_and_of_other_programs_are_named() {
    let mut vhd = vec![1; 4096];
    put(&mut vhd, 0, b"conectix\0\0\0\x02\0\x01\0\0");
    let mut dmg = vec![1; 4096];
    put(&mut dmg, 4096 - 512, b"koly\0\0\0\x04\0\0\x02\0");
    let all: [(&str, Vec<u8>); 9] = [
        ("Microsoft Virtual Hard Disk", vhd),
        (
            "Microsoft Virtual Hard Disk 2",
            [b"vhdxfile", &[1; 4088][..]].concat(),
        ),
        (
            "QEMU Copy On Write",
            [&b"QFI\xfb\0\0\0\x03"[..], &[1; 4088]].concat(),
        ),
        (
            "Virtual Machine Disk",
            [&b"KDMV\x01\0\0\0"[..], &[1; 4088]].concat(),
        ),
        ("Apple Disk Image", dmg),
        (
            "disk image (AFF)",
            [&b"AFF10\r\n\0"[..], &[1; 4088]].concat(),
        ),
        (
            "EnCase disk image (Ex01)",
            [&b"EVF2\r\n\x81\0"[..], &[1; 4088]].concat(),
        ),
        (
            "EnCase files (L01)",
            [&b"LVF\x09\r\n\xff\0"[..], &[1; 4088]].concat(),
        ),
        (
            "EnCase files (Lx01)",
            [&b"LEF2\r\n\x81\0"[..], &[1; 4088]].concat(),
        ),
    ];
    for (name, bytes) in all {
        let (outcome, _) = read("image", &bytes);
        assert_eq!(outcome.state, State::Unsupported, "{name}");
        assert!(outcome.reason.ends_with(name), "{name}: {}", outcome.reason);
    }
}

#[test]
fn bytes_beyond_a_truncated_image_are_named_file_by_file() {
    let folder = Folder::new();
    folder.fat("card.img", "16", 16 << 20);
    let bytes = folder.bytes("card.img");
    // The first folders and the small files lie at the beginning, what was copied last does not.
    let long = content("orders/deep/er/a long name with blanks.bin", 70_000);
    let at = bytes
        .windows(512)
        .position(|part| part == &long[..512])
        .expect("it is there");
    let (outcome, kept) = read("card.img", &bytes[..at + 50_000]);
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(
        child_state(&kept, "orders/deep/er/a long name with blanks.bin"),
        State::Damaged
    );
    assert!(
        kept.missing
            .iter()
            .any(|what| what.ends_with("its bytes lie beyond the end of the file system"))
    );
}
