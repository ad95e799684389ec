//! Lengths and places within sealed bytes.

/// Length of the salt, in bytes.
pub const SALT_LEN: usize = 24;
/// Length of salt and commitment: where chunk 0 begins.
pub const HEADER_LEN: usize = 56;
/// Clear bytes in every chunk but the last, which holds fewer.
pub const CHUNK_LEN: usize = 16_384;
/// Length of a chunk's tag, in bytes.
pub const TAG_LEN: usize = 16;
/// Sealed length of every chunk but the last.
pub const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;

/// How many sealed bytes `clear_len` clear bytes make. Saturates where no file could reach.
pub fn sealed_len(clear_len: u64) -> u64 {
    let chunks = clear_len / CHUNK_LEN as u64 + 1;
    clear_len
        .saturating_add(HEADER_LEN as u64)
        .saturating_add(chunks.saturating_mul(TAG_LEN as u64))
}

/// How many clear bytes `sealed_len` sealed bytes claim to hold, or `None` if no sealing has
/// that length. Only a claim until the last chunk is opened.
pub fn clear_len(sealed_len: u64) -> Option<u64> {
    let body = sealed_len.checked_sub(HEADER_LEN as u64)?;
    let full = body / SEALED_CHUNK_LEN as u64;
    let last = (body % SEALED_CHUNK_LEN as u64).checked_sub(TAG_LEN as u64)?;
    Some(full * CHUNK_LEN as u64 + last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clear_length_has_one_sealed_length_and_back() {
        let c = CHUNK_LEN as u64;
        for clear in [
            0,
            1,
            500,
            c - 1,
            c,
            c + 1,
            2 * c - 1,
            2 * c,
            2 * c + 1,
            1 << 40,
        ] {
            assert_eq!(clear_len(sealed_len(clear)), Some(clear));
        }
        assert_eq!(sealed_len(0), 72);
        assert_eq!(sealed_len(c - 1), 56 + 16_399);
        assert_eq!(
            sealed_len(c),
            56 + 16_400 + 16,
            "16 KiB exactly makes two chunks"
        );
    }

    #[test]
    fn lengths_that_leave_less_than_a_tag_are_refused() {
        for sealed in (0..72).chain(56 + 16_400..56 + 16_416) {
            assert_eq!(clear_len(sealed), None, "{sealed}");
        }
    }
}
