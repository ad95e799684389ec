use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use comity_core::random::TestRandom;
use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};
use tempfile::TempDir;

use super::*;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A place for evidence and one for what is spilled.
struct Place {
    evidence: TempDir,
    spill: TempDir,
}

impl Place {
    fn new() -> Result<Place> {
        Ok(Place {
            evidence: tempfile::tempdir()?,
            spill: tempfile::tempdir()?,
        })
    }

    fn path(&self, below: &str) -> PathBuf {
        self.evidence.path().join(below)
    }

    fn write(&self, below: impl AsRef<OsStr>, bytes: &[u8]) -> Result {
        let path = self.evidence.path().join(below.as_ref());
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(fs::write(path, bytes)?)
    }

    fn spill(&self) -> Spill {
        Spill::new(self.spill.path(), &TestRandom::new([3; 32]))
    }

    fn walk(&self, roots: &[&str]) -> std::result::Result<Walk, RootError> {
        let roots: Vec<PathBuf> = roots.iter().map(|root| self.path(root)).collect();
        Walk::new(&roots, &[], self.spill())
    }
}

fn paths(walk: &mut Walk) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for entry in walk {
        out.push(comity_core::shown::shown(&entry?.path));
    }
    Ok(out)
}

fn read(entry: &Entry) -> Result<String> {
    let mut text = String::new();
    entry.open()?.0.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn the_order_is_depth_first_by_the_bytes_of_names() -> Result {
    let place = Place::new()?;
    for name in [
        "a/z", "a/B", "a.txt", "a-1/x", "Z", "ä", "b/c/d/e", "b/c.d", "0",
    ] {
        place.write(format!("in/{name}"), b"x")?;
    }
    let expected = [
        "in/0",
        "in/Z",
        "in/a/B",
        "in/a/z",
        "in/a-1/x",
        "in/a.txt",
        "in/b/c/d/e",
        "in/b/c.d",
        "in/ä",
    ];
    let mut walk = place.walk(&["in"])?;
    assert_eq!(paths(&mut walk)?, expected);
    assert_eq!(walk.folders(), 6);
    assert_eq!(
        paths(&mut place.walk(&["in"])?)?,
        expected,
        "a second walk gives the same"
    );
    Ok(())
}

#[test]
fn several_roots_come_in_the_order_given_and_under_their_own_names() -> Result {
    let place = Place::new()?;
    place.write("usb/photos/1.jpg", b"one")?;
    place.write("usb/notes.txt", b"notes")?;
    place.write("phone/export/chat.db", b"chat")?;
    let entries: Vec<Entry> = place
        .walk(&["usb/photos/", "usb/notes.txt", "phone"])?
        .collect::<std::result::Result<_, _>>()?;
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.root, e.path.as_slice()))
        .collect();
    assert_eq!(
        seen,
        [
            (0, &b"photos/1.jpg"[..]),
            (1, b"notes.txt"),
            (2, b"phone/export/chat.db")
        ]
    );
    for (entry, text) in entries.iter().zip(["one", "notes", "chat"]) {
        assert_eq!(entry.kind, Kind::File);
        assert_eq!(read(entry)?, text);
        assert_eq!(fs::read_to_string(entry.absolute())?, text);
    }
    Ok(())
}

#[test]
fn names_are_bytes() -> Result {
    let place = Place::new()?;
    let raw: [&[u8]; 6] = [
        b"\xff\xfe.doc",
        b"caf\xe9",
        "cafe\u{301}".as_bytes(),
        "caf\u{e9}".as_bytes(),
        b"a\nb",
        b" ",
    ];
    for name in raw {
        place.write(OsStr::from_bytes(&[b"in/", name].concat()), name)?;
    }
    let mut sorted = raw.map(<[u8]>::to_vec);
    sorted.sort();
    let mut seen = Vec::new();
    for entry in place.walk(&["in"])? {
        let entry = entry?;
        let mut bytes = Vec::new();
        entry.open()?.0.read_to_end(&mut bytes)?;
        assert_eq!(bytes, entry.name());
        seen.push(bytes);
    }
    assert_eq!(seen, sorted);
    Ok(())
}

#[test]
fn links_are_recorded_and_never_followed() -> Result {
    let place = Place::new()?;
    place.write("secret/key", b"x")?;
    place.write("in/file", b"x")?;
    symlink("../secret", place.path("in/folder"))?;
    symlink(OsStr::from_bytes(b"gone\xff"), place.path("in/dangling"))?;
    symlink(".", place.path("in/loop"))?;
    symlink("in", place.path("given"))?;
    let kinds: Vec<_> = place
        .walk(&["in"])?
        .map(|entry| entry.map(|entry| (entry.name().to_vec(), entry.kind)))
        .collect::<std::result::Result<_, _>>()?;
    let link = |target: &[u8]| Kind::Symlink {
        target: target.to_vec(),
    };
    assert_eq!(
        kinds,
        [
            (b"dangling".to_vec(), link(b"gone\xff")),
            (b"file".to_vec(), Kind::File),
            (b"folder".to_vec(), link(b"../secret")),
            (b"loop".to_vec(), link(b".")),
        ]
    );

    let given: Vec<Entry> = place
        .walk(&["given"])?
        .collect::<std::result::Result<_, _>>()?;
    assert_eq!(given.len(), 1);
    assert_eq!(given[0].kind, link(b"in"));
    assert!(matches!(given[0].open(), Err(OpenError::NotRegular)));
    assert_eq!(paths(&mut place.walk(&["given/"])?)?[0], "given/dangling");
    Ok(())
}

#[test]
fn sockets_and_pipes_are_named_and_never_opened() -> Result {
    let place = Place::new()?;
    place.write("in/file", b"x")?;
    let _socket = UnixListener::bind(place.path("in/a-socket"))?;
    mknodat(
        CWD,
        place.path("in/b-pipe"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )?;
    let entries: Vec<Entry> = place
        .walk(&["in"])?
        .collect::<std::result::Result<_, _>>()?;
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.clone()).collect();
    assert_eq!(kinds, [Kind::Socket, Kind::Fifo, Kind::File]);
    // Even a caller that opens them neither waits for a writer nor gets a handle.
    for entry in &entries[..2] {
        assert!(matches!(entry.open(), Err(OpenError::NotRegular)));
    }
    Ok(())
}

#[test]
fn devices_are_named() -> Result {
    let place = Place::new()?;
    let roots = [PathBuf::from("/dev/null")];
    let entries: Vec<Entry> =
        Walk::new(&roots, &[], place.spill())?.collect::<std::result::Result<_, _>>()?;
    assert_eq!(entries[0].kind, Kind::Device);
    assert_eq!(entries[0].path, b"null");
    Ok(())
}

#[test]
fn what_vanishes_or_is_replaced_after_listing_is_told_apart() -> Result {
    let place = Place::new()?;
    for name in ["a", "b", "c", "d/x", "e/x", "f"] {
        place.write(format!("in/{name}"), b"x")?;
    }
    symlink("a", place.path("in/g"))?;
    let mut walk = place.walk(&["in"])?;
    let a = walk.next().ok_or("no a")??;
    let b = walk.next().ok_or("no b")??;
    fs::remove_file(place.path("in/a"))?;
    fs::remove_file(place.path("in/b"))?;
    symlink("/etc/passwd", place.path("in/b"))?;
    fs::remove_dir_all(place.path("in/d"))?;
    fs::remove_dir_all(place.path("in/e"))?;
    symlink("/etc", place.path("in/e"))?;
    fs::remove_file(place.path("in/g"))?;
    assert!(matches!(a.open(), Err(OpenError::Vanished)));
    assert!(matches!(b.open(), Err(OpenError::NotRegular)));
    let rest: Vec<_> = walk
        .map(|entry| entry.map(|entry| (entry.name().to_vec(), entry.kind)))
        .collect::<std::result::Result<_, _>>()?;
    assert_eq!(
        rest,
        [
            (b"c".to_vec(), Kind::File),
            (b"d".to_vec(), Kind::Vanished),
            (
                b"e".to_vec(),
                Kind::Symlink {
                    target: b"/etc".to_vec()
                }
            ),
            (b"f".to_vec(), Kind::File),
            (b"g".to_vec(), Kind::Vanished),
        ]
    );
    Ok(())
}

#[test]
fn a_folder_with_many_names_is_sorted_on_disk_within_its_memory() -> Result {
    let place = Place::new()?;
    fs::create_dir(place.path("in"))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let folder = openat(CWD, place.path("in"), flags, Mode::empty())?;
    for n in 0..100_000u32 {
        let name = format!("{:08x}.jpg", n.wrapping_mul(2_654_435_761));
        let flags = OFlags::CREATE | OFlags::WRONLY;
        openat(&folder, name, flags, Mode::from_raw_mode(0o600))?;
    }
    let limits = Limits {
        names_bytes: 256 << 10,
        open_folders: 2,
    };
    let mut walk = place.walk(&["in"])?.with_limits(limits);
    let mut count = 0;
    let mut last = Vec::new();
    while let Some(entry) = walk.next() {
        let entry = entry?;
        assert!(entry.path > last);
        last = entry.path;
        count += 1;
        let resident: usize = walk
            .levels
            .iter()
            .map(|level| level.names.resident_bytes())
            .sum();
        assert!(resident <= 2 << 20, "{resident}");
    }
    assert_eq!(count, 100_000);
    assert!(walk.has_spilled());
    assert!(fs::read_dir(place.spill.path())?.next().is_none());
    Ok(())
}

#[test]
fn names_that_wait_above_leave_memory_and_come_back() -> Result {
    let place = Place::new()?;
    let mut expected = Vec::new();
    let mut folder = "in".to_owned();
    for depth in 0..6 {
        for n in 0..200 {
            place.write(format!("{folder}/{n:0>40}"), b"")?;
            expected.push(format!("{folder}/{n:0>40}"));
        }
        for n in 0..200 {
            place.write(format!("{folder}/z{n:0>40}"), b"")?;
        }
        folder = format!("{folder}/middle-{depth}");
    }
    place.write(format!("{folder}/last"), b"")?;
    expected.push(format!("{folder}/last"));
    for depth in (0..6).rev() {
        folder.truncate(folder.len() - format!("/middle-{depth}").len());
        expected.extend((0..200).map(|n| format!("{folder}/z{n:0>40}")));
    }
    let limits = Limits {
        names_bytes: 40_000,
        open_folders: 2,
    };
    let mut walk = place.walk(&["in"])?.with_limits(limits);
    assert_eq!(paths(&mut walk)?, expected);
    assert!(walk.has_spilled());
    Ok(())
}

/// Makes `levels` nested folders with long names, each with a file before and after the next.
fn deep(place: &Place, levels: usize) -> Result<Vec<Vec<u8>>> {
    let name = "b".repeat(200);
    mkdirat(CWD, place.path("in"), Mode::from_raw_mode(0o700))?;
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut folder = openat(CWD, place.path("in"), flags, Mode::empty())?;
    let mut path = b"in".to_vec();
    let mut before = Vec::new();
    let mut after = Vec::new();
    let file = OFlags::CREATE | OFlags::WRONLY;
    for _ in 0..levels {
        for (leaf, list) in [(&b"a"[..], &mut before), (b"c", &mut after)] {
            let made = openat(
                &folder,
                OsStr::from_bytes(leaf),
                file,
                Mode::from_raw_mode(0o600),
            )?;
            rustix::io::write(&made, leaf)?;
            list.push([&path, &b"/"[..], leaf].concat());
        }
        mkdirat(&folder, &name, Mode::from_raw_mode(0o700))?;
        folder = openat(&folder, &name, flags, Mode::empty())?;
        path = [&path, &b"/"[..], name.as_bytes()].concat();
    }
    before.extend(after.into_iter().rev());
    Ok(before)
}

#[test]
fn paths_longer_than_the_system_can_open_are_walked_and_read() -> Result {
    let place = Place::new()?;
    let expected = deep(&place, 100)?;
    let limits = Limits {
        open_folders: 4,
        ..Limits::default()
    };
    let mut seen = Vec::new();
    for entry in place.walk(&["in"])?.with_limits(limits) {
        let entry = entry?;
        assert_eq!(read(&entry)?.as_bytes(), entry.name());
        seen.push(entry.path);
    }
    assert!(seen.iter().any(|path| path.len() > 16_000));
    assert_eq!(seen, expected);
    Ok(())
}

#[test]
fn a_folder_moved_while_it_is_walked_loses_nothing_silently() -> Result {
    let place = Place::new()?;
    deep(&place, 8)?;
    let limits = Limits {
        open_folders: 2,
        ..Limits::default()
    };
    let walk = place.walk(&["in"])?.with_limits(limits);
    let mut kinds = Vec::new();
    let name = "b".repeat(200);
    for entry in walk {
        kinds.push(entry?.kind);
        if kinds.len() == 8 {
            // The fourth folder is moved away with all below it while the walk is deeper.
            let fourth = place.path(&format!("in/{name}/{name}/{name}"));
            fs::rename(fourth, place.path("moved"))?;
        }
    }
    assert_eq!(kinds.len(), 16);
    assert!(
        kinds
            .iter()
            .all(|kind| matches!(kind, Kind::File | Kind::Vanished))
    );
    // What lies above the moved folder is found again, from the root.
    assert_eq!(kinds[15], Kind::File);
    assert_eq!(kinds[13], Kind::File);
    Ok(())
}

#[test]
fn empty_folders_are_counted() -> Result {
    let place = Place::new()?;
    place.write("in/full/x", b"")?;
    fs::create_dir_all(place.path("in/empty/nested"))?;
    let mut walk = place.walk(&["in"])?;
    assert_eq!(paths(&mut walk)?, ["in/full/x"]);
    assert_eq!((walk.folders(), walk.empty_folders()), (4, 1));
    Ok(())
}

#[test]
fn roots_that_would_count_something_twice_are_refused() -> Result {
    let place = Place::new()?;
    place.write("a/photos/1", b"")?;
    place.write("b/photos/1", b"")?;
    symlink("a", place.path("link"))?;
    let refused = |roots: &[&str]| place.walk(roots).err().map(|error| error.to_string());
    assert!(
        refused(&["a", "a/../a"]).is_some_and(|e| e.ends_with("are the same place: give it once"))
    );
    assert!(refused(&["link/", "a"]).is_some_and(|e| e.contains("same place")));
    assert!(refused(&["a", "a/photos"]).is_some_and(|e| e.contains("a/photos lies within")));
    assert!(refused(&["a/photos/1", "a"]).is_some_and(|e| e.contains("photos/1 lies within")));
    assert!(refused(&["a/photos", "b/photos"]).is_some_and(|e| e.contains("have the same name")));
    assert!(refused(&["none"]).is_some_and(|e| e.contains("No such file")));
    assert_eq!(refused(&["a", "b"]), None);
    assert_eq!(
        refused(&["a", "link"]),
        None,
        "a link is an entry of its own"
    );
    Ok(())
}

#[test]
fn the_centre_itself_is_never_taken_in() -> Result {
    let place = Place::new()?;
    place.write("disk/centre/vault/x", b"")?;
    place.write("disk/evidence/y", b"")?;
    let exclude = [place.path("disk/centre")];
    let walk = |root: &str| Walk::new(&[place.path(root)], &exclude, place.spill());
    assert!(matches!(walk("disk"), Err(RootError::HoldsExcluded { .. })));
    assert!(matches!(
        walk("disk/centre"),
        Err(RootError::WithinExcluded { .. })
    ));
    assert!(matches!(
        walk("disk/centre/vault"),
        Err(RootError::WithinExcluded { .. })
    ));

    // A centre that moves into a folder while that is walked is met by its identity.
    let mut walk = walk("disk/evidence")?;
    fs::rename(place.path("disk/centre"), place.path("disk/evidence/moved"))?;
    let entry = walk.next().ok_or("nothing")??;
    assert_eq!(entry.path, b"evidence/moved");
    assert!(matches!(entry.kind, Kind::FolderUnreadable { .. }));
    Ok(())
}

#[test]
fn a_full_disk_while_names_are_sorted_is_no_fact_about_the_evidence() -> Result {
    let place = Place::new()?;
    for n in 0..50 {
        place.write(format!("in/{n}"), b"")?;
    }
    let spill = Spill::new(&place.path("no such folder"), &TestRandom::new([3; 32]));
    let limits = Limits {
        names_bytes: 16,
        open_folders: 2,
    };
    let mut walk = Walk::new(&[place.path("in")], &[], spill)?.with_limits(limits);
    assert!(matches!(walk.next(), Some(Err(WalkError::Spill { .. }))));
    assert!(walk.next().is_none());
    Ok(())
}

/// As root everything can be read, so the test runs itself again as nobody.
#[test]
fn what_may_not_be_read_is_named_with_the_reason_and_the_rest_goes_on() -> Result {
    use std::os::unix::fs::PermissionsExt;

    const NAME: &str = "what_may_not_be_read_is_named_with_the_reason_and_the_rest_goes_on";
    const GIVEN: &str = "COMITY_TEST_UNREADABLE";
    if let Some(root) = std::env::var_os(GIVEN) {
        let spill = Spill::new(Path::new(&root), &TestRandom::new([3; 32]));
        let entries: Vec<Entry> = Walk::new(&[PathBuf::from(&root)], &[], spill)?
            .collect::<std::result::Result<_, _>>()?;
        assert_eq!(entries.len(), 3);
        let reason = "Permission denied (os error 13)".to_owned();
        assert_eq!(entries[0].kind, Kind::FolderUnreadable { reason });
        let refused = entries[1].open();
        assert!(matches!(&refused, Err(OpenError::Unreadable(error))
            if error.kind() == io::ErrorKind::PermissionDenied));
        assert_eq!(read(&entries[2])?, "open");
        return Ok(());
    }

    let place = Place::new()?;
    place.write("in/a-locked/x", b"x")?;
    place.write("in/b-locked", b"x")?;
    place.write("in/c-open", b"open")?;
    let set = |below: &str, mode| {
        fs::set_permissions(place.path(below), fs::Permissions::from_mode(mode))
    };
    set("", 0o755)?;
    set("in", 0o755)?;
    set("in/c-open", 0o644)?;
    set("in/b-locked", 0o000)?;
    set("in/a-locked", 0o000)?;
    let as_nobody = match rustix::process::geteuid().is_root() {
        true => "exec setpriv --reuid=65534 --regid=65534 --clear-groups --",
        false => "exec",
    };
    let ran = again(as_nobody, NAME, GIVEN, &place.path("in"));
    set("in/a-locked", 0o755)?;
    ran
}

/// Runs the test `name` again in a process with other bounds, told by `given` where to look.
fn again(shell: &str, name: &str, given: &str, place: &Path) -> Result {
    let exe = std::env::current_exe()?;
    let script = format!("{shell} \"$0\" {name}");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .arg(exe)
        .env(given, place)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    Ok(())
}

#[test]
fn few_descriptors_suffice_and_too_few_are_no_fact_about_the_evidence() -> Result {
    const NAME: &str = "few_descriptors_suffice_and_too_few_are_no_fact_about_the_evidence";
    const GIVEN: &str = "COMITY_TEST_DESCRIPTORS";
    if let Some(root) = std::env::var_os(GIVEN) {
        let walk = |open_folders| -> Result<Walk> {
            let spill = Spill::new(Path::new(&root), &TestRandom::new([3; 32]));
            let walk = Walk::new(&[PathBuf::from(&root)], &[], spill)?;
            Ok(walk.with_limits(Limits {
                open_folders,
                ..Limits::default()
            }))
        };
        let mut count = 0;
        for entry in walk(4)? {
            assert_eq!(entry?.kind, Kind::File);
            count += 1;
        }
        assert_eq!(count, 200);
        let last = walk(1000)?.last();
        assert!(
            matches!(last, Some(Err(WalkError::Exhausted { .. }))),
            "{last:?}"
        );
        return Ok(());
    }
    let place = Place::new()?;
    deep(&place, 100)?;
    again("ulimit -n 24; exec", NAME, GIVEN, &place.path("in"))
}
