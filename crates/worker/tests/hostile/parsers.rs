//! The readers of files that hold other files, and of mail, under the names of their corpora: in this process, without
//! walls.

use comity_extract::State;
use comity_worker::talk::Heard;

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[("container", container), ("mail", mail)];

/// What the bytes say the type is: ZIP, TAR, GZ, 7z, RAR, and the compound files of Outlook and Office.
pub fn container(bytes: &[u8]) {
    read("evidence", bytes);
}

/// Text whose name says that it is mail, or a mailbox.
pub fn mail(bytes: &[u8]) {
    read("a.eml", bytes);
    read("a.mbox", bytes);
}

fn read(name: &str, bytes: &[u8]) {
    let (outcome, _) = Heard::reading(name, bytes);
    assert!(outcome.state < State::Crashed, "{name}: {outcome:?}");
}
