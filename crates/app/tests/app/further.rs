//! Further passes: what is to be looked at is drawn, characters are recognised, and both are kept, found, forgotten
//! and made anew as anything else. Tesseract is installed by `scripts/setup`.

use std::path::Path;

use comity_app::acts::Scope;
use comity_app::item::{Item, Wanted};
use comity_app::reading::{Outcome, Pass, Workers};
use comity_app::{AppError, Centre};
use comity_extract::{Role, State};

use crate::acts::{confirm, propose, refused, two_persons_with_keys};
use crate::fixture::*;
use crate::reading::workers;
use crate::search::{hits, paths};

on_every_kind! {
    a_scanned_page_is_read_first_then_drawn_and_then_found_by_its_characters,
    what_was_drawn_and_recognised_is_forgotten_with_its_item,
}

const SCAN: &str = "../../testdata/samples/evidence/reports/скан акту.pdf";
const PHOTO: &str = "../../testdata/samples/evidence/photos/crater south.png";
/// On the scanned page, in another form.
const WORD: &str = "радіостанція";

fn sample(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn filled(kind: Kind) -> (World, Centre) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "a-scan.pdf", &sample(SCAN));
    put(&usb, "b-photo.png", &sample(PHOTO));
    put(&usb, "c-note.txt", "нічого не знайдено".as_bytes());
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    (world, centre)
}

fn work(centre: &Centre, passes: &[Pass]) -> Outcome {
    let workers = Workers {
        passes: passes.to_vec(),
        ..workers(2)
    };
    let outcome = centre.work(&workers, &|_| ()).unwrap();
    assert_eq!(outcome.aside.len(), 0, "{:?}", outcome.aside);
    assert_eq!(outcome.without_ocr, None);
    outcome
}

fn opened(centre: &Centre, item: &Item, wanted: Wanted) -> Result<Vec<u8>, AppError> {
    let (mut session, mut bytes) = (centre.session()?, Vec::new());
    let opening = centre.open_derivative(
        &mut session,
        &actor(centre),
        item.clone(),
        "to look",
        wanted,
    )?;
    opening.copy_to(&mut bytes)?;
    Ok(bytes)
}

/// Each pass of an item: how it ended, and whether it waits.
fn passes(centre: &Centre, item: &Item) -> Vec<(Pass, Option<State>, bool)> {
    let further = centre
        .further(&mut centre.session().unwrap(), item)
        .unwrap();
    let told = further.iter();
    told.map(|f| (f.pass, f.made.as_ref().map(|m| m.state), f.waits))
        .collect()
}

fn a_scanned_page_is_read_first_then_drawn_and_then_found_by_its_characters(kind: Kind) {
    let (world, centre) = filled(kind);
    let done = work(&centre, &[Pass::Read]);
    assert_eq!((done.tally.items(), done.drawn.items()), (3, 0));
    let scan = item_at(&centre, "usb/a-scan.pdf");
    let waits = [(Pass::Draw, None, true), (Pass::Recognise, None, true)];
    assert_eq!(passes(&centre, &scan), waits);
    assert_eq!(passes(&centre, &item_at(&centre, "usb/c-note.txt")), []);
    assert_eq!(paths(&centre, WORD), [""; 0]);
    refused(
        opened(&centre, &scan, Wanted::Thumbnail),
        "comity item show",
    );

    // Each pass alone; then all of them find nothing to do, and record nothing.
    let done = work(&centre, &[Pass::Recognise]);
    assert_eq!((done.recognised.items(), done.drawn.items()), (2, 0));
    let done = work(&centre, &[Pass::Draw]);
    assert_eq!((done.recognised.items(), done.drawn.items()), (0, 2));
    let size = log_size(&centre);
    work(&centre, &Pass::ALL);
    assert_eq!(log_size(&centre), size);

    let scan = item_at(&centre, "usb/a-scan.pdf");
    let made = [
        (Pass::Draw, Some(State::Read), false),
        (Pass::Recognise, Some(State::Read), false),
    ];
    assert_eq!(passes(&centre, &scan), made);
    // It is found in another form, and every hit says how the text was had.
    assert_eq!(paths(&centre, WORD), ["usb/a-scan.pdf"]);
    let told = hits(&centre, WORD);
    let places: Vec<&str> = told[0].found.iter().map(|f| f.part.as_str()).collect();
    assert!(
        places[0].starts_with("by OCR: page 1, paragraph "),
        "{places:?}"
    );
    let pictured = ["usb/a-scan.pdf", "usb/b-photo.png"];
    assert_eq!(paths(&centre, "has:thumbnail"), pictured);
    assert_eq!(paths(&centre, "has:ocr AND path:scan"), ["usb/a-scan.pdf"]);
    assert_eq!(paths(&centre, "has:ocr AND path:note"), [""; 0]);
    // How the reading itself ended stays said.
    assert_eq!(scan.reading.unwrap().state, State::InPart);

    let text = String::from_utf8(opened(&centre, &scan, Wanted::Ocr).unwrap()).unwrap();
    assert!(
        text.starts_with("{\"format\":\"comity/text/1\",\"reader\":\"tesseract "),
        "{text}"
    );
    assert!(
        text.contains("РАДІОСТАНЦІЮ") && text.contains("\"ocr_confidence\""),
        "{text}"
    );
    for wanted in [Wanted::Thumbnail, Wanted::Blurred, Wanted::Page(1)] {
        let picture = opened(&centre, &scan, wanted).unwrap();
        assert!(
            picture.starts_with(&[0xff, 0xd8]) && picture.ends_with(&[0xff, 0xd9]),
            "{wanted}"
        );
    }
    refused(opened(&centre, &scan, Wanted::Page(2)), "no page 2");
    let photo = item_at(&centre, "usb/b-photo.png");
    assert!(opened(&centre, &photo, Wanted::Blurred).is_ok());
    // Every opening of a derivative is on record, by its name.
    let last = centre
        .read_event(item_at(&centre, "usb/b-photo.png").last_index)
        .unwrap();
    assert_eq!(last.text("kind"), Some("opened"));
    assert_eq!(last.text("derivative"), Some("blurred picture"));

    // Read again, all passes follow again; what they made before is kept, and the newest counts.
    let before = number(&centre, "SELECT count(*) FROM derivatives");
    centre
        .read_again(&actor(&centre), std::slice::from_ref(&scan))
        .unwrap();
    work(&centre, &Pass::ALL);
    assert_eq!(
        number(&centre, "SELECT count(*) FROM derivatives"),
        before + 3
    );
    assert_eq!(passes(&centre, &item_at(&centre, "usb/a-scan.pdf")), made);
    assert_eq!(paths(&centre, WORD), ["usb/a-scan.pdf"]);
    drop(centre);
    world.assert_sound();
}

fn what_was_drawn_and_recognised_is_forgotten_with_its_item(kind: Kind) {
    let (world, centre) = filled(kind);
    work(&centre, &Pass::ALL);
    two_persons_with_keys(&centre);
    let scan = item_at(&centre, "usb/a-scan.pdf");
    assert_eq!(paths(&centre, WORD).len(), 1);
    let kept = objects(&centre).len();
    let proposal = propose(&centre, &[&scan], Scope::Unsaid);
    confirm(&centre, &proposal).unwrap();
    let scan = centre
        .item(&mut centre.session().unwrap(), &scan.ern)
        .unwrap();
    assert_eq!(passes(&centre, &scan), []);
    refused(opened(&centre, &scan, Wanted::Ocr), "erased");
    assert_eq!(paths(&centre, WORD), [""; 0]);
    centre.compact(&actor(&centre)).unwrap();
    // Its bytes, its text, its pictures and its recognised text.
    assert_eq!(objects(&centre).len(), kept - 4);
    assert_eq!(work(&centre, &Pass::ALL).recognised.items(), 0);
    drop(centre);
    world.assert_sound();
}

#[test]
fn no_file_of_a_centre_shows_a_picture_or_recognised_words() {
    let (world, centre) = filled(PLAIN);
    work(&centre, &Pass::ALL);
    assert_eq!(paths(&centre, WORD).len(), 1);
    for (name, bytes) in files(&world.dir) {
        for secret in [
            "РАДІОСТАНЦІЮ",
            "JFIF",
            "tesseract",
            "ocr_confidence",
            "%PDF",
        ] {
            assert!(!shows(&bytes, secret), "{name} shows {secret}");
        }
    }
}

#[test]
fn what_is_taken_in_meanwhile_is_read_before_a_further_pass_goes_on() {
    let (world, centre) = filled(PLAIN);
    work(&centre, &[Pass::Read]);
    let late = world.place("late");
    put(&late, "late.txt", b"the night watch");
    let (other, once) = (world.open(), std::sync::Once::new());
    let order = std::sync::Mutex::new(Vec::new());
    let workers = Workers {
        passes: Pass::ALL.to_vec(),
        ..workers(1)
    };
    centre
        .work(&workers, &|progress| {
            // The first picture is drawn: now something comes.
            if progress.pass == Pass::Draw && progress.tally.items() > 0 {
                once.call_once(|| drop(take_in(&other, &request(&[&late])).unwrap()));
            }
            if progress.tally.items() > 0 {
                order.lock().unwrap().push(progress.pass);
            }
        })
        .unwrap();
    let mut order = order.into_inner().unwrap();
    order.dedup();
    let last_read = order.iter().rposition(|pass| *pass == Pass::Read).unwrap();
    let first_ocr = order
        .iter()
        .position(|pass| *pass == Pass::Recognise)
        .unwrap();
    assert!(0 < last_read && last_read < first_ocr, "{order:?}");
    assert!(item_at(&centre, "late/late.txt").reading.is_some());
    assert_eq!(
        number(&centre, "SELECT count(*) FROM further WHERE waits = 1"),
        0
    );
}

#[test]
fn where_tesseract_has_no_such_language_items_wait_and_all_else_is_done() {
    let (world, centre) = filled(PLAIN);
    let workers = Workers {
        passes: Pass::ALL.to_vec(),
        languages: vec!["xyz".to_owned()],
        ..workers(1)
    };
    let outcome = centre.work(&workers, &|_| ()).unwrap();
    let (items, why) = outcome.without_ocr.unwrap();
    assert_eq!(
        (items, outcome.tally.items(), outcome.drawn.items()),
        (2, 3, 2)
    );
    assert!(why.contains("xyz"), "{why}");
    let scan = item_at(&centre, "usb/a-scan.pdf");
    assert_eq!(passes(&centre, &scan)[1], (Pass::Recognise, None, true));
    let further = centre
        .further(&mut centre.session().unwrap(), &scan)
        .unwrap();
    let pictures = &further[0].made.as_ref().unwrap().pictures;
    let roles: Vec<Role> = pictures.iter().map(|p| p.role).collect();
    assert_eq!(roles, [Role::Thumbnail, Role::Blurred, Role::Page]);
    assert_eq!(work(&centre, &Pass::ALL).recognised.items(), 2);
    drop(centre);
    world.assert_sound();
}

/// ffmpeg is installed by `scripts/setup`; here it also makes the film.
#[test]
fn of_a_film_a_frame_is_drawn() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    let film = usb.join("film.mp4");
    let made = std::process::Command::new("/usr/bin/ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240:rate=5:duration=2",
        ])
        .args(["-pix_fmt", "yuv420p"])
        .arg(&film)
        .status();
    assert!(made.unwrap().success());
    let torn = std::fs::read(&film).unwrap();
    put(&usb, "torn.mp4", &torn[..torn.len() / 2]);
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre, &Pass::ALL);
    let film = item_at(&centre, "usb/film.mp4");
    assert_eq!(
        passes(&centre, &film),
        [(Pass::Draw, Some(State::Read), false)]
    );
    let made = centre
        .further(&mut centre.session().unwrap(), &film)
        .unwrap();
    let reader = made[0].made.as_ref().unwrap().reader.clone().unwrap();
    assert!(
        reader.starts_with("extract-worker ") && reader.contains(", ffmpeg "),
        "{reader}"
    );
    assert!(
        opened(&centre, &film, Wanted::Thumbnail)
            .unwrap()
            .starts_with(&[0xff, 0xd8])
    );
    let torn = item_at(&centre, "usb/torn.mp4");
    if let [(_, state, waits)] = passes(&centre, &torn)[..] {
        assert_eq!((state, waits), (Some(State::Damaged), false));
    }
}
