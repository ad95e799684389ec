//! `testdata/vectors/vault/` holds a pack of the first format. It must open for ever, here and
//! in `tests/judges/vault.py`, which reads it by `docs/format/vault.md` alone.
//!
//! It was written with `COMITY_WRITE_VECTORS=1 cargo test -p comity-vault frozen`. A later
//! format adds its own files and leaves these.

use std::path::PathBuf;

use comity_core::json::{Value, json, parse};
use comity_core::{Digest, ObjectId, unhex};
use comity_seal::Key;
use comity_vault::{Also, Codec, Hasher, Hashes, PackId, Place, Scratch, encode_small};

use crate::fixture::{Fixture, key, noise, object, text};

const PACK: PackId = PackId(*b"Comity pack no 1");

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/vault")
}

fn contents() -> [Vec<u8>; 6] {
    [
        Vec::new(),
        b"x".to_vec(),
        text(5_000),
        noise(1, 17_000),
        [vec![0; 2 << 20], text(100)].concat(),
        noise(2, 16_384 - 32),
    ]
}

fn write() {
    let fixture = Fixture::new();
    let mut pack = fixture.vault.pack(7, PACK).unwrap();
    let mut objects = Vec::new();
    for (nth, data) in (1..).zip(contents()) {
        let sealed = encode_small(
            &data,
            &key(nth),
            object(nth),
            [nth; 24],
            &mut Scratch::new(),
        );
        let placed = pack.add(&sealed).unwrap();
        let hashes = Hashes::of(&data, Also::default());
        objects.push(json!({
            "blake3": hashes.blake3.to_string(),
            "key": comity_core::hex(key(nth).bytes()),
            "len": placed.len,
            "object": object(nth).to_string(),
            "offset": placed.offset,
            "sealed_sha256": placed.sha256.to_string(),
            "sha256": hashes.sha256.to_string(),
            "size": hashes.size,
        }));
    }
    fixture.vault.commit(vec![pack.finish().unwrap()]).unwrap();
    std::fs::create_dir_all(folder()).unwrap();
    std::fs::copy(fixture.path(&PACK.name()), folder().join("1.pack")).unwrap();
    let list = json!({ "objects": objects, "pack": PACK.to_string(), "scope_key": 7 });
    let text = format!("{list:#}\n");
    std::fs::write(folder().join("1.json"), text).unwrap();
}

fn bytes<const N: usize>(object: &Value, name: &str) -> [u8; N] {
    unhex(object[name].as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

#[test]
fn the_first_format_still_opens() {
    if std::env::var_os("COMITY_WRITE_VECTORS").is_some() {
        write();
    }
    let list = parse(&std::fs::read(folder().join("1.json")).unwrap()).unwrap();
    let pack = PackId(bytes(&list, "pack"));
    let fixture = Fixture::new();
    fixture.put(
        &pack.name(),
        &std::fs::read(folder().join("1.pack")).unwrap(),
    );
    assert_eq!(fixture.vault.check_pack(&pack.name()).unwrap(), []);
    let index = fixture.vault.read_pack_index(&pack.name()).unwrap();
    assert_eq!(Some(index.scope_key), list["scope_key"].as_u64());
    let objects = list["objects"].as_array().unwrap();
    assert_eq!(index.objects.len(), objects.len());
    let mut codecs = Vec::new();
    for ((entry, listed), data) in index.objects.iter().zip(objects).zip(contents()) {
        let object = ObjectId(bytes(listed, "object"));
        assert_eq!(
            (entry.object, entry.sha256),
            (object, Digest(bytes(listed, "sealed_sha256")))
        );
        assert_eq!(
            [Some(entry.offset), Some(entry.len)],
            [listed["offset"].as_u64(), listed["len"].as_u64()]
        );
        let place = Place {
            pack,
            offset: entry.offset,
            len: entry.len,
        };
        let reader = fixture
            .vault
            .open_object(&place, &Key::new(bytes(listed, "key")), object)
            .unwrap();
        let mut hasher = Hasher::new(Also::default());
        reader.copy_to(&mut hasher).unwrap();
        let hashes = hasher.finish();
        assert_eq!(hashes, Hashes::of(&data, Also::default()));
        assert_eq!(hashes.sha256, Digest(bytes(listed, "sha256")));
        assert_eq!(hashes.blake3, Digest(bytes(listed, "blake3")));
        codecs.push(reader.codec());
    }
    use Codec::{Stored, Zstd};
    assert_eq!(codecs, [Stored, Stored, Zstd, Stored, Zstd, Stored]);
}
