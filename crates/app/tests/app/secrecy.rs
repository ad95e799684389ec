//! Nothing of a centre shows what it holds or whose it is.

use comity_app::search::{Search, unwatched};
use comity_app::verify::Depth;
use comity_store::Disk;

use crate::backup::back_up;
use crate::fixture::*;

on_every_kind! {
    no_file_shows_a_sentence_a_file_name_or_a_persons_name,
}

fn no_file_shows_a_sentence_a_file_name_or_a_persons_name(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(
        &usb,
        "harbour-rota/night-watch-4471.txt",
        SENTENCE.as_bytes(),
    );
    put(&usb, "long.txt", SENTENCE.repeat(70_000).as_bytes());
    std::os::unix::fs::symlink("secret-target-8812", usb.join("link")).unwrap();
    let mut request = request(&[&usb]);
    request.collected.by = Some("Collector-Name-5150".to_owned());
    request.provenance = Some(put(
        world.folder.path(),
        "p.csv",
        b"path,serial\n**,SERIAL-9031\n",
    ));
    let centre = world.open();
    take_in(&centre, &request).unwrap();
    // What was read, and what was found inside, is covered as well; the long text is sealed while it comes.
    let inside = format!("{SENTENCE} From-inside-6642.");
    let archive =
        crate::reading::zipped(&[("folder-in-zip-3307/letter-2210.txt", inside.as_bytes())]);
    put(&usb, "z.zip", &archive);
    take_in(&centre, &request).unwrap();
    crate::reading::work(&centre);
    put(&usb, "long.txt", b"other");
    take_in(&centre, &request).unwrap();
    let item = item_at(&centre, "usb/harbour-rota/night-watch-4471.txt");
    bytes_of(&centre, &item);
    centre
        .add_person(
            &actor(&centre),
            &"LTU".parse().unwrap(),
            "Second-Person-7733",
        )
        .unwrap();
    let search = Search::new("harbour", &[], "a test").unwrap();
    let searched = centre.search(&actor(&centre), &search, &unwatched, &mut |answers| {
        Ok(answers[0].answer.count())
    });
    assert!(searched.unwrap().told > 0);
    centre.rebuild_check(&|_, _| ()).unwrap();
    // While it is open: the write-ahead log is there too.
    let digest = sha256(SENTENCE.as_bytes());
    let raw: Vec<u8> = (0..32)
        .map(|i| u8::from_str_radix(&digest[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let secrets: [&[u8]; 14] = [
        SENTENCE.as_bytes(),
        &SENTENCE.as_bytes()[..24],
        b"night-watch-4471",
        b"harbour-rota",
        b"folder-in-zip-3307",
        b"letter-2210",
        b"From-inside-6642",
        b"secret-target-8812",
        b"Collector-Name-5150",
        b"SERIAL-9031",
        b"Second-Person-7733",
        FOUNDER.as_bytes(),
        SOURCE.as_bytes(),
        PASSPHRASE.as_bytes(),
    ];
    let digests: [&[u8]; 2] = [digest.as_bytes(), &raw];
    let backup = world.folder.path().join("backup");
    assert_eq!(back_up(&world, &backup, Disk::real()).unwrap().findings, []);
    let all = || {
        [&world.dir, &world.objects, &backup]
            .into_iter()
            .flat_map(|folder| files(folder))
    };
    assert!(all().count() > 8);
    for (name, bytes) in all() {
        for secret in secrets.iter().chain(&digests) {
            let text = String::from_utf8_lossy(secret);
            assert!(!shows(&bytes, secret), "{name} shows {text}");
            assert!(!name.contains(&*String::from_utf8_lossy(secret)), "{name}");
        }
    }
    // Nor do the columns that an administrator of the database reads.
    for (table, _, columns) in comity_app::sql::schema::PROJECTIONS {
        let sql = format!("SELECT {} FROM {table}", columns.join(", "));
        for row in centre.session().unwrap().query(&sql, &[]).unwrap() {
            for value in row.0 {
                let bytes = match value {
                    comity_app::sql::Value::Blob(b) => b,
                    comity_app::sql::Value::Text(t) => t.into_bytes(),
                    _ => continue,
                };
                for secret in secrets.iter().chain(&digests) {
                    let text = String::from_utf8_lossy(secret);
                    assert!(!shows(&bytes, secret), "{table} shows {text}");
                }
            }
        }
    }
    drop(centre);
    let said = format!("{:?}", world.verify(Depth::Full));
    assert!(
        !said.contains(FOUNDER) && !said.contains("night-watch"),
        "{said}"
    );
    world.assert_sound();
}
