//! A pack in its place in a vault, and the clear form of an object, under the names of their corpora. The fuzz targets
//! call the same functions.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use comity_core::{Digest, ObjectId, Sha256Hasher};
use comity_seal::{Key, seal};
use comity_store::{Disk, Objects};
use comity_vault::{LARGE_LEN, PackId, ReadScratch, Vault};

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[("pack", pack), ("object", object)];

const PACK: PackId = PackId(*b"Comity pack no 1");
const OBJECT: ObjectId = ObjectId(*b"Comity object 01");

fn vault_with(folder: &Path, bytes: &[u8]) -> Vault {
    let path = folder.join(PACK.name());
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder of the test");
    fs::write(path, bytes).expect("a file of the test");
    Vault::new(Objects::local(folder.to_owned(), Disk::real()).expect("a store"))
}

/// As it is, and with the digest of its trailer made anew, so that the index behind it is read.
pub fn pack(bytes: &[u8]) {
    for bytes in [Some(bytes.to_vec()), with_digest(bytes)]
        .into_iter()
        .flatten()
    {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let vault = vault_with(folder.path(), &bytes);
        let _ = vault.read_pack_index(&PACK.name());
        let _ = vault.check_pack(&PACK.name());
        let _ = vault.open_pack(PACK).is_ok();
    }
}

/// `docs/format/vault.md`, Pack: the digest is over header, index and the trailer before it.
fn with_digest(bytes: &[u8]) -> Option<Vec<u8>> {
    let trailer = bytes.len().checked_sub(64)?;
    let index_at = u64::from_be_bytes(*bytes.get(trailer + 8..)?.first_chunk()?);
    let index = bytes.get(usize::try_from(index_at).ok()?..trailer)?;
    let covered = [bytes.get(..64)?, index, &bytes[trailer..trailer + 32]].concat();
    Some([&bytes[..trailer + 32], &Digest::of(&covered).0].concat())
}

/// Hashes what is written: an object may unpack to more than a test should hold.
struct Sum(Sha256Hasher);

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes are sealed as an object, so that its footer, seek table and frames are read.
pub fn object(bytes: &[u8]) {
    let key = Key::new([1; 32]);
    let context = [&b"comity/object/v1\n"[..], &OBJECT.0].concat();
    let sealed = seal(&key, [2; 24], &context, bytes);
    let folder = tempfile::tempdir().expect("a folder for the test");
    let vault = vault_with(folder.path(), &sealed);
    let pack = vault.open_pack(PACK).expect("a pack in its place");
    let len = sealed.len() as u64;
    let mut scratch = ReadScratch::default();
    let small = pack.read_small(0, len, &key, OBJECT, &mut scratch);
    let Ok(object) = pack.object(0, len, &key, OBJECT) else {
        assert!(!matches!(small, Ok(Some(_))), "two readers say the same");
        return;
    };
    let mut whole = Sum(Sha256Hasher::new());
    match (object.copy_to(&mut whole), small) {
        (Ok(_), Ok(Some(small))) => assert_eq!(Digest::of(small), whole.0.finish()),
        (Ok(len), Ok(None)) => assert!(len >= LARGE_LEN),
        (one, other) => assert_eq!(one.is_ok(), other.is_ok_and(|small| small.is_some())),
    }
    let size = object.size();
    for offset in [0, size / 2, size, u64::MAX] {
        let _ = object.read_range(offset, 100.min(size.saturating_sub(offset)));
    }
}
