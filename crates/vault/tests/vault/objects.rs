//! Bytes come back as they went in, whole and by range.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comity_seal::sealed_len;
use comity_vault::{
    Also, Codec, Hasher, Hashes, PackId, Place, ReadScratch, Scratch, VaultError, encode_small,
};
use proptest::prelude::*;

use crate::fixture::{Fixture, key, noise, object, text};

const MIB: usize = 1 << 20;
const EDGES: [usize; 12] = [
    0,
    1,
    127,
    128,
    16_351,
    16_352,
    16_383,
    16_384,
    16_385,
    MIB - 1,
    MIB,
    MIB + 1,
];

fn copy(reader: &comity_vault::ObjectReader) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(reader.copy_to(&mut out).unwrap(), reader.size());
    out
}

#[test]
fn every_edge_length_of_every_kind_comes_back() {
    let kinds: [fn(usize) -> Vec<u8>; 3] = [|len| noise(1, len), text, |len| vec![0; len]];
    let contents: Vec<Vec<u8>> = EDGES
        .iter()
        .chain(&[3 * MIB + 5])
        .flat_map(|len| kinds.iter().map(|kind| kind(*len)))
        .collect();
    let fixture = Fixture::new();
    let placed = fixture.pack_of([2; 16], &contents);
    for ((nth, data), placed) in (1..).zip(&contents).zip(&placed) {
        let reader = fixture
            .vault
            .open_object(&(*placed).into(), &key(nth), object(nth))
            .unwrap();
        assert_eq!(reader.size(), data.len() as u64);
        assert!(
            copy(&reader) == *data,
            "object {nth} of {} bytes",
            data.len()
        );
        assert!(reader.read_range(0, reader.size()).unwrap() == *data);
        for cut in [0, 1, 16_384, MIB - 1, MIB, 2 * MIB, data.len()] {
            let cut = cut.min(data.len());
            let end = data.len().min(cut + 10);
            let range = reader.read_range(cut as u64, (end - cut) as u64).unwrap();
            assert!(
                range == data[cut..end],
                "object {nth}, bytes {cut} to {end}"
            );
        }
    }
    assert_eq!(
        fixture.vault.check_pack(&PackId([2; 16]).name()).unwrap(),
        []
    );
}

#[test]
fn what_unpacks_to_much_is_not_held_in_memory() {
    let fixture = Fixture::new();
    let contents = [vec![0; 4 * MIB - 1], vec![0; 4 * MIB]];
    let placed = fixture.pack_of([2; 16], &contents);
    let pack = fixture.vault.open_pack(PackId([2; 16])).unwrap();
    let mut scratch = ReadScratch::default();
    let mut small = |nth: u8| {
        let Place { offset, len, .. } = placed[usize::from(nth) - 1].into();
        assert!(len < 1000, "zeros are sealed in few bytes");
        let read = pack.read_small(offset, len, &key(nth), object(nth), &mut scratch);
        read.unwrap().map(<[u8]>::len)
    };
    assert_eq!([small(1), small(2)], [Some(4 * MIB - 1), None]);
}

#[test]
fn only_what_shrinks_is_compressed() {
    let fixture = Fixture::new();
    let contents = [
        text(127),
        text(5_000),
        noise(3, 5_000),
        vec![0; MIB + 1],
        Vec::new(),
    ];
    let placed = fixture.pack_of([2; 16], &contents);
    let codecs: Vec<Codec> = (1..)
        .zip(&placed)
        .map(|(nth, placed)| {
            fixture
                .vault
                .open_object(&(*placed).into(), &key(nth), object(nth))
                .unwrap()
                .codec()
        })
        .collect();
    assert_eq!(
        codecs,
        [
            Codec::Stored,
            Codec::Zstd,
            Codec::Stored,
            Codec::Zstd,
            Codec::Stored
        ]
    );
    assert_eq!(placed[2].len, sealed_len(5_000 + 32));
    assert!(placed[1].len < 2_500, "{}", placed[1].len);
    assert!(placed[3].len < 1_000, "zeros: {}", placed[3].len);
}

#[test]
fn scratch_leaves_no_trace_of_one_object_in_the_next() {
    let mut used = Scratch::new();
    for data in [
        text(3 * MIB),
        noise(1, 100),
        text(500),
        Vec::new(),
        text(200_000),
    ] {
        let again = encode_small(&data, &key(1), object(1), [1; 24], &mut used);
        let fresh = encode_small(&data, &key(1), object(1), [1; 24], &mut Scratch::new());
        assert!(again == fresh, "{} bytes", data.len());
    }
}

#[test]
fn another_key_or_another_object_does_not_open() {
    let fixture = Fixture::new();
    let placed = fixture.pack_of([2; 16], &[text(500), text(500)]);
    let place = Place::from(placed[0]);
    for (key, object) in [(key(2), object(1)), (key(1), object(2))] {
        let refused = fixture.vault.open_object(&place, &key, object);
        assert!(matches!(refused, Err(VaultError::WrongKey { object: named }) if named == object));
    }
}

#[test]
fn a_range_past_the_end_is_refused_and_named() {
    let fixture = Fixture::new();
    for data in [text(MIB + 9), noise(1, 500)] {
        let placed = fixture.pack_of([2; 16], std::slice::from_ref(&data));
        let reader = fixture
            .vault
            .open_object(&placed[0].into(), &key(1), object(1))
            .unwrap();
        let size = data.len() as u64;
        for (offset, len) in [(0, size + 1), (size, 1), (u64::MAX, 1), (1, u64::MAX)] {
            let refused = reader.read_range(offset, len).unwrap_err();
            assert!(matches!(refused, VaultError::OutOfRange { size: named, .. } if named == size));
        }
        assert_eq!(reader.read_range(size, 0).unwrap(), b"");
    }
}

#[test]
fn places_that_are_wrong_are_refused() {
    let fixture = Fixture::new();
    let placed = fixture.pack_of([2; 16], &[text(500)]);
    let right = Place::from(placed[0]);
    let open = |place| {
        fixture
            .vault
            .open_object(&place, &key(1), object(1))
            .map(|_| ())
    };
    assert!(open(right).is_ok());
    for (offset, len) in [
        (right.offset + 1, right.len),
        (right.offset, right.len - 1),
        (right.offset, 10),
    ] {
        assert!(
            open(Place {
                offset,
                len,
                ..right
            })
            .is_err()
        );
    }
    for (offset, len) in [(right.offset, 1 << 40), (u64::MAX, 80), (1 << 40, 80)] {
        assert!(matches!(
            open(Place {
                offset,
                len,
                ..right
            }),
            Err(VaultError::DamagedPack { .. })
        ));
    }
    let elsewhere = Place {
        pack: PackId([9; 16]),
        ..right
    };
    assert!(matches!(open(elsewhere), Err(VaultError::Store(_))));
}

#[test]
fn the_receivers_error_comes_out() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let fixture = Fixture::new();
    let placed = fixture.pack_of([2; 16], &[text(500)]);
    let reader = fixture
        .vault
        .open_object(&placed[0].into(), &key(1), object(1))
        .unwrap();
    assert!(matches!(
        reader.copy_to(&mut Closed),
        Err(VaultError::Sink(_))
    ));
}

#[test]
fn a_pack_that_is_not_committed_leaves_nothing() {
    let fixture = Fixture::new();
    let before = fixture.files();
    let sealed = encode_small(&text(500), &key(1), object(1), [1; 24], &mut Scratch::new());
    for finish in [false, true] {
        let mut pack = fixture.vault.pack(1, [3; 16]).unwrap();
        pack.add(&sealed).unwrap();
        if finish {
            drop(pack.finish().unwrap());
        } else {
            drop(pack);
        }
        assert_eq!(fixture.vault.packs().unwrap(), []);
        assert_eq!(fixture.files(), before);
    }
}

#[test]
fn sealed_bytes_move_to_another_vault_as_they_are() {
    let (here, there) = (Fixture::new(), Fixture::new());
    let placed = here.pack_of([2; 16], &[text(40_000)]);
    let name = placed[0].pack.name();
    let sealed = here
        .vault
        .store()
        .get_range(&name, placed[0].offset, placed[0].len)
        .unwrap();
    let mut pack = there.vault.pack(5, [4; 16]).unwrap();
    let moved = pack.add_sealed(object(1), &sealed).unwrap();
    assert_eq!((pack.objects(), pack.pack()), (1, PackId([4; 16])));
    there.vault.commit(vec![pack.finish().unwrap()]).unwrap();
    assert_eq!(moved.sha256, placed[0].sha256);
    let reader = there
        .vault
        .open_object(&moved.into(), &key(1), object(1))
        .unwrap();
    assert!(copy(&reader) == text(40_000));
    let index = there.vault.read_pack_index(&moved.pack.name()).unwrap();
    assert_eq!((index.pack, index.scope_key), (PackId([4; 16]), 5));
    assert_eq!(index.objects.len(), 1);
    assert_eq!(index.objects[0].object, object(1));
    assert_eq!(index.objects[0].sha256, moved.sha256);
}

#[test]
fn sweeping_removes_unknown_packs_and_nothing_else() {
    let fixture = Fixture::new();
    for pack in 1..=3 {
        fixture.pack_of([pack; 16], &[text(10)]);
    }
    fixture.put("vault/02/notes.txt", b"not ours");
    let swept = fixture
        .vault
        .sweep(|pack| *pack != PackId([2; 16]))
        .unwrap();
    assert_eq!(swept, [PackId([2; 16]).name()]);
    let left: Vec<_> = fixture
        .vault
        .packs()
        .unwrap()
        .into_iter()
        .map(|file| file.pack)
        .collect();
    assert_eq!(left, [Some(PackId([1; 16])), None, Some(PackId([3; 16]))]);
}

#[derive(Clone, Debug)]
enum Content {
    Noise(u64, usize),
    Text(usize),
    Mixed(usize, usize),
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        match *self {
            Self::Noise(seed, len) => noise(seed, len),
            Self::Text(len) => text(len),
            Self::Mixed(first, then) => [text(first), noise(1, then)].concat(),
        }
    }
}

fn content() -> impl Strategy<Value = Content> {
    let len = prop_oneof![4 => 0usize..2_000, 2 => 0usize..70_000, 1 => 0usize..2_200_000];
    prop_oneof![
        (any::<u64>(), len.clone()).prop_map(|(seed, len)| Content::Noise(seed, len)),
        len.clone().prop_map(Content::Text),
        (len.clone(), len).prop_map(|(first, then)| Content::Mixed(first, then)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The vault against a map: whatever is put into whatever packs comes back, by any range.
    #[test]
    fn a_vault_is_a_map(
        packs in proptest::collection::vec(proptest::collection::vec(content(), 0..6), 1..4),
        ranges in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>()), 6),
    ) {
        let fixture = Fixture::new();
        let mut scratch = Scratch::new();
        let mut map = BTreeMap::new();
        let mut unsynced = Vec::new();
        let mut nth = 0;
        for (pack, contents) in (1..).zip(&packs) {
            let mut writer = fixture.vault.pack(u64::from(pack), [pack; 16]).unwrap();
            for content in contents {
                nth += 1;
                let data = content.bytes();
                let sealed = encode_small(&data, &key(nth), object(nth), [nth; 24], &mut scratch);
                map.insert(nth, (writer.add(&sealed).unwrap(), data));
            }
            unsynced.push(writer.finish().unwrap());
        }
        let sizes: Vec<u64> = unsynced.iter().map(comity_vault::UnsyncedPack::size).collect();
        fixture.vault.commit(unsynced).unwrap();
        let files = fixture.vault.packs().unwrap();
        prop_assert_eq!(files.iter().map(|file| file.size).collect::<Vec<_>>(), sizes);
        for file in &files {
            prop_assert_eq!(fixture.vault.check_pack(&file.name).unwrap(), []);
        }
        for (nth, (placed, data)) in &map {
            let reader = fixture.vault.open_object(&(*placed).into(), &key(*nth), object(*nth)).unwrap();
            let mut hasher = Hasher::new(Also::default());
            reader.copy_to(&mut hasher).unwrap();
            prop_assert_eq!(hasher.finish(), Hashes::of(data, Also::default()));
            for (a, b) in &ranges {
                let (a, b) = (a.index(data.len() + 1), b.index(data.len() + 1));
                let (start, end) = (a.min(b), a.max(b));
                prop_assert!(reader.read_range(start as u64, (end - start) as u64).unwrap() == data[start..end]);
            }
        }
    }
}
