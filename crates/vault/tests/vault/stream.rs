//! Large objects are taken in in one pass.

use std::io::{self, Read};

use comity_vault::{Also, Codec, Hashes, PackId, Scratch, Streaming, VaultError, encode_small};

use crate::fixture::{Fixture, key, noise, object, text};

const MIB: usize = 1 << 20;
const ALL: Also = Also {
    md5: true,
    sha1: true,
    sha224: true,
    sha384: true,
    sha512: true,
};

/// Gives its bytes in odd pieces, as a pipe does.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = (self.1 * 7_919 % 300_000 + 1)
            .min(buf.len())
            .min(self.0.len());
        let (now, rest) = self.0.split_at(len);
        buf[..len].copy_from_slice(now);
        self.0 = rest;
        Ok(len)
    }
}

#[test]
fn a_stream_makes_the_same_object_as_bytes_in_memory() {
    let mixed = [text(2 * MIB), noise(4, 2 * MIB), text(MIB / 3)].concat();
    let contents = [
        Vec::new(),
        text(10),
        text(MIB - 1),
        text(MIB),
        noise(1, MIB),
        text(MIB + 1),
        noise(2, 3 * MIB + 77),
        noise(3, 9 * MIB),
        text(9 * MIB + 1),
        vec![0; 4 * MIB],
        mixed,
    ];
    let fixture = Fixture::new();
    for (nth, data) in (1..).zip(&contents) {
        for threads in [0, 3] {
            let how = Streaming { threads, also: ALL };
            let mut pack = fixture.vault.pack(1, [nth; 16]).unwrap();
            let (placed, hashes) = pack
                .add_stream(
                    object(nth),
                    &key(nth),
                    [nth; 24],
                    &mut Trickle(data, 0),
                    &how,
                )
                .unwrap();
            fixture.vault.commit(vec![pack.finish().unwrap()]).unwrap();
            let small = encode_small(data, &key(nth), object(nth), [nth; 24], &mut Scratch::new());
            assert_eq!(hashes, Hashes::of(data, ALL), "object {nth}");
            assert_eq!(
                placed.sha256, small.sha256,
                "object {nth} on {threads} threads"
            );
            assert_eq!(placed.len, small.bytes.len() as u64);
            let reader = fixture
                .vault
                .open_object(&placed.into(), &key(nth), object(nth))
                .unwrap();
            let mut out = Vec::new();
            reader.copy_to(&mut out).unwrap();
            assert!(out == *data, "object {nth} on {threads} threads");
        }
        assert_eq!(
            fixture.vault.check_pack(&PackId([nth; 16]).name()).unwrap(),
            []
        );
    }
}

#[test]
fn several_streams_may_share_a_pack() {
    let fixture = Fixture::new();
    let contents = [text(3 * MIB), noise(1, 2 * MIB)];
    let mut pack = fixture.vault.pack(1, [1; 16]).unwrap();
    let how = Streaming {
        threads: 2,
        also: Also::default(),
    };
    let placed: Vec<_> = (1..)
        .zip(&contents)
        .map(|(nth, data)| {
            pack.add_stream(
                object(nth),
                &key(nth),
                [nth; 24],
                &mut data.as_slice(),
                &how,
            )
            .unwrap()
            .0
        })
        .collect();
    fixture.vault.commit(vec![pack.finish().unwrap()]).unwrap();
    let codecs = (1..).zip(&placed).map(|(nth, placed)| {
        fixture
            .vault
            .open_object(&(*placed).into(), &key(nth), object(nth))
            .unwrap()
            .codec()
    });
    assert_eq!(codecs.collect::<Vec<_>>(), [Codec::Zstd, Codec::Stored]);
}

/// Fails after so many bytes.
struct Breaks(usize);

impl Read for Breaks {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the stick was pulled out"));
        }
        let len = self.0.min(buf.len());
        buf[..len].fill(b'x');
        self.0 -= len;
        Ok(len)
    }
}

#[test]
fn a_source_that_fails_gives_the_pack_up() {
    for len in [0, 100, 5 * MIB, 30 * MIB] {
        let fixture = Fixture::new();
        let before = fixture.files();
        let mut pack = fixture.vault.pack(1, [1; 16]).unwrap();
        let how = Streaming {
            threads: 2,
            also: ALL,
        };
        let failed = pack.add_stream(object(1), &key(1), [1; 24], &mut Breaks(len), &how);
        match failed {
            Err(VaultError::Source(error)) => {
                assert_eq!(error.to_string(), "the stick was pulled out")
            }
            other => panic!("{other:?}"),
        }
        if len > MIB {
            // Half an object lies in it: it must not become a pack.
            let sealed = encode_small(b"", &key(2), object(2), [2; 24], &mut Scratch::new());
            assert!(matches!(pack.add(&sealed), Err(VaultError::GivenUp)));
            assert!(matches!(pack.finish(), Err(VaultError::GivenUp)));
        } else {
            drop(pack);
        }
        assert_eq!(fixture.files(), before);
    }
}
