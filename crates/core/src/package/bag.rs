//! BagIt (RFC 8493): the declaration, manifests and `bag-info.txt`, read and written.

use std::fmt::Write as _;

use crate::digest::Digest;

/// `bagit.txt` of every bag that we make (RFC 8493 section 2.1.1).
pub const BAGIT_TXT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// The manifest of the payload.
pub const MANIFEST: &str = "manifest-sha256.txt";
/// The manifest of the tag files.
pub const TAGMANIFEST: &str = "tagmanifest-sha256.txt";
/// What is said about the bag for people.
pub const BAG_INFO: &str = "bag-info.txt";
/// The most fields that a `bag-info.txt` may have.
pub const MAX_INFO_FIELDS: usize = 4096;

/// A tag file that breaks RFC 8493.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BagError {
    /// `bagit.txt` is not a declaration.
    #[error("bagit.txt is not the declaration of a bag: {0}")]
    Declaration(&'static str),
    /// A line of a manifest.
    #[error("line {line} is not 'digest path': {why}")]
    ManifestLine {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A line of `bag-info.txt`.
    #[error("line {line} is not 'Label: value'")]
    InfoLine {
        /// The line, from 1.
        line: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// More fields than anyone needs.
    #[error("has more than {MAX_INFO_FIELDS} fields")]
    TooManyFields,
}

/// The version that `bagit.txt` declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BagVersion {
    /// 0.97.
    V0_97,
    /// 1.0, RFC 8493.
    V1_0,
}

/// Reads `bagit.txt`: exactly two lines, no byte order mark, no spaces but the ones between label
/// and value, and UTF-8 as the encoding of tag files.
///
/// # Errors
/// What is wrong with it.
pub fn parse_declaration(bytes: &[u8]) -> Result<BagVersion, BagError> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(BagError::Declaration("it begins with a byte order mark"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BagError::NotUtf8)?;
    let mut lines = text.lines();
    let version = match lines
        .next()
        .and_then(|line| line.strip_prefix("BagIt-Version: "))
    {
        Some("1.0") => BagVersion::V1_0,
        Some("0.97") => BagVersion::V0_97,
        Some(_) => return Err(BagError::Declaration("its version is neither 1.0 nor 0.97")),
        None => {
            return Err(BagError::Declaration(
                "its first line is not 'BagIt-Version: 1.0'",
            ));
        }
    };
    match lines.next() {
        Some("Tag-File-Character-Encoding: UTF-8") => {}
        _ => {
            let why = "its second line is not 'Tag-File-Character-Encoding: UTF-8'";
            return Err(BagError::Declaration(why));
        }
    }
    match lines.next() {
        None => Ok(version),
        Some(_) => Err(BagError::Declaration("it has more than two lines")),
    }
}

/// A path as a manifest writes it: CR, LF and `%` percent-encoded (RFC 8493 section 2.1.3).
#[must_use]
pub fn encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            '%' => out.push_str("%25"),
            other => out.push(other),
        }
    }
    out
}

/// Undoes [`encode_path`]. Any other percent sign stays as it is, as in bags of 0.97.
#[must_use]
pub fn decode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).map(str::to_ascii_uppercase);
        let decoded = match code.as_deref() {
            Some("0D") => '\r',
            Some("0A") => '\n',
            Some("25") => '%',
            _ => {
                out.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        };
        out.push(decoded);
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    out
}

/// Reads one line of any manifest, without its line feed, into digest (lower case) and path.
///
/// The number of spaces or tabs between them is free (RFC 8493 section 2.1.3), and so is the
/// case of the digest. `line` is the number of the line, from 1.
///
/// # Errors
/// No digest, no path, or a path that no bag may have.
pub fn parse_manifest_line(text: &str, line: usize) -> Result<(String, String), BagError> {
    let wrong = |why| BagError::ManifestLine { line, why };
    let text = text.strip_suffix('\r').unwrap_or(text);
    let (digest, rest) = text
        .split_once([' ', '\t'])
        .ok_or(wrong("there is no space in it"))?;
    if digest.is_empty() || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong("its digest is not hex"));
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    // `md5sum` and its kin mark files read in binary mode with an asterisk.
    let path = decode_path(rest.strip_prefix('*').unwrap_or(rest));
    match refused_bag_path(&path) {
        Some(why) => Err(wrong(why)),
        None => Ok((digest.to_ascii_lowercase(), path)),
    }
}

/// Why a path may not be in a manifest (RFC 8493 sections 2.1.3 and 5): it is empty, absolute,
/// leads out of the bag, or begins with `~`.
#[must_use]
pub fn refused_bag_path(path: &str) -> Option<&'static str> {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    if path.is_empty() {
        Some("its path is empty")
    } else if path.starts_with(['/', '\\']) || drive {
        Some("its path is absolute")
    } else if path.starts_with('~') {
        Some("its path begins with '~'")
    } else if path.split(['/', '\\']).any(|part| part == "..") {
        Some("its path leads out of the bag ('..')")
    } else {
        None
    }
}

/// Reads `bag-info.txt` into labels and values in their order; a line that begins with white
/// space continues the value before it (RFC 8493 section 2.2.2).
///
/// # Errors
/// A line without a label, and more than [`MAX_INFO_FIELDS`].
pub fn parse_info(bytes: &[u8]) -> Result<Vec<(String, String)>, BagError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BagError::NotUtf8)?;
    let mut fields: Vec<(String, String)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields
                .last_mut()
                .ok_or(BagError::InfoLine { line: i + 1 })?;
            value.push(' ');
            value.push_str(line.trim());
        } else if !line.is_empty() {
            let (label, value) = line
                .split_once(':')
                .ok_or(BagError::InfoLine { line: i + 1 })?;
            if label.is_empty() {
                return Err(BagError::InfoLine { line: i + 1 });
            }
            fields.push((label.trim().to_owned(), value.trim().to_owned()));
        }
        if fields.len() > MAX_INFO_FIELDS {
            return Err(BagError::TooManyFields);
        }
    }
    Ok(fields)
}

/// Writes `bag-info.txt`: one line a field, `Payload-Oxum` last. Line breaks in values become
/// spaces.
#[must_use]
pub fn info(fields: &[(&str, &str)], payload_bytes: u64, payload_files: u64) -> String {
    let mut out = String::new();
    for (label, value) in fields {
        let value: Vec<&str> = value.split_whitespace().collect();
        let _ = writeln!(out, "{label}: {}", value.join(" "));
    }
    let _ = writeln!(out, "Payload-Oxum: {payload_bytes}.{payload_files}");
    out
}

/// A line of a manifest of ours, with its line feed: digest, two spaces, path.
///
/// `sha256sum -c` reads such lines, since our paths need no encoding.
#[must_use]
pub fn manifest_line(digest: &Digest, path: &str) -> String {
    format!("{digest}  {}\n", encode_path(path))
}

/// Gathers the lines of a manifest and sorts them by path.
#[derive(Clone, Debug, Default)]
pub struct ManifestWriter {
    entries: Vec<(String, Digest)>,
}

impl ManifestWriter {
    /// An empty manifest.
    #[must_use]
    pub fn new() -> ManifestWriter {
        ManifestWriter::default()
    }

    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, digest: Digest) {
        self.entries.push((path.into(), digest));
    }

    /// How many files it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The manifest's bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.entries.sort();
        let mut out = Vec::with_capacity(self.entries.len() * 104);
        for (path, digest) in &self.entries {
            out.extend_from_slice(manifest_line(digest, path).as_bytes());
        }
        out
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn declarations() {
        assert_eq!(
            parse_declaration(BAGIT_TXT.as_bytes()),
            Ok(BagVersion::V1_0)
        );
        assert_eq!(
            parse_declaration(b"BagIt-Version: 0.97\r\nTag-File-Character-Encoding: UTF-8\r\n"),
            Ok(BagVersion::V0_97)
        );
        for wrong in [
            &b""[..],
            b"\xef\xbb\xbfBagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
            b"BagIt-Version : 1.0\nTag-File-Character-Encoding: UTF-8\n",
            b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-16\n",
            b"BagIt-Version: 1.0\n",
            b"BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n",
            b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\nx\n",
            b"\xff",
        ] {
            assert!(parse_declaration(wrong).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn paths_are_encoded_as_the_rfc_says() {
        for (path, encoded) in [("a%b", "a%25b"), ("a\nb\r", "a%0Ab%0D"), ("п/x", "п/x")] {
            assert_eq!(encode_path(path), encoded);
            assert_eq!(decode_path(encoded), path);
        }
        assert_eq!(decode_path("100%"), "100%");
        assert_eq!(decode_path("%0a%zz%e2"), "\n%zz%e2");
    }

    #[test]
    fn manifest_lines() {
        let both = |digest: &str, path: &str| Ok((digest.to_owned(), path.to_owned()));
        assert_eq!(
            parse_manifest_line("AB12  data/x y", 1),
            both("ab12", "data/x y")
        );
        assert_eq!(
            parse_manifest_line("ab12\t*data/x\r", 1),
            both("ab12", "data/x")
        );
        for wrong in [
            "",
            "ab12",
            "zz  data/x",
            "ab  ",
            "ab  /x",
            "ab  data/../../x",
            "ab  ~/x",
            "ab  C:\\x",
        ] {
            assert!(
                parse_manifest_line(wrong, 7).is_err(),
                "{wrong:?} was taken"
            );
        }
    }

    #[test]
    fn info_keeps_order_and_repetition() {
        let text = b"Contact-Name: A\nExternal-Description: one\n  two\nContact-Name: B\n";
        let fields = parse_info(text).unwrap();
        let expected = [
            ("Contact-Name", "A"),
            ("External-Description", "one two"),
            ("Contact-Name", "B"),
        ];
        assert!(
            fields
                .iter()
                .map(|(l, v)| (l.as_str(), v.as_str()))
                .eq(expected)
        );
        assert!(parse_info(b"  x\n").is_err());
        assert!(parse_info(b"no label\n").is_err());
        assert_eq!(
            info(&[("A", "x\ny")], 10, 2),
            "A: x y\nPayload-Oxum: 10.2\n"
        );
    }

    #[test]
    fn a_manifest_is_sorted_by_path() {
        let mut manifest = ManifestWriter::new();
        manifest.add("data/b", Digest::of(b"b"));
        manifest.add("data/a", Digest::of(b"a"));
        let text = String::from_utf8(manifest.finish()).unwrap();
        let paths: Vec<&str> = text.lines().map(|line| &line[66..]).collect();
        assert_eq!(paths, ["data/a", "data/b"]);
    }
}
