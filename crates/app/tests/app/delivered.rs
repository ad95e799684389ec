//! The deliverer's own list of digests, provenance, statements and documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use comity_app::Centre;
use comity_app::intake::{Compared, run};
use comity_app::receipt::Place;
use comity_core::digest::hex;
use comity_core::package::{Difference, DifferenceLine, ReceiptOptions, check_receipt};
use comity_store::{Call, Disk, Faults, Op, Outcome};
use comity_vault::{Also, Hashes};
use serde_json::json;

use crate::fixture::*;
use crate::folder::Folder;

on_every_kind! {
    lists_of_other_digests_are_held_against_what_was_read,
    the_deliverers_list_is_held_against_what_was_read,
    provenance_statements_and_documents_stand_on_the_events,
}

fn the_deliverers_list_is_held_against_what_was_read(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "good", b"good");
    put(&usb, "large", &noise(5, 5 << 20));
    put(&usb, "other", b"not what was listed");
    put(&usb, "extra", b"nobody listed this");
    let list = format!(
        "{}  usb/good\n{}  usb/large\n{}  usb/other\n{}  usb/gone\n",
        sha256(b"good"),
        sha256(&noise(5, 5 << 20)),
        sha256(b"what was listed"),
        sha256(b"gone"),
    );
    let mut request = request(&[&usb]);
    request.manifest = Some(put(world.folder.path(), "SHA256SUMS", list.as_bytes()));
    let centre = world.open();
    let outcome = take_in(&centre, &request).unwrap();
    let expected = Compared {
        matched: 2,
        different: 1,
        missing: 1,
        extra: 1,
        not_comparable: 0,
    };
    assert_eq!(outcome.compared, Some(expected));
    let listed = |path: &str| said(&centre, &item_at(&centre, path), "listed").unwrap();
    assert_eq!(
        listed("usb/good"),
        json!({"as": "matched", "by": ["sha256"]})
    );
    assert_eq!(listed("usb/large")["as"], "matched");
    assert_eq!(listed("usb/extra")["as"], "not_listed");
    let other = listed("usb/other");
    assert_eq!(other["as"], "different");
    assert_eq!(
        other["stated"],
        format!("sha256:{}", sha256(b"what was listed"))
    );
    assert_eq!(
        other["found"],
        format!("sha256:{}", sha256(b"not what was listed"))
    );
    let closing = centre.read_event(log_size(&centre) - 1).unwrap();
    let compared = closing.value("compared").unwrap();
    assert_eq!(
        (&compared["missing"], &compared["extra"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(compared["manifest_sha256"], sha256(list.as_bytes()));
    drop(centre);
    world.assert_sound();
}

/// The digests that some tools of deliverers write alone: computed in the same pass, of small and large files.
fn lists_of_other_digests_are_held_against_what_was_read(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    let large = noise(6, 5 << 20);
    put(&usb, "good", b"good");
    put(&usb, "large", &large);
    put(&usb, "other", b"not what was listed");
    let all = Also {
        md5: false,
        sha1: false,
        sha224: true,
        sha384: true,
        sha512: true,
    };
    let of = |bytes: &[u8]| Hashes::of(bytes, all);
    let sha512 = |bytes: &[u8]| hex(&of(bytes).sha512.unwrap());
    let csv = format!(
        "Path,Size,SHA-512\nusb/good,4,{}\nusb/large,,{}\nusb/other,,{}\n",
        sha512(b"good").to_uppercase(),
        sha512(&large),
        sha512(b"what was listed"),
    );
    let sums = |digest: &dyn Fn(&[u8]) -> String| {
        let listed: [(&[u8], &str); 3] = [
            (b"good", "good"),
            (&large, "large"),
            (b"what was listed", "other"),
        ];
        listed
            .map(|(bytes, name)| format!("{}  usb/{name}\n", digest(bytes)))
            .concat()
    };
    let lists = [
        ("list.csv", "sha512", csv),
        ("SHA512SUMS", "sha512", sums(&sha512)),
        (
            "SHA384SUMS",
            "sha384",
            sums(&|b| hex(&of(b).sha384.unwrap())),
        ),
        (
            "SHA224SUMS",
            "sha224",
            sums(&|b| hex(&of(b).sha224.unwrap())),
        ),
    ];
    let expected = Compared {
        matched: 2,
        different: 1,
        ..Compared::default()
    };
    let centre = world.open();
    for (n, (name, algorithm, list)) in lists.into_iter().enumerate() {
        let mut request = request(&[&usb]);
        request.source = format!("stick {n}");
        request.manifest = Some(put(world.folder.path(), name, list.as_bytes()));
        let outcome = take_in(&centre, &request).unwrap();
        assert_eq!(outcome.compared, Some(expected), "{name}");
        let listed = |path: &str| said(&centre, &item_at(&centre, path), "listed").unwrap();
        for path in ["usb/good", "usb/large"] {
            assert_eq!(
                listed(path),
                json!({"as": "matched", "by": [algorithm]}),
                "{name}"
            );
        }
        let other = listed("usb/other");
        let stated = other["stated"].as_str().unwrap();
        assert!(
            stated.starts_with(&format!("{algorithm}:")),
            "{name}: {stated}"
        );
    }
}

fn provenance_statements_and_documents_stand_on_the_events(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "phone/chat.txt", b"chat");
    put(&usb, "disk/list.txt", b"list");
    let mut request = request(&[&usb]);
    request.provenance = Some(put(
        world.folder.path(),
        "provenance.csv",
        b"path,tool,serial,Weather,collected_at\nusb/phone/**,Extractor 4,S-77,rain,2026-05-01T10:00:00+03:00\nusb/none/**,x,,,\n",
    ));
    request.documents = vec![put(
        world.folder.path(),
        "protocol.pdf",
        b"%PDF- signed by both",
    )];
    request.collected.by = Some("A. Officer".to_owned());
    request.collected.place = Some("Mykolaiv".to_owned());
    request.authority = Some("Art. 93 CPC".to_owned());
    request.handling = Some("H2".to_owned());
    request.legacy_hashes = true;
    let centre = world.open();
    let outcome = take_in(&centre, &request).unwrap();
    assert_eq!((outcome.tally.items(), outcome.unused_provenance), (3, 1));

    let chat = item_at(&centre, "usb/phone/chat.txt");
    let provenance = said(&centre, &chat, "provenance").unwrap();
    assert_eq!(provenance["tool"], "Extractor 4");
    assert_eq!(provenance["serial"], "S-77");
    assert_eq!(provenance["other"]["Weather"], "rain");
    assert_eq!(provenance["collected_at"]["utc"], "2026-05-01T07:00:00Z");
    assert_eq!(
        said(&centre, &chat, "collected").unwrap(),
        json!({"by": "A. Officer", "place": "Mykolaiv"})
    );
    assert_eq!(said(&centre, &chat, "handling").unwrap(), "H2");
    assert_eq!(said(&centre, &chat, "source").unwrap(), SOURCE);
    assert_eq!(said(&centre, &chat, "actor").unwrap(), "UKR-P0001");
    assert_eq!(
        said(&centre, &chat, "md5").unwrap(),
        "aa8af3ebe14831a7cd1b6d1383a03755"
    );
    assert_eq!(
        said(&centre, &chat, "sha1")
            .unwrap()
            .as_str()
            .unwrap()
            .len(),
        40
    );
    let list = item_at(&centre, "usb/disk/list.txt");
    assert_eq!(said(&centre, &list, "provenance"), None);
    let document = item_at(&centre, "protocol.pdf");
    assert_eq!(
        said(&centre, &document, "role").unwrap(),
        "hand-over document"
    );
    assert_eq!(document.ern.to_string(), "UKR-000001-0000003");
    let opening = centre.read_event(chat.first_index - 1);
    let act = said(&centre, &chat, "act").unwrap();
    let opened = opening.iter().chain(std::iter::empty()).next().unwrap();
    let opened = if opened.text("kind") == Some("intake_opened") {
        opened.clone()
    } else {
        (0..log_size(&centre))
            .map(|i| centre.read_event(i).unwrap())
            .find(|e| e.text("kind") == Some("intake_opened"))
            .unwrap()
    };
    assert_eq!(opened.value("event"), Some(&act));
    assert_eq!(opened.text("authority"), Some("Art. 93 CPC"));
    drop(centre);
    world.assert_sound();
}

#[test]
fn a_provenance_file_with_a_malformed_row_is_refused_whole() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a", b"a");
    let mut request = request(&[&usb]);
    request.provenance = Some(put(
        world.folder.path(),
        "p.csv",
        b"path,collected_at\n**,yesterday\n",
    ));
    let centre = world.open();
    let size = log_size(&centre);
    let refused = take_in(&centre, &request).unwrap_err();
    assert!(
        refused.is_usage() && refused.to_string().contains("line 2"),
        "{refused}"
    );
    assert_eq!(log_size(&centre), size);
}

/// Lets the second flush of the ledger fail, once armed.
#[derive(Default)]
struct SecondFlush {
    armed: AtomicBool,
    met: AtomicUsize,
}

impl Faults for SecondFlush {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let is_ledger = call.op == Op::Sync && call.path.to_string_lossy().contains("ledger/");
        if self.armed.load(Ordering::SeqCst)
            && is_ledger
            && self.met.fetch_add(1, Ordering::SeqCst) == 1
        {
            return Outcome::Fail(std::io::Error::from_raw_os_error(5));
        }
        Outcome::Go
    }
}

/// The differences of a receipt by finding, and the receipt itself held by the verifier.
fn differences_of(centre: &Centre, world: &World, intake: &str) -> [Vec<String>; 3] {
    let no = centre
        .intake_of_name(&mut centre.session().unwrap(), intake)
        .unwrap();
    let place = world.folder.path().join(format!("{intake}.receipt"));
    centre
        .make_receipt(&actor(centre), no, Place::Here(&place), &|_, _| ())
        .unwrap();
    let report = check_receipt(
        &Folder::open(&place).unwrap(),
        &ReceiptOptions {
            threads: 1,
            ..ReceiptOptions::default()
        },
    );
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let text = std::fs::read_to_string(place.join("differences.jsonl")).unwrap();
    let lines: Vec<DifferenceLine> = text
        .lines()
        .map(|l| DifferenceLine::parse(l.as_bytes()).unwrap())
        .collect();
    [
        Difference::Missing,
        Difference::Extra,
        Difference::Different,
    ]
    .map(|finding| {
        let of_it = lines.iter().filter(|l| l.finding == finding);
        let mut paths: Vec<String> = of_it.map(|l| l.path.clone()).collect();
        paths.sort();
        paths
    })
}

#[test]
fn a_receipt_lists_every_difference_however_many() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "extra", b"nobody listed this");
    put(&usb, "good", b"good");
    put(&usb, "other", b"not what was listed");
    let gone: Vec<String> = (0..12_345).map(|n| format!("usb/gone/{n:05}")).collect();
    let line = |bytes: &[u8], path: &str| format!("{}  {path}\n", sha256(bytes));
    let mut list = line(b"good", "usb/good") + &line(b"what was listed", "usb/other");
    list.extend(gone.iter().map(|path| line(b"", path)));
    let mut request = request(&[&usb]);
    request.manifest = Some(put(world.folder.path(), "SHA256SUMS", list.as_bytes()));
    let expected = [
        gone,
        vec!["usb/extra".to_owned()],
        vec!["usb/other".to_owned()],
    ];

    // Interrupted while the missing ones are being recorded, and gone on with.
    let faults = Arc::new(SecondFlush::default());
    let centre = world.open_on(Disk::with_faults(faults.clone())).unwrap();
    let ended = run(&centre, &actor(&centre), &request, &|progress| {
        if progress.tally.met() == 3 {
            faults.armed.store(true, Ordering::SeqCst);
        }
    });
    assert!(ended.is_err());
    drop(centre);
    let centre = world.open();
    let begun = count_events(&centre, "manifest_missing");
    assert!((1..4).contains(&begun), "{begun}");
    assert_eq!(count_events(&centre, "intake_closed"), 0);
    let outcome = take_in(&centre, &request).unwrap();
    assert!(outcome.resumed);
    assert_eq!(outcome.compared.unwrap().missing, 12_345);
    assert_eq!(count_events(&centre, "manifest_missing"), begun + 4);
    assert_eq!(differences_of(&centre, &world, "UKR-000001"), expected);

    // Delivered again with the same list: the same differences, though no item is new.
    let again = take_in(&centre, &request).unwrap();
    assert_eq!((again.tally.again, again.tally.items()), (3, 0));
    assert_eq!(differences_of(&centre, &world, "UKR-000002"), expected);
    drop(centre);
    world.assert_sound();
}
