//! A reader of canonical JSON lines whose members are known beforehand.
//!
//! Such a line has exactly one spelling, so it is read by expecting it. Duplicate, unknown and
//! missing members, white space and other orders are all the same mistake: not what is expected.

use std::borrow::Cow;

use crate::digest::unhex_array;
use crate::json::{MAX_INTEGER, parse_canonical, write_string};

/// What stands in a line that should not: where, counted from 0, and what was expected.
pub(crate) type ScanError = String;

/// A line, and how far it has been read.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Result<Scan<'a>, ScanError> {
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("is not UTF-8 at byte {}", error.valid_up_to()))?;
        Ok(Scan { text, at: 0 })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn expected<T>(&self, what: &str) -> Result<T, ScanError> {
        Err(format!("expected {what} at byte {}", self.at))
    }

    /// Takes `literal` if it stands here.
    pub(crate) fn eat(&mut self, literal: &str) -> bool {
        let here = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let eaten = here.starts_with(literal.as_bytes());
        if eaten {
            self.at += literal.len();
        }
        eaten
    }

    pub(crate) fn literal(&mut self, literal: &'static str) -> Result<(), ScanError> {
        if self.eat(literal) {
            Ok(())
        } else {
            self.expected(literal)
        }
    }

    pub(crate) fn end(&self) -> Result<(), ScanError> {
        if self.at == self.text.len() {
            Ok(())
        } else {
            self.expected("the end of the line")
        }
    }

    /// Takes ASCII bytes as long as they please.
    pub(crate) fn take_while(&mut self, pleases: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii() && pleases(byte))
        {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// Hex digits for exactly `N` bytes.
    pub(crate) fn hex<const N: usize>(&mut self) -> Result<[u8; N], ScanError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 2 * N);
        match digits.and_then(unhex_array) {
            Some(bytes) => {
                self.at += 2 * N;
                Ok(bytes)
            }
            None => self.expected(&format!("{} lower-case hex digits", 2 * N)),
        }
    }

    /// An integer from 0 to 2⁵³−1.
    pub(crate) fn integer(&mut self) -> Result<u64, ScanError> {
        let raw = self.integer_span()?;
        raw.parse().or_else(|_| self.expected("an integer from 0"))
    }

    fn integer_span(&mut self) -> Result<&'a str, ScanError> {
        let start = self.at;
        let negative = self.eat("-");
        let digits = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let text = &self.text[digits..self.at];
        let small = text.len() <= 16 && text.parse().is_ok_and(|n: i64| n <= MAX_INTEGER);
        if !small || (text.starts_with('0') && (text.len() > 1 || negative)) {
            self.at = start;
            return self.expected("an integer from -(2^53-1) to 2^53-1");
        }
        Ok(&self.text[start..self.at])
    }

    /// A string in its one canonical spelling.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, ScanError> {
        let start = self.at;
        self.literal("\"")?;
        let run = self.at;
        let escaped = self.skip_string()?;
        let inside = &self.text[run..self.at - 1];
        if !escaped {
            return Ok(Cow::Borrowed(inside));
        }
        let text = unescape(inside);
        let mut again = Vec::with_capacity(inside.len() + 2);
        write_string(&text, &mut again);
        if again != self.text.as_bytes()[start..self.at] {
            self.at = start;
            return self.expected("a string in canonical spelling");
        }
        Ok(Cow::Owned(text))
    }

    /// A string, or `null`.
    pub(crate) fn string_or_null(&mut self) -> Result<Option<Cow<'a, str>>, ScanError> {
        if self.eat("null") {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    /// Moves behind the closing quote; says whether there was an escape.
    fn skip_string(&mut self) -> Result<bool, ScanError> {
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0x20..) => self.at += 1,
                _ => return self.expected("the end of a string"),
            }
        }
    }

    /// The bytes of one canonical value.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], ScanError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.string()?;
            }
            Some(b'-' | b'0'..=b'9') => {
                self.integer_span()?;
            }
            Some(b'{' | b'[') => {
                self.skip_nested()?;
                let nested = &self.text.as_bytes()[start..self.at];
                parse_canonical(nested)
                    .map_err(|error| format!("the value at byte {start}: {error}"))?;
            }
            _ if self.eat("null") || self.eat("true") || self.eat("false") => {}
            _ => return self.expected("a value"),
        }
        Ok(&self.text.as_bytes()[start..self.at])
    }

    /// Moves behind the bracket that closes the one that stands here.
    fn skip_nested(&mut self) -> Result<(), ScanError> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.skip_string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return self.expected("a closing bracket"),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

/// Undoes the escapes that a canonical writer makes; others stay as they are, and so differ when
/// they are written again.
fn unescape(inside: &str) -> String {
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (character, len) = match rest.as_bytes().first() {
            Some(b'"') => ('"', 1),
            Some(b'\\') => ('\\', 1),
            Some(b'b') => ('\u{8}', 1),
            Some(b't') => ('\t', 1),
            Some(b'n') => ('\n', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'r') => ('\r', 1),
            Some(b'u') => match rest
                .get(1..5)
                .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            {
                Some(code) if code < 0x20 => (char::from(code), 5),
                _ => ('\\', 0),
            },
            _ => ('\\', 0),
        };
        out.push(character);
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn value(line: &str) -> Result<&str, ScanError> {
        let mut scan = Scan::new(line.as_bytes())?;
        let bytes = scan.value()?;
        scan.end()?;
        Ok(std::str::from_utf8(bytes).unwrap())
    }

    #[test]
    fn canonical_values_are_taken_as_they_are() {
        for line in [
            "\"\"",
            "\"запис № 7\"",
            r#""a\"b\\c\n\u001f\t""#,
            "0",
            "-1",
            "9007199254740991",
            "null",
            "true",
            "false",
            r#"{"a":[1,"]}",{}],"b":null}"#,
            "[]",
        ] {
            assert_eq!(value(line).as_deref(), Ok(line));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for line in [
            "",
            "\"",
            "\"\\",
            "\"a\\/b\"",
            "\"\\u0041\"",
            "\"\\u001F\"",
            "\"\\u000a\"",
            "\"\\ud83d\\ude00\"",
            "\"\\x\"",
            "\"a\u{1}\"",
            "\"a\tb\"",
            "-0",
            "01",
            "1.0",
            "1e3",
            "9007199254740992",
            "99999999999999999999999999",
            "-",
            "tru",
            "[1, 2]",
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            "[",
            "[\"",
            "]",
            "\"a\" ",
        ] {
            assert!(value(line).is_err(), "{line} was taken");
        }
        assert!(value(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_err());
        assert!(Scan::new(b"\"\xff\"").is_err());
    }

    #[test]
    fn strings_are_unescaped() {
        let mut scan = Scan::new(br#""a\"b\\\u0007\r\f\b""#).unwrap();
        assert_eq!(scan.string().unwrap(), "a\"b\\\u{7}\r\u{c}\u{8}");
    }
}
