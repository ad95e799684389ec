//! A pack in its place in a vault: its index and the check of all. The footers of objects lie inside the seal and are not
//! reached from here. The fuzz target calls the same function.

use std::fs;

use comity_store::{Disk, Objects};
use comity_vault::{PackId, Vault};

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[("pack", pack)];

const PACK: PackId = PackId(*b"Comity pack no 1");

pub fn pack(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join(PACK.name());
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder of the test");
    fs::write(path, bytes).expect("a file of the test");
    let objects = Objects::local(folder.path().to_owned(), Disk::real()).expect("a store");
    let vault = Vault::new(objects);
    let _ = vault.read_pack_index(&PACK.name());
    let _ = vault.check_pack(&PACK.name());
    let _ = vault.open_pack(PACK).is_ok();
}
