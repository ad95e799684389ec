//! Lists of files: NSRL's databases, digests that come with the reading, and large lists.

use std::path::{Path, PathBuf};

use comity_app::lists::{Import, Imported};
use comity_app::search::{Class, Search, unwatched};
use comity_app::{AppError, Centre};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::fixture::*;

on_every_kind! {
    a_database_of_nsrl_is_brought_and_held_against_items,
    a_hostile_or_broken_database_brings_nothing,
}

/// A database of these statements.
fn database(world: &World, name: &str, statements: &str) -> PathBuf {
    let path = world.folder.path().join(name);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let mut made = options.connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut made)
            .await
            .unwrap();
        made.close().await.unwrap();
    });
    path
}

fn bring(centre: &Centre, file: &Path, name: &str, class: Class) -> Result<Imported, AppError> {
    let import = Import {
        file,
        class,
        name,
        shared: true,
        kind: None,
        skip_bad: false,
    };
    centre.import_list(&actor(centre), &import)
}

/// Paths of hits, with what the list calls each and by which digest.
fn hits(centre: &Centre, question: &str) -> Vec<(String, String, String)> {
    let search = Search::new(question, &[], "a test").unwrap();
    let searched = centre.search(&actor(centre), &search, &unwatched, &mut |answers| {
        Ok(answers[0].answer.page(None, 100)?)
    });
    let mut hits: Vec<_> = searched
        .unwrap()
        .told
        .into_iter()
        .map(|h| {
            let on = h.on_lists.first();
            let on = on
                .map(|k| (k.name.clone(), k.by.clone()))
                .unwrap_or_default();
            (h.path, on.0, on.1)
        })
        .collect();
    hits.sort();
    hits
}

/// Rows of NSRL's minimal form.
fn rows(of: &[(&str, &str)]) -> String {
    let row = |(bytes, name): &(&str, &str)| {
        format!(
            "INSERT INTO FILE VALUES ('{}', '{}', '{}', '00000000', '{}', 3, 1);",
            sha256(bytes.as_bytes()).to_uppercase(),
            "A".repeat(40),
            "B".repeat(32),
            name.replace('\'', "''")
        )
    };
    of.iter().map(row).collect()
}

const FILE: &str = "CREATE TABLE FILE (sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL, crc32 VARCHAR NOT NULL, file_name VARCHAR NOT NULL, file_size INTEGER NOT NULL, package_id INTEGER NOT NULL, CONSTRAINT PK PRIMARY KEY (sha256, sha1, md5, file_name, file_size, package_id)) WITHOUT ROWID;";

fn a_database_of_nsrl_is_brought_and_held_against_items(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "a.dll", b"one");
    put(&usb, "b.dll", b"two");
    put(&usb, "c.txt", b"three");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let odd = "lib \"x\", y\nz.dll";
    let minimal = format!(
        "{FILE}{}CREATE TABLE PKG (package_id INTEGER, name TEXT);CREATE VIEW DISTINCT_HASH AS SELECT DISTINCT sha256, sha1, md5 FROM FILE;",
        rows(&[("one", odd), ("else", "other.dll")])
    );
    let file = database(&world, "minimal.db", &minimal);
    let before = std::fs::read(&file).unwrap();
    let brought = bring(&centre, &file, "NSRL", Class::Known).unwrap();
    assert_eq!(brought.found.entries, 2);
    assert_eq!(brought.found.by["SHA-256, SHA-1, MD5"], 2);
    // It is read and not written: nothing lies beside it either.
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(!world.folder.path().join("minimal.db-wal").exists());
    let name = odd.replace('\n', " ");
    let one = [("usb/a.dll".to_owned(), name, "SHA-256".to_owned())];
    assert_eq!(hits(&centre, "has:known"), one);

    // The full form: the rows are in METADATA, and FILE is a view of them.
    let full = format!(
        "CREATE TABLE METADATA (object_id BIGINT PRIMARY KEY, key_hash TEXT, bytes BIGINT, crc32 TEXT, extension TEXT, file_name TEXT, md5 TEXT, path TEXT, sha1 TEXT, sha256 TEXT);INSERT INTO METADATA VALUES (1, 'x', 3, '', 'dll', 'two.dll', '', '/two', NULL, '{}');CREATE VIEW FILE AS SELECT UPPER(sha256) AS sha256, file_name FROM METADATA;",
        sha256(b"two")
    );
    let file = database(&world, "full.db", &full);
    let brought = bring(&centre, &file, "Looked for", Class::Watch).unwrap();
    assert_eq!(brought.found.by["SHA-256"], 1);
    let two = ["usb/b.dll", "two.dll", "SHA-256"].map(str::to_owned);
    assert_eq!(hits(&centre, "watch:L0002"), [two.into()]);
    assert_eq!(hits(&centre, "has:known"), one);

    // What is on record: of the text that is kept, and of the database as it was brought.
    let event = centre.read_event(brought.leaf).unwrap();
    let database = event.value("database").unwrap();
    let said = |name: &str| database.get(name).unwrap().as_str().unwrap().to_owned();
    assert_eq!(said("table"), "METADATA");
    assert_eq!(said("sha256"), sha256(&std::fs::read(&file).unwrap()));
    let text = format!(
        "file_name,md5,sha1,sha256\n\"two.dll\",,,{}\n",
        sha256(b"two")
    );
    assert_eq!(event.text("sha256").unwrap(), sha256(text.as_bytes()));
    drop(centre);
    world.assert_sound();
}

fn a_hostile_or_broken_database_brings_nothing(kind: Kind) {
    let world = World::new(kind);
    let centre = world.open();
    let said = |name: &str, statements: &str| {
        let file = database(&world, name, statements);
        bring(&centre, &file, name, Class::Known)
            .unwrap_err()
            .to_string()
    };
    // A view is never run, here one without an end; nor is a virtual table opened.
    let view = "CREATE VIEW FILE AS WITH RECURSIVE r(sha256) AS (SELECT 'x' UNION ALL SELECT sha256 FROM r) SELECT sha256 FROM r;";
    assert!(said("view.db", view).contains("no table of this database"));
    let virtual_table = "CREATE VIRTUAL TABLE FILE USING fts5(sha256);";
    let told = said("virtual.db", virtual_table);
    assert!(told.contains("no table of this database"), "{told}");
    let two = "CREATE TABLE a (md5 TEXT); CREATE TABLE b (md5 TEXT);";
    assert!(said("two.db", two).contains("(a, b)"));
    // A value that is no digest, or is much too long for one, is a line that cannot be used.
    let bad = format!(
        "{FILE}{}INSERT INTO FILE VALUES ('{}', '', '', '', '', 0, 0);",
        rows(&[("one", "a")]),
        "f".repeat(70_000)
    );
    let told = said("bad.db", &bad);
    assert!(
        told.contains("1 lines of") && told.contains("no digest"),
        "{told}"
    );
    // One that ends in the middle, and one with another sign in each page.
    let many: Vec<(String, String)> = (0..3000)
        .map(|n| (format!("{n}"), format!("name-{n}")))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(b, n)| (b.as_str(), n.as_str())).collect();
    let whole = database(
        &world,
        "whole.db",
        &format!("{FILE}BEGIN;{}COMMIT;", rows(&many)),
    );
    let bytes = std::fs::read(&whole).unwrap();
    let cut = put(world.folder.path(), "cut.db", &bytes[..bytes.len() / 2]);
    let told = bring(&centre, &cut, "cut", Class::Known).unwrap_err();
    assert!(
        told.to_string().contains("nothing was brought in"),
        "{told}"
    );
    for page in 1..bytes.len() / 4096 {
        let mut broken = bytes.clone();
        broken[page * 4096] = 0xff;
        let file = put(world.folder.path(), "broken.db", &broken);
        let told = bring(&centre, &file, "broken", Class::Known).unwrap_err();
        assert!(
            told.to_string().contains("nothing was brought in"),
            "{told}"
        );
    }
    assert_eq!(number(&centre, "SELECT count(*) FROM lists"), 0);
    assert_eq!(
        bring(&centre, &whole, "whole", Class::Known)
            .unwrap()
            .found
            .entries,
        3000
    );
}
