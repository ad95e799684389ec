//! Objects that are sealed rightly but built wrongly: a program with the key may lie, and
//! still nothing grows without bound or passes for something else.

use comity_seal::seal;
use comity_vault::{ObjectReader, VaultError};
use proptest::prelude::*;

use crate::fixture::{Fixture, key, object, text};

const FRAME: usize = 1 << 20;

fn context() -> Vec<u8> {
    [b"comity/object/v1\n".as_slice(), &object(1).0].concat()
}

fn footer(codec: u8, log2: u8, len: u64, frames: u32) -> Vec<u8> {
    let mut out = [b"CMOB".as_slice(), &[1, codec, log2, 0]].concat();
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&frames.to_be_bytes());
    out.resize(32, 0);
    out
}

fn open(clear: &[u8]) -> (Fixture, Result<ObjectReader, VaultError>) {
    let fixture = Fixture::new();
    let mut pack = fixture.vault.pack(1, [1; 16]).unwrap();
    let placed = pack
        .add_sealed(object(1), &seal(&key(1), [1; 24], &context(), clear))
        .unwrap();
    fixture.vault.commit(vec![pack.finish().unwrap()]).unwrap();
    let reader = fixture
        .vault
        .open_object(&placed.into(), &key(1), object(1));
    (fixture, reader)
}

/// Opens and reads all of it.
fn read(clear: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (_fixture, reader) = open(clear);
    let reader = reader?;
    let whole = reader.read_range(0, reader.size());
    let mut streamed = Vec::new();
    let copied = reader.copy_to(&mut streamed);
    assert_eq!(whole.is_ok(), copied.is_ok());
    if let Ok(whole) = &whole {
        assert!(*whole == streamed);
    }
    whole
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(data, 3).unwrap()
}

fn built(frames: &[Vec<u8>], len: u64, count: u32) -> Vec<u8> {
    let mut out = frames.concat();
    for frame in frames {
        out.extend_from_slice(&(frame.len() as u32).to_be_bytes());
    }
    out.extend(footer(1, 20, len, count));
    out
}

#[test]
fn an_object_built_by_the_document_opens() {
    let data = text(FRAME + 500);
    let frames = [zstd(&data[..FRAME]), zstd(&data[FRAME..])];
    assert!(read(&built(&frames, data.len() as u64, 2)).unwrap() == data);
    // Another frame size, and raw blocks inside of zstd frames.
    let mut small = frames_of(&data[..3000], 1024).concat();
    for frame in frames_of(&data[..3000], 1024) {
        small.extend_from_slice(&(frame.len() as u32).to_be_bytes());
    }
    small.extend(footer(1, 10, 3000, 3));
    assert!(read(&small).unwrap() == data[..3000]);
}

fn frames_of(data: &[u8], len: usize) -> Vec<Vec<u8>> {
    data.chunks(len).map(zstd).collect()
}

#[test]
fn every_lie_is_refused() {
    let data = text(1_000);
    let frame = zstd(&data);
    let two = [zstd(&data[..500]), zstd(&data[500..])].concat();
    // RFC 8878 section 3.1.2: a skippable frame of 4 bytes.
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4].to_vec();
    let with_rest = [frame.clone(), vec![0]].concat();
    let after_skippable = [skippable.clone(), frame.clone()].concat();
    let bomb = zstd(&vec![0; 64 * FRAME]);
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("no footer", b"short".to_vec()),
        ("a footer of zeros", vec![0; 32]),
        (
            "stored, but longer than it says",
            [data.clone(), footer(0, 20, 999, 0)].concat(),
        ),
        (
            "stored, but shorter than it says",
            [data.clone(), footer(0, 20, 1 << 50, 0)].concat(),
        ),
        (
            "fewer bytes than the footer says",
            built(std::slice::from_ref(&frame), 1_001, 1),
        ),
        (
            "more bytes than the footer says",
            built(std::slice::from_ref(&frame), 999, 1),
        ),
        (
            "a bomb",
            built(std::slice::from_ref(&bomb), FRAME as u64, 1),
        ),
        (
            "a bomb that says so",
            built(std::slice::from_ref(&bomb), 64 * FRAME as u64, 1),
        ),
        (
            "a count of frames that is not there",
            built(std::slice::from_ref(&frame), u64::MAX, u32::MAX),
        ),
        ("two frames in the place of one", built(&[two], 1_000, 1)),
        (
            "a frame and something after it",
            built(&[with_rest], 1_000, 1),
        ),
        (
            "a skippable frame",
            built(std::slice::from_ref(&skippable), 4, 1),
        ),
        (
            "a skippable frame before it",
            built(&[after_skippable], 1_000, 1),
        ),
        ("no frame at all", built(&[Vec::new()], 1_000, 1)),
        ("not zstd", built(std::slice::from_ref(&data), 1_000, 1)),
        (
            "a table that counts too little",
            [frame.clone(), vec![0, 0, 0, 1], footer(1, 20, 1_000, 1)].concat(),
        ),
        (
            "a table that counts too much",
            [frame.clone(), vec![255; 4], footer(1, 20, 1_000, 1)].concat(),
        ),
        (
            "bytes before the frames",
            [vec![0; 9], built(std::slice::from_ref(&frame), 1_000, 1)].concat(),
        ),
        (
            "an unknown codec",
            [data.clone(), footer(2, 20, 1_000, 0)].concat(),
        ),
        (
            "frames of 2 MiB",
            [
                frame.clone(),
                (frame.len() as u32).to_be_bytes().to_vec(),
                footer(1, 21, 1_000, 1),
            ]
            .concat(),
        ),
    ];
    assert!(read(&built(std::slice::from_ref(&frame), 1_000, 1)).unwrap() == data);
    for (what, clear) in table {
        let refused = read(&clear);
        assert!(
            matches!(refused, Err(VaultError::Malformed { object: named, .. }) if named == object(1)),
            "{what}: {:?}",
            refused.map(|bytes| bytes.len())
        );
    }
}

/// The frame read last is kept: a frame that is refused must not leave half of itself there.
#[test]
fn a_refused_frame_is_refused_again() {
    let data = text(2 * FRAME);
    let frames = [zstd(&data[..FRAME]), zstd(&data[FRAME..FRAME + 10])];
    let (_fixture, reader) = open(&built(&frames, data.len() as u64, 2));
    let reader = reader.unwrap();
    for _ in 0..3 {
        assert!(reader.read_range(FRAME as u64 + 5, 20).is_err());
        assert!(reader.read_range(5, 20).unwrap() == data[5..25]);
    }
}

proptest! {
    #[test]
    fn no_clear_form_makes_a_reader_panic(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        codec in 0u8..3,
        log2 in 9u8..22,
        len in prop_oneof![0u64..400, any::<u64>()],
        frames in prop_oneof![0u32..5, any::<u32>()],
    ) {
        let _ = read(&[body, footer(codec, log2, len, frames)].concat());
    }

    #[test]
    fn no_change_within_a_frame_makes_a_reader_panic(at in 0usize..5_000, value in any::<u8>()) {
        let mut frame = zstd(&text(20_000));
        let at = at % frame.len();
        frame[at] = value;
        if let Ok(bytes) = read(&built(&[frame], 20_000, 1)) {
            prop_assert_eq!(bytes.len(), 20_000);
        }
    }
}
