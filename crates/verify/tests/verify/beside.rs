//! The two files beside a package, which say that its making was recorded.

use std::fs;
use std::path::Path;

use crate::world::*;

#[test]
fn without_the_files_beside_it_it_was_made_and_not_recorded() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    fs::remove_file(beside(&made.folder, ".consistency")).unwrap();
    verify(&[&made.folder]).expect(0, &["made, not recorded: NAME.consistency not beside"]);
    fs::remove_file(beside(&made.folder, ".disclosure.tlog-proof")).unwrap();
    verify(&[&made.folder]).expect(0, &["made, not recorded", "NAME.disclosure.tlog-proof and"]);
    let other = root.path().join("for the defence");
    fs::rename(&made.folder, &other).unwrap();
    verify(&[&other]).expect(
        0,
        &["for the defence.disclosure.tlog-proof and for the defence.consistency not beside"],
    );
    fs::write(beside(&other, ".disclosure.tlog-proof"), "x").unwrap();
    fs::write(beside(&other, ".consistency"), "x").unwrap();
    for form in [&[][..], &[Path::new("--json")]] {
        verify(&[&[other.as_path()], form].concat()).expect(
            1,
            &[
                "for the defence.disclosure.tlog-proof",
                "for the defence.consistency",
            ],
        );
    }
}
