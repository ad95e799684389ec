//! Every sample, cut and changed by lot, through the readers in this process: a panic of a reader of ours is a failure
//! here, where the supervisor would have named it. `HOSTILE_SAMPLES=FOLDER HOSTILE_ROUNDS=100 cargo test -p
//! comity-worker --test hostile` takes other files too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../tests/hostile/feed.rs"]
mod feed;
#[path = "../kept/mod.rs"]
mod kept;
#[path = "../made/mod.rs"]
mod made;
mod parsers;

use comity_extract::State;
use comity_worker::talk::Heard;
use std::{fs, path::Path};

fn samples(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("the samples are there") {
        let path = entry.expect("a name").path();
        if path.is_dir() {
            samples(&path, found);
        } else {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            found.push((name, fs::read(&path).expect("a file")));
        }
    }
}

/// Knuth's generator: the same lots in every run.
struct Lots(u64);

impl Lots {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

fn changed(file: &[u8], lots: &mut Lots) -> Vec<u8> {
    let mut file = file.to_vec();
    match lots.below(4) {
        0 => file.truncate(lots.below(file.len())),
        1 => {
            // A length or offset that is as large as can be.
            let at = lots.below(file.len());
            file.iter_mut()
                .skip(at)
                .take(4)
                .for_each(|byte| *byte = 0xff);
        }
        2 => {
            let (from, to) = (lots.below(file.len()), lots.below(file.len()));
            let piece: Vec<u8> = file[from..].iter().take(64).copied().collect();
            file.splice(to..to, piece);
        }
        _ => {
            for _ in 0..1 + lots.below(8) {
                let at = lots.below(file.len());
                file[at] = lots.below(256) as u8;
            }
        }
    }
    file
}

#[test]
fn no_input_breaks_a_reader() {
    feed::feed(parsers::ALL, 40);
}

/// What is refused at its first bytes would try nothing.
#[test]
fn the_sound_inputs_of_the_corpus_are_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/corpus");
    for (parser, _) in parsers::ALL {
        let mut all = Vec::new();
        samples(&corpus.join(parser), &mut all);
        all.retain(|(file, _)| file.starts_with("valid-"));
        assert!(!all.is_empty(), "{parser} has none");
        for (file, bytes) in all {
            let (outcome, _) = Heard::reading("evidence", &bytes);
            let is_read = matches!(
                outcome.state,
                State::Read | State::InPart | State::Encrypted
            );
            assert!(is_read, "{parser}/{file}: {outcome:?}");
        }
    }
}

#[test]
fn no_change_of_a_sample_breaks_a_reader() {
    let mut all = Vec::new();
    samples(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples/evidence"),
        &mut all,
    );
    all.push((
        "a.zip".to_owned(),
        kept::zip(&[("one.txt", b"first member"), ("two.txt", b"second")]),
    ));
    let sheet = kept::zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        (
            "xl/workbook.xml",
            b"<workbook><sheets><sheet name='a' id='r1'/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            b"<R><Relationship Id='r1' Target='worksheets/sheet1.xml'/></R>",
        ),
        (
            "xl/worksheets/sheet1.xml",
            b"<w><row><c r='A1'><v>1</v></c></row></w>",
        ),
    ]);
    all.push(("a.xlsx".to_owned(), sheet));
    all.push((
        "a.rtf".to_owned(),
        br"{\rtf1\ansicpg1251{\fonttbl{\f0\fcharset204 T;}}\f0 \'cd\u8470? {\v x}\par}".to_vec(),
    ));
    all.extend(made::all());
    // A folder of one's own, and more rounds, by hand.
    if let Some(folder) = std::env::var_os("HOSTILE_SAMPLES") {
        samples(Path::new(&folder), &mut all);
    }
    let rounds = std::env::var("HOSTILE_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60);
    let mut lots = Lots(7);
    for (name, file) in all.iter().filter(|(_, file)| !file.is_empty()) {
        for _ in 0..rounds {
            let outcome = Heard::reading(name, &changed(file, &mut lots)).0;
            assert!(outcome.state < State::Crashed, "{name}: {outcome:?}");
        }
    }
}
