//! What a stranger may send to a witness, under the name of its corpus. The fuzz target calls the same function.

use comity_core::Vkey;
use comity_core::checkpoint::{Checkpoint, LogKeys};
use comity_core::merkle::empty_root;
use comity_witness::decide;

const KEYS: &[u8] = include_bytes!("../../../../testdata/corpus/policy/valid-witnesses");

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[("request", request)];

/// To a witness that does not follow the log, one that saw nothing of it, and one that saw a tree of one leaf.
pub fn request(bytes: &[u8]) {
    let keys = LogKeys::parse(KEYS).expect("keys in testdata");
    let keys: &[Vkey] = keys.vkeys();
    let seen = |size| Checkpoint {
        origin: keys[0].name().to_owned(),
        size,
        root: empty_root(),
    };
    for (follows, last) in [
        (false, None),
        (true, None),
        (true, Some(seen(0))),
        (true, Some(seen(1))),
    ] {
        let _ = decide(bytes, |_| (follows.then(|| keys.to_vec()), last));
    }
}
