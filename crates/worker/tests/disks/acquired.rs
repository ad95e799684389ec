//! E01 as libewf writes it.

use crate::{
    expected, files,
    kept::{Kept, read},
    made::Folder,
};
use comity_extract::State;

/// What was noted and computed, digest by digest.
pub fn verdicts(kept: &Kept) -> Vec<&str> {
    let all = kept.fields.iter();
    all.filter(|(name, _)| name == "acquisition_digest")
        .map(|(_, value)| value.as_str())
        .collect()
}

#[test]
fn an_acquired_image_is_checked_and_its_files_are_children() {
    // What each of these programs wrote, compressed and not, and how many digests it kept.
    let forms: [(&str, &str, usize); 6] = [
        ("encase6", "best", 2),
        ("encase6", "none", 2),
        ("encase5", "best", 1),
        ("encase1", "best", 1),
        ("ftk", "fast", 1),
        ("linen5", "empty-block", 1),
    ];
    for (form, compression, digests) in forms {
        let folder = Folder::new();
        folder.fat("card.img", "12", 2 << 20);
        let image = folder.acquired("card.img", &["-f", form, "-c", compression]);
        let (outcome, kept) = read("card.E01", &image);
        assert_eq!(
            outcome.state,
            State::Read,
            "{form}: {outcome:?} {:?}",
            kept.missing
        );
        assert_eq!(kept.media, "application/x-ewf");
        assert_eq!(kept.field("file_system"), "FAT12", "{form}");
        assert_eq!(files(&kept), expected(""), "{form}");
        assert_eq!(
            verdicts(&kept),
            vec!["matches"; digests],
            "{form} {compression}"
        );
        assert_eq!(
            (kept.field("case_number"), kept.field("evidence_number")),
            ("2025/17", "E-1"),
            "{form}"
        );
        assert_eq!(
            (kept.field("examiner"), kept.field("comment")),
            ("O. Zapysna", "sealed bag 1001"),
            "{form}"
        );
        let acquired = kept.field("acquired");
        assert!(
            acquired.len() >= 19 && acquired.as_bytes()[10] == b'T',
            "{form}: {acquired}"
        );
    }
}

#[test]
fn a_medium_that_is_not_what_was_acquired_is_a_finding() {
    let folder = Folder::new();
    folder.fat("card.img", "12", 2 << 20);
    let image = folder.acquired("card.img", &["-f", "encase6", "-c", "none"]);
    // The recorded digest itself: the section `digest` begins with MD5 and SHA-1.
    let digest = image
        .windows(7)
        .rposition(|part| part == b"digest\0")
        .expect("a digest");
    let mut changed = image.clone();
    changed[digest + 76] ^= 1;
    let (outcome, kept) = read("card.E01", &changed);
    assert_eq!(
        (outcome.state, verdicts(&kept)),
        (State::InPart, vec!["differs", "matches"])
    );
    assert!(
        kept.missing[0].ends_with("these are not the bytes that were acquired"),
        "{:?}",
        kept.missing
    );
    assert_eq!(files(&kept), expected(""));

    // One byte of the medium: its chunk no longer is what its checksum says.
    let words = crate::made::content("notes.txt", 300);
    let at = image
        .windows(300)
        .position(|part| part == words)
        .expect("not compressed");
    let mut changed = image;
    changed[at] ^= 1;
    let (outcome, kept) = read("card.E01", &changed);
    assert_eq!(
        (outcome.state, verdicts(&kept)),
        (State::InPart, vec!["not checked"; 2])
    );
    let what = "of the image is not what its checksum says";
    assert!(
        kept.missing.iter().any(|missing| missing.contains(what)),
        "{:?}",
        kept.missing
    );
}
