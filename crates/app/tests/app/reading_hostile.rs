//! Hostile files: the worker may die, the item gets its state, and the rest goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use comity_app::reading::Workers;
use comity_core::digest::Digest;
use comity_core::id::Ern;
use comity_extract::{Limits, State};

use crate::fixture::*;
use crate::reading::{work, workers, zipped};

fn state_of(centre: &comity_app::Centre, path: &str) -> State {
    item_at(centre, path).reading.unwrap().state
}

#[test]
fn bombs_and_broken_files_end_in_their_state_and_the_rest_goes_on() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    // Ten archives, each of ten copies of the next: 10^10 files, were they all unpacked.
    let mut wide = zipped(&[("grain", &[0; 100_000])]);
    for _ in 0..9 {
        let names: Vec<String> = (0..10).map(|n| format!("{n}.zip")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &wide[..])).collect();
        wide = zipped(&files);
    }
    let mut deep = zipped(&[("core.txt", SENTENCE.as_bytes())]);
    for _ in 0..40 {
        deep = zipped(&[("deeper.zip", &deep)]);
    }
    // Its only member is itself.
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/corpus");
    let quine = fs::read(corpus.join("container/nasty-quine")).unwrap();
    put(&usb, "quine.zip", &quine);
    put(&usb, "wide.zip", &wide);
    put(&usb, "deep.zip", &deep);
    put(&usb, "entities.docx", &zipped(&[
        ("[Content_Types].xml", br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#),
        ("word/document.xml", br#"<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&d;&d;&d;</w:t></w:r></w:p></w:body></w:document>"#),
    ]));
    let whole = zipped(&[("one.txt", b"one"), ("two.txt", SENTENCE.as_bytes())]);
    for cut in [1, whole.len() / 3, whole.len() / 2, whole.len() - 3] {
        put(&usb, format!("cut-{cut}.zip"), &whole[..cut]);
    }
    put(
        &usb,
        "names.zip",
        &zipped(&[
            ("../../../outside.txt", b"out"),
            ("/etc/shadow", b"no"),
            ("a\nb\u{202e}.txt", b"c"),
        ]),
    );
    put(&usb, "z-letter.txt", SENTENCE.as_bytes());
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    // Twelve containers are opened; the thirteenth would have no number.
    let deepest = items(&centre)
        .into_iter()
        .max_by_key(|i| i.ern.depth())
        .unwrap();
    assert_eq!(deepest.ern.depth(), Ern::MAX_DEPTH);
    assert_eq!(deepest.reading.unwrap().state, State::OverLimit);
    let same = Digest::of(&quine);
    let quines = items(&centre).into_iter().filter(|item| {
        item.facts
            .as_ref()
            .is_some_and(|facts| facts.sha256 == Some(same.0))
    });
    let states: Vec<State> = quines.map(|item| item.reading.unwrap().state).collect();
    assert_eq!(states.len(), Ern::MAX_DEPTH + 1);
    assert_eq!(states.iter().filter(|s| **s == State::OverLimit).count(), 1);
    assert_eq!(state_of(&centre, "usb/z-letter.txt"), State::Read);
    assert_eq!(state_of(&centre, "usb/names.zip"), State::Read);
    assert!(items(&centre).iter().all(|item| !item.is_unread()));
    let wide = item_at(&centre, "usb/wide.zip");
    let inside = comity_app::item::Filter {
        inside: Some(
            centre
                .inside(&mut centre.session().unwrap(), &wide)
                .unwrap(),
        ),
        ..Default::default()
    };
    let counted = centre
        .count_items(&mut centre.session().unwrap(), &inside)
        .unwrap();
    assert!(counted.iter().any(|c| c.reading == Some(State::OverLimit)));
    assert!(counted.iter().map(|c| c.items).sum::<u64>() <= 10_001);
    assert!(!world.folder.path().join("outside.txt").exists());
    drop(centre);
    world.assert_sound();
}

/// Files of every type that is read, sound and nasty.
fn of_every_type() -> Vec<PathBuf> {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let types = [
        "compound",
        "container",
        "disk",
        "film",
        "html",
        "mail",
        "office",
        "pdf",
        "picture",
        "pst",
        "rar",
        "rtf",
        "sound",
        "web",
    ];
    let mut folders: Vec<PathBuf> = types.map(|t| testdata.join("corpus").join(t)).into();
    folders.push(testdata.join("samples/evidence"));
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn files_of_every_type_cut_off_anywhere_end_in_a_state() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    let mut cuts = 0;
    for (n, path) in of_every_type().iter().enumerate() {
        let whole = fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut lengths = vec![1, whole.len() / 3, whole.len() / 2, whole.len().max(1) - 1];
        lengths.dedup();
        for cut in lengths {
            put(
                &usb,
                format!("{n:03} {cut} {name}"),
                &whole[..cut.min(whole.len())],
            );
            cuts += 1;
        }
    }
    put(&usb, "z-letter.txt", SENTENCE.as_bytes());
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    let items = items(&centre);
    assert!(
        cuts > 250 && items.len() > cuts,
        "{cuts} of {}",
        items.len()
    );
    let unread: Vec<_> = items.iter().filter(|item| item.is_unread()).collect();
    assert!(unread.is_empty(), "{unread:?}");
    // A worker that a file crashed or kept busy is a state too, but none of these does that.
    for (item, reading) in items.iter().filter_map(|i| Some((i, i.reading?))) {
        assert!(reading.state < State::Crashed, "{:?}", item.facts);
    }
    assert_eq!(state_of(&centre, "usb/z-letter.txt"), State::Read);
    drop(centre);
    world.assert_sound();
}

#[test]
fn what_a_worker_may_not_have_in_time_or_memory_is_a_state() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", SENTENCE.as_bytes());
    put(&usb, "b.zip", &zipped(&[("a", b"a")]));
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let hurried = Workers {
        limits: Limits {
            time: Duration::ZERO,
            ..Limits::default()
        },
        ..workers(1)
    };
    let outcome = centre.work(&hurried, &|_| ()).unwrap();
    assert_eq!(outcome.tally.states[State::TimedOut as usize], 2);
    assert_eq!(state_of(&centre, "usb/a.txt"), State::TimedOut);
    // Asked for again, and with time enough, they are read.
    centre.read_again(&actor(&centre), &items(&centre)).unwrap();
    work(&centre);
    assert_eq!(state_of(&centre, "usb/a.txt"), State::Read);
    drop(centre);
    world.assert_sound();
}

#[test]
fn a_reader_that_dies_leaves_a_state_and_the_next_item_is_read() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", SENTENCE.as_bytes());
    put(&usb, "b.txt", b"two");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    // It says that it is ready, and dies of whatever it is given.
    let version = comity_extract::protocol::VERSION;
    let script = format!(
        "#!/bin/sh\nprintf '\\000\\000\\000\\014\\020\\{version:03o}\\000\\000\\000\\007dying 1' >&0\ndd bs=1 count=5 >/dev/null 2>&1\necho 'stack smashed'\nkill -SEGV $$\n"
    );
    let program = put(world.folder.path(), "dying", script.as_bytes());
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let dying = Workers {
        program,
        ..workers(1)
    };
    let outcome = centre.work(&dying, &|_| ()).unwrap();
    assert_eq!(outcome.tally.states[State::Crashed as usize], 2);
    let item = item_at(&centre, "usb/a.txt");
    let mut session = centre.session().unwrap();
    let reading = centre.reading(&mut session, item).unwrap().unwrap();
    assert_eq!(reading.state, State::Crashed);
    assert!(
        reading.reason.contains("signal 11") && reading.reason.contains("stack smashed"),
        "{}",
        reading.reason
    );
    assert_eq!(reading.reader.as_deref(), Some("dying 1"));
    drop(session);
    // It is no longer waiting, and is read when somebody asks for it.
    assert_eq!(work(&centre).tally.items(), 0);
    centre.read_again(&actor(&centre), &items(&centre)).unwrap();
    assert_eq!(work(&centre).tally.states[State::Read as usize], 2);
    drop(centre);
    world.assert_sound();
}
