//! Images of disks in several files: read as one with their first file, and never with anything that is kept apart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use comity_app::Centre;
use comity_app::acts::{Covered, Scope};
use comity_app::fixity::Pace;
use comity_app::item::Item;
use comity_core::id::Ern;
use comity_extract::{KeptLine, State};
use comity_store::Disk;
use comity_vault::PackId;

use crate::acts::{confirm, erasure, person, propose, refused, two_persons_with_keys};
use crate::backup::back_up;
use crate::fixture::*;
use crate::reading::{work, workers, zipped};

on_every_kind! {
    an_image_in_several_files_is_one_item_with_what_is_inside,
    a_file_that_comes_later_has_the_image_read_again,
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("MTOOLS_SKIP_CHECK", "1")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup installs it"));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{program}: {said}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A card of 3 MiB in `folder`: a letter, and a file that is larger than any file of its image.
fn card(folder: &Path) -> PathBuf {
    let image = sparse(folder, "card.img", 3 << 20);
    run("mkfs.vfat", &["-F", "12", "-n", "CARD", text(&image)]);
    let files = [
        put(folder, "letter.txt", SENTENCE.as_bytes()),
        put(folder, "large.bin", &noise(5, 2_200_000)),
    ];
    for file in files {
        run("mcopy", &["-i", text(&image), text(&file), "::/"]);
    }
    image
}

/// The files of an image as libewf makes them, by their names.
fn acquired(world: &World) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir_in(world.folder.path()).unwrap();
    let (image, target) = (card(folder.path()), folder.path().join("card"));
    let how = ["-f", "encase6", "-c", "none", "-S", "1M", "-d", "sha1"];
    let told = ["-u", "-q", "-t", text(&target), text(&image)];
    run("ewfacquire", &[&how[..], &told].concat());
    let all = files(folder.path()).into_iter();
    let all: Vec<_> = all.filter(|(name, _)| name.starts_with("card.E")).collect();
    assert_eq!(all.len(), 4);
    all
}

fn md5_of(path: &Path) -> String {
    let said = Command::new("md5sum").arg(path).output().unwrap().stdout;
    String::from_utf8(said).unwrap()[..32].to_owned()
}

fn put_all(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        put(folder, name, bytes);
    }
}

/// The newest event `read` of an item.
fn reading(centre: &Centre, item: &Item) -> comity_app::reading::Reading {
    let mut session = centre.session().unwrap();
    let item = centre.item(&mut session, &item.ern).unwrap();
    centre.reading(&mut session, item).unwrap().unwrap()
}

/// State, reason, and what is missing.
fn ended(centre: &Centre, path: &str) -> (State, String, Vec<String>) {
    let reading = reading(centre, &item_at(centre, path));
    let mut missing = Vec::new();
    reading
        .each_line(&mut |line| {
            if let KeptLine::Missing(what) = line {
                missing.push(what);
            }
            Ok(true)
        })
        .unwrap();
    (reading.state, reading.reason, missing)
}

fn erns(centre: &Centre, paths: &[&str]) -> Vec<Ern> {
    paths.iter().map(|path| item_at(centre, path).ern).collect()
}

/// The acquisition's digests, digest by digest.
fn verdicts(centre: &Centre, path: &str) -> Vec<String> {
    let mut verdicts = Vec::new();
    reading(centre, &item_at(centre, path))
        .each_line(&mut |line| {
            if let KeptLine::Field { name, value, .. } = line
                && name == "acquisition_digest"
            {
                verdicts.push(value);
            }
            Ok(true)
        })
        .unwrap();
    verdicts
}

fn inside(centre: &Centre, path: &str) -> Vec<(String, State)> {
    let above = item_at(centre, path).ern;
    let mut all: Vec<(String, State)> = items(centre)
        .into_iter()
        .filter(|item| item.ern.parent() == Some(above))
        .map(|item| {
            let path = String::from_utf8(item.facts.unwrap().path).unwrap();
            (path, item.reading.unwrap().state)
        })
        .collect();
    all.sort();
    all
}

fn whole() -> Vec<(String, State)> {
    vec![
        ("large.bin".to_owned(), State::Unsupported),
        ("letter.txt".to_owned(), State::Read),
    ]
}

const PATHS: [&str; 4] = [
    "usb/card.E01",
    "usb/card.E02",
    "usb/card.E03",
    "usb/card.E04",
];

/// The image is read as one of four files.
fn assert_whole(centre: &Centre) {
    let (state, _, missing) = ended(centre, PATHS[0]);
    assert_eq!((state, &missing[..]), (State::Read, &[][..]));
    assert_eq!(verdicts(centre, PATHS[0]), ["matches", "matches"]);
    let first = reading(centre, &item_at(centre, PATHS[0]));
    assert_eq!(first.files, erns(centre, &PATHS[1..]));
    let ern = first.item.ern;
    for (number, path) in (2..).zip(&PATHS[1..]) {
        let (state, reason, missing) = ended(centre, path);
        assert_eq!((state, missing.len()), (State::Read, 0), "{path}");
        let expected = format!(
            "it is file {number} of the disk image that begins with {ern}, and was read with it"
        );
        assert_eq!(reason, expected);
        assert_eq!(inside(centre, path), []);
    }
    for (name, bytes) in [
        ("letter.txt", SENTENCE.as_bytes()),
        ("large.bin", &noise(5, 2_200_000)),
    ] {
        let of = items(centre).into_iter().rev();
        let mut of = of.filter(|i| i.ern.parent() == Some(ern));
        let is_it = |i: &Item| i.facts.as_ref().unwrap().path == name.as_bytes();
        let child = of.find(is_it).unwrap();
        assert_eq!(bytes_of(centre, &child), bytes, "{name}");
    }
}

fn an_image_in_several_files_is_one_item_with_what_is_inside(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    let all = acquired(&world);
    put_all(&usb, &all);
    put(&usb, "z.txt", SENTENCE.as_bytes());
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let done = work(&centre);
    assert_whole(&centre);
    assert_eq!(inside(&centre, PATHS[0]), whole());
    // Each of them once: four files, what is inside, and the text beside.
    assert_eq!(done.tally.items(), 7);
    assert_eq!(count_events(&centre, "read"), 7);
    assert_eq!(count_events(&centre, "reading_asked"), 0);
    let md5 = reading(&centre, &item_at(&centre, PATHS[0])).md5_and_sha1;
    assert_eq!(md5.unwrap().0, md5_of(&usb.join("card.E01")));
    // Asked for once more by one of its files, it is the image that is read again.
    let again = [item_at(&centre, PATHS[2])];
    centre.read_again(&actor(&centre), &again).unwrap();
    work(&centre);
    assert_whole(&centre);
    assert_eq!(inside(&centre, PATHS[0]), whole());
    assert!(items(&centre).iter().all(|item| !item.is_unread()));
    drop(centre);
    world.assert_sound();
}

fn a_file_that_comes_later_has_the_image_read_again(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    let all = acquired(&world);
    put_all(&usb, &all[..2]);
    put_all(&usb, &all[3..]);
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    // The third is missing: what there is was read, and what is said names the file.
    let (state, _, missing) = ended(&centre, PATHS[0]);
    assert_eq!(state, State::InPart);
    let said = "the next file of its image, “card.E03”: no such file was taken in from this source";
    assert!(missing.iter().any(|what| what == said), "{missing:?}");
    assert_eq!(verdicts(&centre, PATHS[0]), ["absent"]);
    let first = reading(&centre, &item_at(&centre, PATHS[0]));
    assert_eq!(first.files, erns(&centre, &PATHS[1..2]));
    let (state, _, missing) = ended(&centre, PATHS[3]);
    assert_eq!(state, State::InPart);
    let said = format!(
        "by its name it is a file of the image of {}, and was not read with it: a file before it is not there, or was not read with it",
        first.item.ern
    );
    assert!(missing.contains(&said), "{missing:?}");
    // The rest of the delivery. Nobody asks for anything.
    put_all(&usb, &all[2..3]);
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    assert_whole(&centre);
    let first = item_at(&centre, PATHS[0]);
    let kinds = kinds(&centre, &first).into_iter();
    let kinds: Vec<String> = kinds.filter(|kind| kind != "delivered_again").collect();
    assert_eq!(kinds, ["received", "read", "reading_asked", "read"]);
    assert_eq!(count_events(&centre, "reading_asked"), 1);
    // What was had whole is the same item; of the other the part stays beside the whole.
    let children = inside(&centre, PATHS[0]);
    let named = |name: &str| children.iter().filter(|(n, _)| n == name).count();
    assert_eq!((named("letter.txt"), named("large.bin")), (1, 2));
    let size = log_size(&centre);
    work(&centre);
    assert_eq!(log_size(&centre), size);
    drop(centre);
    world.assert_sound();
}

/// A way to keep the other files of an image apart from its first one.
type Way<'a> = dyn Fn(&World, &Centre, &[(String, Vec<u8>)]) + 'a;

#[test]
fn nothing_is_joined_that_is_kept_apart() {
    let other = |world: &World, name: &str, files: &[(String, Vec<u8>)]| {
        let folder = world.folder.path().join(name).join("usb");
        fs::create_dir_all(&folder).unwrap();
        put_all(&folder, files);
        folder
    };
    // The first file is in usb/, by UKR, in the first case. Where are the others?
    let ways: [(&str, &Way<'_>); 6] = [
        ("another member", &|world, centre, rest| {
            let folder = other(world, "theirs", rest);
            let mut request = request(&[&folder]);
            request.member = "LTU".parse().unwrap();
            take_in(centre, &request).unwrap();
        }),
        ("another case", &|world, centre, rest| {
            let folder = other(world, "theirs", rest);
            let mut request = request(&[&folder]);
            request.case = "The other case".to_owned();
            take_in(centre, &request).unwrap();
        }),
        ("another source", &|world, centre, rest| {
            let folder = other(world, "theirs", rest);
            let mut request = request(&[&folder]);
            request.source = "another stick".to_owned();
            take_in(centre, &request).unwrap();
        }),
        ("another handling code", &|world, centre, rest| {
            let folder = other(world, "theirs", rest);
            let mut request = request(&[&folder]);
            request.handling = Some("H3".to_owned());
            take_in(centre, &request).unwrap();
        }),
        ("another folder", &|world, centre, rest| {
            let folder = world.place("more");
            put_all(&folder, rest);
            take_in(centre, &request(&[&folder])).unwrap();
        }),
        (
            "inside of an archive that names their paths",
            &|world, centre, rest| {
                let folder = world.place("more");
                let names: Vec<String> = rest.iter().map(|(n, _)| format!("usb/{n}")).collect();
                let files = names.iter().zip(rest);
                let files: Vec<_> = files.map(|(n, (_, b))| (n.as_str(), &b[..])).collect();
                put(&folder, "a.zip", &zipped(&files));
                take_in(centre, &request(&[&folder])).unwrap();
            },
        ),
    ];
    for (what, way) in ways {
        let world = World::new(PLAIN);
        let all = acquired(&world);
        let usb = world.place("usb");
        put_all(&usb, &all[..1]);
        let centre = world.open();
        // Both orders: who comes first gets no more.
        take_in(&centre, &request(&[&usb])).unwrap();
        work(&centre);
        way(&world, &centre, &all[1..]);
        work(&centre);
        centre
            .read_again(&actor(&centre), &[item_at(&centre, PATHS[0])])
            .unwrap();
        work(&centre);
        let first = items(&centre).into_iter().find(|item| {
            item.ern.depth() == 0 && item.facts.as_ref().unwrap().path == b"usb/card.E01"
        });
        let read = reading(&centre, &first.unwrap());
        assert_eq!(
            (read.state, &read.files[..]),
            (State::InPart, &[][..]),
            "{what}"
        );
        assert_eq!(
            number(&centre, "SELECT count(*) FROM segments"),
            0,
            "{what}"
        );
        assert_eq!(count_events(&centre, "reading_asked"), 1, "{what}");
        // Of the letter, which lies in the later files, nothing came through the first one.
        let of_first = items(&centre).into_iter();
        let of_first = of_first.filter(|i| i.ern.parent() == Some(read.item.ern));
        for child in of_first.filter(|i| i.object.is_some()) {
            assert!(child.size < 1 << 20, "{what}: {}", child.size);
        }
        for item in items(&centre) {
            let path = item.facts.as_ref().unwrap().path.clone();
            if item.ern != read.item.ern && path.ends_with(b"card.E02") {
                assert_eq!(item.reading.unwrap().state, State::InPart, "{what}");
            }
        }
        drop(centre);
        world.assert_sound();
    }
}

/// The pack that holds an item's bytes, and where in it they are: from, and how many.
fn pack_of(centre: &Centre, item: &Item) -> (PackId, usize, usize) {
    let sql = "SELECT pack, at, sealed_size FROM objects WHERE no = ?";
    let mut session = centre.session().unwrap();
    let row = session.query_one(sql, &[item.object.unwrap().into()]);
    let row = row.unwrap().unwrap();
    let place = [row.int(1).unwrap(), row.int(2).unwrap()].map(|n| n as usize);
    (PackId(row.array(0).unwrap()), place[0], place[1])
}

#[test]
fn a_damaged_file_ends_the_image_and_one_in_quarantine_is_read_with_it_once_it_is_mended() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put_all(&usb, &acquired(&world));
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let backup = world.folder.path().join("backup");
    back_up(&world, &backup, Disk::real()).unwrap();
    let centre = world.open();
    // A changed byte in the third file, which nobody has noticed yet.
    let third = item_at(&centre, PATHS[2]);
    let (pack, at, size) = pack_of(&centre, &third);
    let sound = centre.objects.get(&pack.name()).unwrap().unwrap();
    let mut bytes = sound.to_vec();
    bytes[at + size / 2] ^= 1;
    centre.objects.put(&pack.name(), &bytes).unwrap();
    let outcome = centre.work(&workers(2), &|_| ()).unwrap();
    let aside: Vec<Ern> = outcome.aside.iter().map(|aside| aside.ern).collect();
    assert_eq!(aside, [third.ern]);
    let (state, _, missing) = ended(&centre, PATHS[0]);
    assert_eq!(state, State::InPart);
    let said = "the next file of its image, “card.E03”: its bytes could not be read from the vault";
    assert!(missing.iter().any(|w| w.starts_with(said)), "{missing:?}");
    let first = reading(&centre, &item_at(&centre, PATHS[0]));
    assert_eq!(first.files, erns(&centre, &PATHS[1..2]));
    // It is set apart: whatever else is read of the image, not that.
    let run = centre.check_fixity(&actor(&centre), Pace::default(), &|_, _| ());
    assert_eq!(run.unwrap().quarantined, 1);
    centre.read_again(&actor(&centre), &[first.item]).unwrap();
    let outcome = centre.work(&workers(2), &|_| ()).unwrap();
    assert_eq!(outcome.aside.len(), 1);
    let (_, _, missing) = ended(&centre, PATHS[0]);
    let said = "the next file of its image, “card.E03”: it is in quarantine";
    assert!(missing.iter().any(|w| w.starts_with(said)), "{missing:?}");
    // Mended, it is read with the rest, and nobody asks for it.
    centre.repair(&actor(&centre), &backup).unwrap();
    drop(centre);
    let centre = world.open();
    work(&centre);
    assert_whole(&centre);
    drop(centre);
    world.assert_sound();
}

#[test]
fn a_hold_on_one_file_holds_the_image_and_an_erasure_says_what_stays() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put_all(&usb, &acquired(&world));
    put(&usb, "z.txt", b"beside it");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    two_persons_with_keys(&centre);
    let acting = person(&centre, "UKR-P0001", Some(1));
    let letter = items(&centre)
        .into_iter()
        .find(|i| i.ern.depth() == 1 && i.facts.as_ref().unwrap().path == b"letter.txt")
        .unwrap();
    let all: Vec<Item> = PATHS.iter().map(|path| item_at(&centre, path)).collect();
    let beside = item_at(&centre, "usb/z.txt");
    for held in [&all[0], &all[2]] {
        let hold = Covered::Items(vec![held.ern]);
        let hold = centre.hold(&acting, &hold, "needed", "order 1").unwrap();
        for other in all.iter().chain([&letter]) {
            let asked = erasure(&[other], Scope::These);
            refused(centre.erase(&acting, &asked), "under a hold");
        }
        let mut session = centre.session().unwrap();
        assert_eq!(centre.holds_of(&mut session, beside.no).unwrap().len(), 0);
        centre
            .release(&acting, &hold, "no longer", "order 2")
            .unwrap();
    }
    // The letter's bytes are in the files, and nobody forgets one of them without being told of the others.
    let unsaid = centre.erase(&acting, &erasure(&[&letter], Scope::Unsaid));
    refused(unsaid, "are read as one image with UKR-000001-0000002");
    let unsaid = centre.erase(&acting, &erasure(&[&all[1]], Scope::Unsaid));
    refused(unsaid, "are read as one image with UKR-000001-0000001");
    let erased = confirm(&centre, &propose(&centre, &[&all[1]], Scope::These)).unwrap();
    assert_eq!(
        erased.survivors.image_files,
        [all[0].ern, all[2].ern, all[3].ern]
    );
    // What was taken out stays; the image can be read without the file alone.
    assert_eq!(bytes_of(&centre, &letter), SENTENCE.as_bytes());
    let again = [item_at(&centre, PATHS[0]), item_at(&centre, PATHS[2])];
    centre.read_again(&actor(&centre), &again).unwrap();
    work(&centre);
    let (state, _, _) = ended(&centre, PATHS[0]);
    assert_eq!(state, State::InPart);
    assert_eq!(reading(&centre, &all[0]).files, []);
    assert_eq!(ended(&centre, PATHS[2]).0, State::InPart);
    // The whole of it, with what is inside.
    let left = [&all[0], &all[2], &all[3]];
    let erased = confirm(&centre, &propose(&centre, &left, Scope::Unsaid)).unwrap();
    assert_eq!(erased.survivors.image_files, []);
    assert_eq!(number(&centre, "SELECT count(*) FROM segments"), 0);
    drop(centre);
    world.assert_sound();
}

#[test]
fn what_is_being_read_of_a_file_while_it_is_erased_is_not_recorded() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    let folder = tempfile::tempdir().unwrap();
    let image = sparse(folder.path(), "card.img", 48 << 20);
    run("mkfs.vfat", &["-F", "16", text(&image)]);
    // So much that what comes first is recorded before the image has been read to its end.
    for (name, size) in [("1.bin", 17 << 20), ("2.bin", 17 << 20)] {
        let file = put(folder.path(), name, &noise(size as u64, size));
        run("mcopy", &["-i", text(&image), text(&file), "::/"]);
    }
    for n in 0..1100 {
        put(
            folder.path(),
            format!("many/{n}.txt"),
            format!("{n}").as_bytes(),
        );
    }
    let many = folder.path().join("many");
    run("mcopy", &["-s", "-i", text(&image), text(&many), "::/"]);
    for (number, piece) in (1..).zip(fs::read(&image).unwrap().chunks(20 << 20)) {
        put(&usb, format!("card.{number:03}"), piece);
    }
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    two_persons_with_keys(&centre);
    let second = item_at(&centre, "usb/card.002");
    let proposal = propose(&centre, &[&second], Scope::These);
    let erased = std::sync::Mutex::new(Some(()));
    let outcome = centre.work(&workers(1), &|progress| {
        if progress.tally.found > 0 && erased.lock().unwrap().take().is_some() {
            confirm(&world.open(), &proposal).unwrap();
        }
    });
    assert_eq!(outcome.unwrap().tally.overtaken, 1);
    assert_eq!(*erased.lock().unwrap(), None);
    let (state, _, missing) = ended(&centre, "usb/card.001");
    assert_eq!(state, State::InPart);
    let said = "the next file of its image, “card.002”: no such file was taken in from this source";
    assert!(missing.iter().any(|what| what == said), "{missing:?}");
    let first = item_at(&centre, "usb/card.001");
    assert_eq!(reading(&centre, &first).files, []);
    assert_eq!(
        kinds(&centre, &item_at(&centre, "usb/card.003")),
        ["received", "read"]
    );
    assert_eq!(kinds(&centre, &first), ["received", "read"]);
    drop(centre);
    world.assert_sound();
}

#[test]
fn pieces_of_a_raw_image_are_one_and_files_that_are_only_called_so_are_not() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    let folder = tempfile::tempdir().unwrap();
    let image = fs::read(card(folder.path())).unwrap();
    for (number, piece) in (1..).zip(image.chunks(800_000)) {
        put(&usb, format!("card.dd.{number:03}"), piece);
    }
    for day in 1..4 {
        let text = format!("log of day {day}, and what was seen from the tower");
        put(&usb, format!("log.{day:03}"), text.as_bytes());
    }
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    let path = "usb/card.dd.001";
    assert_eq!(ended(&centre, path).0, State::Read);
    assert_eq!(inside(&centre, path), whole());
    let first = reading(&centre, &item_at(&centre, path));
    assert_eq!(
        first.files,
        erns(
            &centre,
            &["usb/card.dd.002", "usb/card.dd.003", "usb/card.dd.004"]
        )
    );
    // Digests of an item are of its own bytes, whatever was read with it.
    let md5 = first.md5_and_sha1.unwrap().0;
    assert_eq!(md5, md5_of(&usb.join("card.dd.001")));
    assert!(
        ended(&centre, "usb/card.dd.003")
            .1
            .starts_with("it is file 3 of the disk image")
    );
    for day in 1..4 {
        let log = reading(&centre, &item_at(&centre, &format!("usb/log.{day:03}")));
        assert_eq!((log.state, log.files.len()), (State::Read, 0));
        assert_eq!(log.media.as_deref(), Some("text/plain"));
    }
    assert_eq!(count_events(&centre, "reading_asked"), 0);
    drop(centre);
    world.assert_sound();
}

#[test]
fn very_many_files_with_names_of_an_image_are_read_each_in_its_time() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    let all = acquired(&world);
    put_all(&usb, &all[..1]);
    // They call themselves its files, and one of them is an image that begins anew.
    put(&usb, "card.E02", &all[0].1);
    for number in 3..100 {
        put(&usb, format!("card.E{number:02}"), b"no image");
    }
    for a in b'A'..=b'B' {
        for b in 0..26 * 26u32 {
            let tail = [b / 26, b % 26].map(|n| char::from(b'A' + n as u8));
            let name = format!("card.{}{}{}", char::from(b'E' + a - b'A'), tail[0], tail[1]);
            put(&usb, name, b"no image");
        }
    }
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    let (state, _, missing) = ended(&centre, PATHS[0]);
    assert_eq!(state, State::InPart);
    let why = "it says that it is file 1 of an image";
    assert!(missing.iter().any(|w| w.contains(why)), "{missing:?}");
    let (state, _, missing) = ended(&centre, PATHS[1]);
    assert_eq!(state, State::InPart);
    assert!(missing.iter().any(|w| w.contains("was not read with it")));
    assert!(items(&centre).iter().all(|item| !item.is_unread()));
    assert_eq!(count_events(&centre, "reading_asked"), 0);
    assert_eq!(number(&centre, "SELECT count(*) FROM segments"), 0);
}
