//! What a reader of sealed bytes depends on: that they open only whole, only with their key
//! and context, that ranges are slices, and that damage is found and placed.

#![allow(clippy::unwrap_used)]

use std::io::{self, Write};

use comity_seal::{
    CHUNK_LEN, HEADER_LEN, Key, Opener, ReadAt, SALT_LEN, SEALED_CHUNK_LEN, SealError, Sealer,
    TAG_LEN, clear_len, open, open_column, seal, seal_column, seal_into, seal_parts_into,
    sealed_len,
};
use proptest::prelude::*;

const CONTEXT: &[u8] = b"test/v1\n";
const SALT: [u8; 24] = [3; 24];
const EDGES: [usize; 10] = [
    0,
    1,
    500,
    CHUNK_LEN - 1,
    CHUNK_LEN,
    CHUNK_LEN + 1,
    2 * CHUNK_LEN - 1,
    2 * CHUNK_LEN,
    100_000,
    1 << 20,
];

fn key() -> Key {
    Key::new([7; 32])
}

fn text(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| (i as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect()
}

/// Both ways of opening, which must agree.
fn open_both(key: &Key, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let whole = open(key, context, sealed);
    let by_range = Opener::new(key, context, sealed).and_then(|opener| {
        let mut out = vec![0; opener.clear_len() as usize];
        opener.read_at(0, &mut out).map(|()| out)
    });
    assert_eq!(
        format!("{:?}", whole.as_ref().err()),
        format!("{:?}", by_range.as_ref().err())
    );
    if let (Ok(whole), Ok(by_range)) = (&whole, &by_range) {
        assert!(whole == by_range);
    }
    whole
}

#[test]
fn every_edge_length_comes_back() -> Result<(), SealError> {
    for len in EDGES {
        let sealed = seal(&key(), SALT, CONTEXT, &text(len));
        assert_eq!(sealed.len() as u64, sealed_len(len as u64));
        assert_eq!(clear_len(sealed.len() as u64), Some(len as u64));
        assert!(open_both(&key(), CONTEXT, &sealed)? == text(len), "{len}");
    }
    Ok(())
}

#[test]
fn all_ways_of_sealing_give_the_same_bytes() -> io::Result<()> {
    for len in EDGES {
        let text = text(len);
        let whole = seal(&key(), SALT, CONTEXT, &text);
        let mut appended = b"before".to_vec();
        seal_into(&key(), SALT, CONTEXT, &text, &mut appended);
        assert!(appended[6..] == whole, "{len}");
        let (front, back) = text.split_at(len / 3);
        let mut in_parts = Vec::new();
        seal_parts_into(&key(), SALT, CONTEXT, &[front, b"", back], &mut in_parts);
        assert!(in_parts == whole, "{len}");
        for piece in [1_000, CHUNK_LEN, 1 << 20] {
            let mut sealer = Sealer::new(&key(), SALT, CONTEXT, Vec::new());
            for piece in text.chunks(piece) {
                sealer.write_all(piece)?;
                sealer.flush()?;
            }
            assert_eq!(sealer.clear_len(), len as u64);
            assert!(sealer.finish()? == whole, "{len} in pieces of {piece}");
        }
    }
    Ok(())
}

#[test]
fn another_key_or_context_is_refused_before_any_chunk() {
    let mut sealed = seal(&key(), SALT, CONTEXT, &text(100));
    // The chunk is broken too: it must not be what is complained of.
    sealed[HEADER_LEN] ^= 1;
    let other = Key::new([8; 32]);
    for (key, context) in [
        (&other, CONTEXT),
        (&key(), b"test/v2\n".as_slice()),
        (&key(), b""),
    ] {
        assert!(matches!(
            open_both(key, context, &sealed),
            Err(SealError::WrongKey)
        ));
    }
}

#[test]
fn a_flipped_bit_is_placed() {
    let len = 2 * CHUNK_LEN + 100;
    let sealed = seal(&key(), SALT, CONTEXT, &text(len));
    let chunk = |n: usize| HEADER_LEN + n * SEALED_CHUNK_LEN;
    let table = [
        (0, None),
        (23, None),
        (24, None),
        (55, None),
        (chunk(0), Some(0)),
        (chunk(1) - 1, Some(0)),
        (chunk(1), Some(1)),
        (chunk(2) - 1, Some(1)),
        (chunk(2), Some(2)),
        (sealed.len() - 1, Some(2)),
    ];
    for (at, expected) in table {
        for bit in [0, 7] {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1 << bit;
            match (open_both(&key(), CONTEXT, &damaged), expected) {
                (Err(SealError::WrongKey), None) => {}
                (Err(SealError::Damaged { chunk }), Some(expected)) => assert_eq!(chunk, expected),
                (other, _) => panic!("byte {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn nothing_cut_short_lengthened_or_reordered_opens() {
    let sealed = seal(&key(), SALT, CONTEXT, &text(2 * CHUNK_LEN + 100));
    for len in (0..200).chain(sealed.len() - 300..sealed.len()).chain([
        HEADER_LEN + SEALED_CHUNK_LEN,
        HEADER_LEN + 2 * SEALED_CHUNK_LEN,
        HEADER_LEN + 2 * SEALED_CHUNK_LEN - 1,
    ]) {
        assert!(
            open_both(&key(), CONTEXT, &sealed[..len]).is_err(),
            "cut to {len}"
        );
    }
    for more in [1, 16, SEALED_CHUNK_LEN] {
        let mut longer = sealed.clone();
        longer.resize(sealed.len() + more, 0);
        assert!(open_both(&key(), CONTEXT, &longer).is_err(), "{more} more");
    }
    let mut swapped = sealed.clone();
    let (front, back) = swapped[HEADER_LEN..].split_at_mut(SEALED_CHUNK_LEN);
    front.swap_with_slice(&mut back[..SEALED_CHUNK_LEN]);
    assert!(matches!(
        open_both(&key(), CONTEXT, &swapped),
        Err(SealError::Damaged { chunk: 0 })
    ));
}

#[test]
fn a_length_is_believed_only_when_the_last_chunk_opens() {
    let sealed = seal(&key(), SALT, CONTEXT, &text(3 * CHUNK_LEN));
    // Cut so that the length is one that a sealing could have.
    let cut = &sealed[..HEADER_LEN + SEALED_CHUNK_LEN + 500];
    assert!(matches!(
        Opener::new(&key(), CONTEXT, cut),
        Err(SealError::Damaged { chunk: 1 })
    ));
}

#[test]
fn a_range_past_the_end_is_refused() -> Result<(), SealError> {
    let sealed = seal(&key(), SALT, CONTEXT, &text(100));
    let opener = Opener::new(&key(), CONTEXT, &sealed)?;
    for (offset, len) in [(100, 1), (0, 101), (u64::MAX, 1), (u64::MAX - 3, 8)] {
        let mut buf = vec![0; len];
        assert!(matches!(
            opener.read_at(offset, &mut buf),
            Err(SealError::OutOfRange { .. })
        ));
    }
    opener.read_at(100, &mut [])?;
    Ok(())
}

/// A source that counts what is read of it.
struct Counted<'a>(&'a [u8], std::cell::Cell<u64>);

impl ReadAt for Counted<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.1.set(self.1.get() + buf.len() as u64);
        self.0.read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.0.size()
    }
}

#[test]
fn a_range_reads_only_the_chunks_that_hold_it() -> Result<(), SealError> {
    let sealed = seal(&key(), SALT, CONTEXT, &text(1 << 20));
    let counted = Counted(&sealed, 0.into());
    let mut buf = [0; 10];
    Opener::new(&key(), CONTEXT, &counted)?.read_at(500_000, &mut buf)?;
    assert_eq!(&buf[..], &text(1 << 20)[500_000..500_010]);
    // The header, the empty last chunk and one chunk.
    assert_eq!(counted.1.get(), (HEADER_LEN + 16 + SEALED_CHUNK_LEN) as u64);
    Ok(())
}

#[test]
fn the_sinks_error_comes_out() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut sealer = Sealer::new(&key(), SALT, CONTEXT, Full);
    let error = sealer.write_all(&text(1 << 20)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_key_is_never_printed() {
    assert_eq!(format!("{:?}", Key::new([0xab; 32])), "Key(..)");
}

proptest! {
    #[test]
    fn ranges_are_slices(len in 0usize..80_000, a in 0usize..80_000, b in 0usize..80_000) {
        let text = text(len);
        let sealed = seal(&key(), SALT, CONTEXT, &text);
        let opener = Opener::new(&key(), CONTEXT, &sealed).unwrap();
        let (start, end) = (a.min(b).min(len), a.max(b).min(len));
        let mut out = vec![0; end - start];
        opener.read_at(start as u64, &mut out).unwrap();
        prop_assert!(out == text[start..end]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40_000)) {
        prop_assert!(open_both(&key(), CONTEXT, &bytes).is_err());
    }
}

#[test]
fn a_column_opens_with_its_key_and_context_and_as_it_was_alone() {
    for len in [0, 1, 15, 16, 17, 300, 70_000] {
        let clear = text(len);
        let sealed = seal_column(&key(), SALT, CONTEXT, &clear);
        assert_eq!(sealed.len(), SALT_LEN + len + TAG_LEN);
        assert_eq!(sealed, seal_column(&key(), SALT, CONTEXT, &clear));
        assert_eq!(open_column(&key(), CONTEXT, &sealed).unwrap(), clear);
        let other_key = open_column(&Key::new([8; 32]), CONTEXT, &sealed);
        assert!(matches!(other_key, Err(SealError::WrongKey)));
        let other_context = open_column(&key(), b"test/v1", &sealed);
        assert!(matches!(other_context, Err(SealError::WrongKey)));
        for at in (0..sealed.len()).step_by(1 + len / 50) {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(open_column(&key(), CONTEXT, &damaged).is_err(), "byte {at}");
        }
        let mut longer = sealed.clone();
        longer.push(0);
        assert!(open_column(&key(), CONTEXT, &longer).is_err());
        for at in (0..sealed.len()).step_by(1 + len / 50) {
            assert!(open_column(&key(), CONTEXT, &sealed[..at]).is_err());
        }
    }
    let short = vec![0; SALT_LEN + TAG_LEN - 1];
    assert!(matches!(
        open_column(&key(), CONTEXT, &short),
        Err(SealError::TooShort)
    ));
}

/// By Python's `cryptography`: `AESGCMSIV(hmac.digest(key, context + salt, "sha256")).encrypt(bytes(12), clear, None)`.
#[test]
fn a_column_is_what_others_make_of_the_same_arguments() {
    let sealed = seal_column(&key(), SALT, CONTEXT, b"three facts of a row");
    let mut hex = String::new();
    sealed[SALT_LEN..]
        .iter()
        .for_each(|byte| hex += &format!("{byte:02x}"));
    assert_eq!(
        hex,
        "cc259db1da5a2bc157061d5e52e3da42609cca0ddcf9649fe13fb00da1434f1846b31ffb"
    );
}

/// Were the salts of two rows ever the same, their keys would be too, and two texts under one nonce would show.
#[test]
fn no_two_salts_keys_or_contexts_seal_a_column_alike() {
    let clear = text(64);
    let sealed = [
        seal_column(&key(), SALT, CONTEXT, &clear),
        seal_column(&key(), [4; 24], CONTEXT, &clear),
        seal_column(&Key::new([8; 32]), SALT, CONTEXT, &clear),
        seal_column(&key(), SALT, b"test/v2\n", &clear),
    ];
    for (n, one) in sealed.iter().enumerate() {
        for other in &sealed[n + 1..] {
            assert_ne!(one[SALT_LEN..], other[SALT_LEN..]);
        }
    }
}
