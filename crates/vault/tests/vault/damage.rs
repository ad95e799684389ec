//! {flip, cut, add, swap, delete} × every part of a pack: each is found and named.

use comity_core::{Digest, Finding, ObjectId};
use comity_vault::{PackFinding, PackId, Place, Placed, VaultError};
use proptest::prelude::*;

use crate::fixture::{Fixture, key, noise, object, text};

const PACK: [u8; 16] = [0x5a; 16];

fn name() -> String {
    PackId(PACK).name()
}

/// Three objects; the second has several chunks.
fn small_pack(fixture: &Fixture) -> (Vec<u8>, Vec<Placed>) {
    let placed = fixture.pack_of(PACK, &[noise(1, 300), text(900), noise(2, 300)]);
    (std::fs::read(fixture.path(&name())).unwrap(), placed)
}

fn check(fixture: &Fixture) -> Vec<PackFinding> {
    fixture.vault.check_pack(&name()).unwrap()
}

fn opens(fixture: &Fixture, placed: &Placed, nth: u8) -> Result<(), VaultError> {
    let reader = fixture
        .vault
        .open_object(&(*placed).into(), &key(nth), object(nth))?;
    reader.copy_to(&mut std::io::sink()).map(|_| ())
}

fn named(findings: &[PackFinding]) -> Vec<ObjectId> {
    findings
        .iter()
        .filter_map(|finding| finding.object)
        .collect()
}

#[test]
fn a_flip_of_any_byte_is_found_and_an_objects_byte_names_it_alone() {
    let fixture = Fixture::new();
    let (bytes, placed) = small_pack(&fixture);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fixture.put(&name(), &damaged);
        let findings = check(&fixture);
        assert!(!findings.is_empty(), "byte {at}");
        assert!(findings.iter().all(|finding| finding.pack == name()));
        let hit = (1..)
            .zip(&placed)
            .find(|(_, placed)| (placed.offset..placed.offset + placed.len).contains(&(at as u64)));
        let index = fixture.vault.read_pack_index(&name());
        match hit {
            Some((nth, hit)) => {
                assert_eq!(named(&findings), [object(nth)], "byte {at}");
                assert_eq!(
                    (findings.len(), findings[0].at),
                    (1, hit.offset),
                    "byte {at}"
                );
                assert!(index.is_ok(), "the index is whole: byte {at}");
                for (other, placed) in (1..).zip(&placed) {
                    assert_eq!(
                        opens(&fixture, placed, other).is_ok(),
                        other != nth,
                        "byte {at}"
                    );
                }
            }
            None => {
                assert!(
                    matches!(index, Err(VaultError::DamagedPack { pack, .. }) if pack == name()),
                    "byte {at}"
                );
            }
        }
    }
    fixture.put(&name(), &bytes);
    assert_eq!(check(&fixture), []);
}

#[test]
fn a_pack_cut_anywhere_or_added_to_is_found() {
    let fixture = Fixture::new();
    let (bytes, _) = small_pack(&fixture);
    let added = [bytes.clone(), vec![0]].concat();
    let twice = [bytes.clone(), bytes.clone()].concat();
    let cuts = (0..bytes.len()).map(|len| bytes[..len].to_vec());
    for damaged in cuts.chain([added, twice]) {
        fixture.put(&name(), &damaged);
        assert_eq!(
            check(&fixture).len(),
            1,
            "{} of {} bytes",
            damaged.len(),
            bytes.len()
        );
        let index = fixture.vault.read_pack_index(&name());
        assert!(
            matches!(index, Err(VaultError::DamagedPack { .. })),
            "{} bytes",
            damaged.len()
        );
    }
}

#[test]
fn a_cut_pack_still_gives_the_objects_that_are_whole() {
    let fixture = Fixture::new();
    let (bytes, placed) = small_pack(&fixture);
    fixture.put(&name(), &bytes[..placed[1].offset as usize + 100]);
    assert!(opens(&fixture, &placed[0], 1).is_ok());
    assert!(matches!(
        opens(&fixture, &placed[1], 2),
        Err(VaultError::DamagedPack { .. })
    ));
}

#[test]
fn two_packs_that_changed_places_are_found() {
    let fixture = Fixture::new();
    small_pack(&fixture);
    let other = PackId([0x77; 16]).name();
    fixture.pack_of([0x77; 16], &[text(100)]);
    let (a, b) = (fixture.path(&name()), fixture.path(&other));
    let (in_a, in_b) = (std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    std::fs::write(&a, in_b).unwrap();
    std::fs::write(&b, in_a).unwrap();
    for name in [name(), other] {
        let findings = fixture.vault.check_pack(&name).unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].what.contains("another pack than its name"),
            "{findings:?}"
        );
        assert_eq!((findings[0].object, findings[0].at), (None, 16));
        assert!(fixture.vault.read_pack_index(&name).is_err());
    }
}

#[test]
fn two_objects_that_changed_places_are_found() {
    let fixture = Fixture::new();
    let (mut bytes, placed) = small_pack(&fixture);
    let (a, b) = (placed[0], placed[2]);
    assert_eq!(a.len, b.len);
    for i in 0..a.len {
        bytes.swap((a.offset + i) as usize, (b.offset + i) as usize);
    }
    fixture.put(&name(), &bytes);
    assert_eq!(named(&check(&fixture)), [object(1), object(3)]);
    assert!(matches!(
        opens(&fixture, &a, 1),
        Err(VaultError::WrongKey { .. })
    ));
    // A liar who also has the index say so: the seal still knows.
    let place = Place::from(b);
    assert!(
        fixture
            .vault
            .open_object(&place, &key(1), object(1))
            .is_ok()
    );
    assert!(
        fixture
            .vault
            .open_object(&place, &key(3), object(1))
            .is_err()
    );
}

#[test]
fn two_index_entries_that_changed_places_are_found() {
    let fixture = Fixture::new();
    let (mut bytes, _) = small_pack(&fixture);
    let index_at = bytes.len() - 64 - 3 * 64;
    let (first, second) = bytes[index_at..].split_at_mut(64);
    first.swap_with_slice(&mut second[..64]);
    fixture.put(&name(), &bytes);
    let findings = check(&fixture);
    assert!(named(&findings).contains(&object(2)), "{findings:?}");
    assert!(
        matches!(fixture.vault.read_pack_index(&name()), Err(VaultError::DamagedPack { at, .. }) if at == index_at as u64)
    );
}

/// Trailer digests are no secret: an index that was changed with care is caught by its own logic.
#[test]
fn an_index_with_a_right_digest_may_not_leave_gaps_or_overlap() {
    let fixture = Fixture::new();
    let (bytes, placed) = small_pack(&fixture);
    let index_at = bytes.len() - 64 - 3 * 64;
    let (offset, len) = (index_at + 64 + 16, index_at + 64 + 24);
    let table: [(usize, u64); 6] = [
        (offset, placed[1].offset + 1),
        (offset, placed[0].offset),
        (offset, u64::MAX),
        (len, placed[1].len - 1),
        (len, placed[1].len + 1),
        (len, u64::MAX),
    ];
    for (at, value) in table {
        let mut lying = bytes.clone();
        lying[at..at + 8].copy_from_slice(&value.to_be_bytes());
        redigest(&mut lying, index_at);
        fixture.put(&name(), &lying);
        assert!(!check(&fixture).is_empty(), "{value} at {at}");
        let index = fixture.vault.read_pack_index(&name());
        assert!(
            matches!(index, Err(VaultError::DamagedPack { .. })),
            "{value} at {at}"
        );
    }
    // The last entry left out: its bytes belong to nobody.
    let mut fewer = bytes[..bytes.len() - 128].to_vec();
    fewer.extend_from_slice(&bytes[bytes.len() - 64..]);
    let trailer = fewer.len() - 64;
    fewer[trailer + 19] = 2;
    redigest(&mut fewer, index_at);
    fixture.put(&name(), &fewer);
    let findings = check(&fixture);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].at, placed[2].offset);
    assert!(fixture.vault.read_pack_index(&name()).is_err());
}

fn redigest(pack: &mut [u8], index_at: usize) {
    let end = pack.len() - 32;
    let digest = Digest::of(&[&pack[..64], &pack[index_at..end]].concat());
    pack[end..].copy_from_slice(&digest.0);
}

#[test]
fn a_pack_that_is_gone_is_named() {
    let fixture = Fixture::new();
    let (_, placed) = small_pack(&fixture);
    std::fs::remove_file(fixture.path(&name())).unwrap();
    let errors = [
        opens(&fixture, &placed[0], 1).unwrap_err(),
        fixture.vault.check_pack(&name()).unwrap_err(),
        fixture.vault.read_pack_index(&name()).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains(&name()), "{error}");
    }
}

#[test]
fn a_chunk_of_a_large_object_is_placed_and_the_rest_still_reads() {
    let fixture = Fixture::new();
    let data = noise(5, 100_000);
    let placed = fixture.pack_of(PACK, std::slice::from_ref(&data));
    let mut bytes = std::fs::read(fixture.path(&name())).unwrap();
    let chunk_at = 64 + 56 + 3 * 16_400;
    bytes[chunk_at + 5_000] ^= 1;
    fixture.put(&name(), &bytes);
    let reader = fixture
        .vault
        .open_object(&placed[0].into(), &key(1), object(1))
        .unwrap();
    let error = reader.read_range(0, 100_000).unwrap_err();
    assert!(
        matches!(error, VaultError::DamagedChunk { object: named, at, len: 16_400 }
            if named == object(1) && at == chunk_at as u64),
        "{error:?}"
    );
    assert!(reader.read_range(0, 3 * 16_384).unwrap() == data[..3 * 16_384]);
    assert!(reader.read_range(4 * 16_384, 1_000).unwrap() == data[4 * 16_384..][..1_000]);
}

#[test]
fn a_finding_names_pack_object_and_byte() {
    let fixture = Fixture::new();
    let (mut bytes, placed) = small_pack(&fixture);
    bytes[placed[1].offset as usize + 80] ^= 1;
    fixture.put(&name(), &bytes);
    let finding = Finding::from(check(&fixture).remove(0));
    assert_eq!(finding.place, name());
    assert_eq!(
        finding.what,
        format!(
            "object {} at byte {}: its {} bytes do not agree with their digest in the index",
            object(2),
            placed[1].offset,
            placed[1].len
        )
    );
}

proptest! {
    #[test]
    fn no_file_makes_a_check_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..600),
        at in any::<proptest::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 1..80),
        redo in any::<bool>(),
    ) {
        let fixture = Fixture::new();
        fixture.put(&name(), &noise);
        prop_assert!(!check(&fixture).is_empty());
        prop_assert!(fixture.vault.read_pack_index(&name()).is_err());
        // A pack with a piece written over, with and without a right digest.
        let (mut bytes, placed) = small_pack(&fixture);
        let at = at.index(bytes.len());
        for (to, from) in bytes[at..].iter_mut().zip(&with) {
            *to = *from;
        }
        if redo {
            let index_at = bytes.len() - 64 - 3 * 64;
            redigest(&mut bytes, index_at);
        }
        fixture.put(&name(), &bytes);
        let _ = check(&fixture);
        let _ = fixture.vault.read_pack_index(&name());
        for (nth, placed) in (1..).zip(&placed) {
            let _ = opens(&fixture, placed, nth);
        }
    }
}
