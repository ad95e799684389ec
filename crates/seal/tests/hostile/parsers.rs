//! Sealed bytes, under the name of their corpus. The fuzz target calls the same function.

use comity_seal::{HEADER_LEN, Key, Opener, SealError, open, seal};

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[("sealed", sealed)];

/// The key and the context of `sealed/valid-*`.
const KEY: [u8; 32] = [7; 32];
const CONTEXT: &[u8] = b"comity/hostile/v1\n";

/// As they are, and with a commitment that holds, so that the chunks are tried.
pub fn sealed(bytes: &[u8]) {
    let key = Key::new(KEY);
    read(&key, bytes);
    let mut committed = seal(&key, [9; 24], CONTEXT, b"");
    committed.truncate(HEADER_LEN);
    committed.extend_from_slice(bytes.get(HEADER_LEN..).unwrap_or_default());
    read(&key, &committed);
    // Whatever these bytes are, they come back from a seal as they were.
    let again = open(&key, CONTEXT, &seal(&key, [9; 24], CONTEXT, bytes));
    assert!(again.is_ok_and(|again| again == bytes));
}

/// Opens the whole and ranges of it: both must say the same.
fn read(key: &Key, bytes: &[u8]) {
    let whole = open(key, CONTEXT, bytes);
    let Ok(opener) = Opener::new(key, CONTEXT, bytes) else {
        assert!(whole.is_err());
        return;
    };
    let len = opener.clear_len();
    for offset in [0, 1, len / 2, len.saturating_sub(1), len, u64::MAX] {
        let mut part = [0; 40];
        match (opener.read_at(offset, &mut part), &whole) {
            (Ok(()), Ok(whole)) => assert_eq!(&whole[offset as usize..][..40], part),
            (Err(SealError::OutOfRange { .. }), _) => assert!(offset.saturating_add(40) > len),
            (Err(_), whole) => assert!(whole.is_err()),
            (Ok(()), Err(_)) => {}
        }
    }
}
