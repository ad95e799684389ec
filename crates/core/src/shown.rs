//! Names as people see them.
//!
//! A file's name is bytes. It is kept as bytes, and beside them as a shown form, which never
//! stands in for the bytes: two names may look alike, and no name is ever normalised.

/// The shown form of a name: UTF-8 as it is, and each byte that is no part of UTF-8 as `\x` and
/// two lower-case hex digits. Nothing is normalised.
///
/// A name may hold a backslash of its own, so the shown form is for reading: bytes are compared
/// as bytes.
///
/// ```
/// use comity_core::shown::shown;
///
/// assert_eq!(shown("протокол № 7.txt".as_bytes()), "протокол № 7.txt");
/// assert_eq!(shown(b"caf\xe9"), r"caf\xe9");
/// ```
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str("\\x");
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
    }
    out
}

/// `text` with everything escaped that could command a terminal, reorder what stands beside it,
/// or hide: control characters as `\n`, `\r`, `\t` or `\u{1b}`, and the bidirectional controls,
/// line and paragraph separators, invisible operators, annotations and tags likewise (Unicode
/// Standard Annex 9, and Technical Report 36, section 2).
///
/// Joiners (U+200C, U+200D) stay: they are letters of several scripts. Printable text, the
/// backslash included, is untouched; the result is for eyes and is not read back.
///
/// ```
/// use comity_core::shown::escape_for_terminal;
///
/// assert_eq!(escape_for_terminal("a\u{1b}[2Jb\n"), r"a\u{1b}[2Jb\n");
/// assert_eq!(escape_for_terminal("fdp\u{202e}exe"), r"fdp\u{202e}exe");
/// ```
#[must_use]
pub fn escape_for_terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_treacherous(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_show_as_hex_and_the_rest_is_untouched() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"plain", "plain"),
            (b"\xff\xfe", r"\xff\xfe"),
            (b"\xd0\xbf\xd1", "п\\xd1"),
            (b"a\xc3\x28b", r"a\xc3(b"),
            (b"\xed\xa0\x80", r"\xed\xa0\x80"),
            ("e\u{301} \u{e9}".as_bytes(), "e\u{301} \u{e9}"),
        ] {
            assert_eq!(shown(bytes), expected);
        }
    }

    #[test]
    fn a_name_cannot_command_or_reorder_a_terminal() {
        let hostile = "\0\u{7}\u{1b}]0;x\u{7}\u{7f}\u{9b}31m\u{85}\u{61c}\u{200e}\u{200f}\u{202a}\
                       \u{202e}\u{2066}\u{2069}\u{2028}\u{2029}\u{feff}\u{e0041}\r\n";
        let escaped = escape_for_terminal(hostile);
        assert!(escaped.is_ascii(), "{escaped}");
        assert!(!escaped.bytes().any(|byte| byte < 0x20 || byte == 0x7f));
    }

    #[test]
    fn letters_of_any_script_stay_as_they_are() {
        for text in [
            "Слідчий Ґ",
            "می‌خواهم",
            "日本語",
            "e\u{301}",
            r"C:\new\table",
            "👩‍🔬",
        ] {
            assert_eq!(escape_for_terminal(text), text);
        }
    }
}
