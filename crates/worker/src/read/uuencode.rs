//! Uuencoded attachments (POSIX.1-2024, `uuencode`, historical algorithm), which mail before MIME had and some programs
//! still send as `Content-Transfer-Encoding: x-uuencode`.

/// Whether this is what a part calls the encoding.
pub fn is_named(encoding: &str) -> bool {
    ["x-uuencode", "x-uue", "uuencode", "uue"]
        .iter()
        .any(|name| encoding.trim().eq_ignore_ascii_case(name))
}

/// The bytes between `begin` and `end`. `None` where a line is not as it must be, or the end is missing.
pub fn decode(body: &[u8]) -> Option<Vec<u8>> {
    let mut lines = body.split(|byte| *byte == b'\n');
    lines.find(|line| line.starts_with(b"begin "))?;
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3);
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Small letters are no characters of a line. Some programs leave out the empty line before.
        if line.starts_with(b"end") {
            return Some(bytes);
        }
        // Spaces may have been stripped: a line without anything has no bytes.
        if let Some((length, groups)) = line.split_first() {
            bytes.extend(self::line(groups, sextet(*length)?.into())?);
        }
    }
    None
}

/// The first `length` bytes of a line's groups of four characters. Spaces at its end may have been stripped.
fn line(groups: &[u8], length: usize) -> Option<Vec<u8>> {
    let needed = length.div_ceil(3) * 4;
    let mut bytes = Vec::with_capacity(needed);
    let mut characters = groups.iter().copied().chain(std::iter::repeat(b' '));
    for _ in 0..needed / 4 {
        let mut group = 0;
        for _ in 0..4 {
            group = group << 6 | u32::from(sextet(characters.next()?)?);
        }
        bytes.extend(&group.to_be_bytes()[1..]);
    }
    bytes.truncate(length);
    Some(bytes)
}

/// Six bits of a character; a grave accent stands for a space.
fn sextet(character: u8) -> Option<u8> {
    (b' '..=b'`')
        .contains(&character)
        .then_some((character - b' ') & 0x3f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `uuencode` of GNU sharutils and Python's `binascii.b2a_uu` write them.
    #[test]
    fn bytes_come_back_and_damage_is_seen() {
        assert_eq!(
            decode(b"begin 644 cat.txt\n#0V%T\n`\nend\n").as_deref(),
            Some(&b"Cat"[..])
        );
        assert_eq!(
            decode(b"words before\r\nbegin 644 a\r\n&0V%T0P!U\r\n \r\nend\r\n").as_deref(),
            Some(&b"CatC\0u"[..]),
            "lines may end as in mail, and a space may stand for the accent"
        );
        assert_eq!(
            decode(b"begin 644 a\n#    \n#\n\nend\n").as_deref(),
            Some(&[0; 6][..]),
            "spaces that were stripped"
        );
        assert_eq!(
            decode(b"begin 644 a\n#0V%T\nend").as_deref(),
            Some(&b"Cat"[..]),
            "no empty line before the end"
        );
        assert_eq!(decode(b"begin 644 a\n#0V%T\n"), None, "cut off");
        assert_eq!(
            decode(b"begin 644 a\n#0v%t\n`\nend\n"),
            None,
            "small letters"
        );
        assert_eq!(decode(b"#0V%T\n"), None, "no beginning");
    }
}
