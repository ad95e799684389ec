//! Every file of a package, of what lies beside it and of a receipt: deleted, truncated, one byte
//! flipped, swapped with another. Each is found, and the file or the exhibit is named.

use std::fs;
use std::path::Path;

use crate::world::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Delete,
    Truncate,
    FlipFirst,
    FlipMiddle,
    FlipLast,
    Grow,
    Swap,
}

const ALL: [Damage; 7] = [
    Damage::Delete,
    Damage::Truncate,
    Damage::FlipFirst,
    Damage::FlipMiddle,
    Damage::FlipLast,
    Damage::Grow,
    Damage::Swap,
];

/// Does the damage, and gives back what undoes it. False when the file is too short for it.
fn damage(path: &Path, other: &Path, damage: Damage) -> bool {
    let mut bytes = fs::read(path).unwrap();
    let len = bytes.len();
    if len == 0 && damage != Damage::Delete && damage != Damage::Grow && damage != Damage::Swap {
        return false;
    }
    match damage {
        Damage::Delete => return fs::remove_file(path).is_ok(),
        Damage::Truncate => bytes.truncate(len / 2),
        Damage::FlipFirst => bytes[0] ^= 1,
        Damage::FlipMiddle => bytes[len / 2] ^= 1,
        Damage::FlipLast => bytes[len - 1] ^= 1,
        Damage::Grow => bytes.push(b'\n'),
        Damage::Swap => {
            let others = fs::read(other).unwrap();
            fs::write(other, &bytes).unwrap();
            bytes = others;
        }
    }
    fs::write(path, bytes).unwrap();
    true
}

fn each_damage(folder: &Path, names_of: fn(&str) -> String) {
    let whole: Vec<(String, Vec<u8>)> = names(folder)
        .into_iter()
        .map(|name| {
            let bytes = fs::read(folder.join(&name)).unwrap();
            (name, bytes)
        })
        .collect();
    let mut done = 0;
    for (place, (name, bytes)) in whole.iter().enumerate() {
        let (other, other_bytes) = &whole[(place + 1) % whole.len()];
        for kind in ALL {
            let (path, other_path) = (folder.join(name), folder.join(other));
            if !damage(&path, &other_path, kind) {
                continue;
            }
            let answer = verify(&[folder]);
            let what = format!("{kind:?} {name}");
            assert_eq!(answer.code, 1, "{what} was not found:\n{}", answer.text);
            let named = answer.text.contains(name) || answer.text.contains(&names_of(name));
            assert!(named, "{what} was not named:\n{}", answer.text);
            assert!(
                answer.first_line().starts_with("FAILED"),
                "{what}: {}",
                answer.text
            );
            write(folder, name, bytes);
            write(folder, other, other_bytes);
            done += 1;
        }
    }
    assert!(done > whole.len() * 5);
    verify(&[folder]).expect(0, &["CONSISTENT"]);
}

#[test]
fn of_a_package() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    each_damage(&made.folder, |name| match name.strip_prefix("data/") {
        Some(file) => file[..18].to_owned(),
        None => name.to_owned(),
    });
}

#[test]
fn of_a_receipt() {
    let root = tempfile::tempdir().unwrap();
    let mut made = made(root.path());
    let receipt = root.path().join("receipt");
    write_receipt(&receipt, &mut made.centre, &made.items);
    each_damage(&receipt, str::to_owned);
}

#[test]
fn of_the_files_beside_a_package() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let endings = [".disclosure.tlog-proof", ".consistency"];
    let [proof, consistency] = endings.map(|ending| beside(&made.folder, ending));
    let whole = [&proof, &consistency].map(|path| fs::read(path).unwrap());
    for (path, other, ending) in [
        (&proof, &consistency, endings[0]),
        (&consistency, &proof, endings[1]),
    ] {
        for kind in ALL {
            damage(path, other, kind);
            let answer = verify(&[&made.folder]);
            if kind == Damage::Delete {
                answer.expect(0, &["made, not recorded", ending]);
            } else {
                answer.expect(1, &["FAILED", ending]);
            }
            fs::write(&proof, &whole[0]).unwrap();
            fs::write(&consistency, &whole[1]).unwrap();
        }
    }
    // Bytes all over, since no list of digests protects these two.
    for (path, bytes) in [&proof, &consistency].into_iter().zip(&whole) {
        for at in (0..bytes.len()).step_by(97) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 2;
            fs::write(path, flipped).unwrap();
            let answer = verify(&[&made.folder]);
            assert_eq!(
                answer.code,
                1,
                "byte {at} of {}:\n{}",
                path.display(),
                answer.text
            );
        }
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn of_a_zip() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let zip = root.path().join("NAME.zip");
    zip_folder(&made.folder, &zip);
    verify(&[&zip]).expect(0, &["CONSISTENT", "recorded: its making stands"]);
    let bytes = fs::read(&zip).unwrap();
    for len in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&zip, &bytes[..len]).unwrap();
        verify(&[&zip]).expect(1, &["FAILED", "cannot be read as a zip"]);
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 97) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&zip, flipped).unwrap();
        let answer = verify(&[&zip]);
        // A flip in a date or in a local header's copy changes nothing that is read.
        assert!(matches!(answer.code, 0 | 1), "byte {at}: {}", answer.text);
    }
}
