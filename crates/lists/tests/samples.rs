//! The invented lists in `testdata/samples/lists`, in each form that is read.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use comity_lists::{FileLine, Line, Memory, Names, read_files, read_names};

fn sample(name: &str) -> BufReader<File> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples/lists");
    BufReader::new(File::open(folder.join(name)).unwrap())
}

/// The names of a sample, and what was left out, by schema.
fn names(name: &str) -> (Names, Vec<String>) {
    let (mut building, mut others) = (Names::build(), Vec::new());
    read_names(&mut sample(name), None, &mut |line| {
        match line {
            Line::Entity(entity) => building.add(&entity),
            Line::Other(schema) => others.push(schema),
            Line::Bad { line, what } => panic!("{name} {line}: {what}"),
        }
        true
    })
    .unwrap();
    (building.finish(), others)
}

#[test]
fn each_form_of_a_list_of_names_gives_the_same_people() {
    let forms = [
        ("names.csv", 4, &[][..]),
        ("entities.ftm.json", 6, &["Sanction"]),
        ("targets.simple.csv", 3, &[]),
    ];
    for (form, entities, left_out) in forms {
        let (names, others) = names(form);
        assert_eq!(
            (names.entities(), others.as_slice()),
            (
                entities,
                left_out
                    .iter()
                    .map(|s| (*s).to_owned())
                    .collect::<Vec<_>>()
                    .as_slice()
            ),
            "{form}"
        );
        let found = |text: &str| -> Vec<String> {
            let found = names.find(text, false, &mut Memory::default());
            found
                .iter()
                .map(|n| format!("{} {}", names.entity(n.entity).id, n.how))
                .collect()
        };
        assert_eq!(
            found("зустріла Зоряну Баколенко"),
            ["zo-1 in another form, another of its names"],
            "{form}"
        );
        assert_eq!(
            found("Тимура Шунгарова"),
            ["zo-2 in another form"],
            "{form}"
        );
        assert_eq!(
            found("Z. Bakolenko"),
            ["zo-1 as written, with initials"],
            "{form}"
        );
        assert_eq!(found("Mozvik Lyksand"), ["zo-3 as written"], "{form}");
    }
}

#[test]
fn each_form_of_a_list_of_files_gives_the_same_files() {
    let forms = [
        ("watch.sha256", "order.txt"),
        ("hashdeep.txt", "/invented/order.txt"),
        ("rds.csv", "order.txt"),
    ];
    for (form, first) in forms {
        let mut files = Vec::new();
        read_files(&mut sample(form), &mut |line| {
            if !matches!(line, FileLine::Head { .. }) {
                files.push(line);
            }
            true
        })
        .unwrap();
        assert_eq!(files.len(), 2, "{form}");
        assert!(
            matches!(&files[0], FileLine::File { name, .. } if name == first),
            "{form}: {:?}",
            files[0]
        );
    }
}
