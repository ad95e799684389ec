//! Paths in the manifests of a bag (RFC 8493, sections 2.1.3 and 5).

use super::BagVersion;

/// A path as a manifest spells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spelled {
    /// The path that is meant, as bytes.
    pub(super) path: Vec<u8>,
    /// What is unusual about the spelling and harmless.
    pub(super) remark: Option<&'static str>,
    /// What breaks the rules of 1.0.
    pub(super) breach: Option<&'static str>,
}

/// Decodes the path of a line. CR, LF and, from 1.0 on, `%` are percent-encoded, and nothing
/// else is.
///
/// # Errors
/// When it leads out of the bag or is no path of a file.
pub(super) fn decode(text: &[u8], version: BagVersion) -> Result<Spelled, &'static str> {
    let mut remark = None;
    let mut text = text;
    if let Some(rest) = text.strip_prefix(b"*") {
        remark = Some("its path has the asterisk of md5sum before it");
        text = rest;
    }
    let (decoded, breach) = percent(text, version);
    refuse(&decoded)?;
    let plain = |part: &&[u8]| !part.is_empty() && *part != b".";
    let path = decoded
        .split(|byte| *byte == b'/')
        .filter(plain)
        .collect::<Vec<_>>()
        .join(&b'/');
    if path.is_empty() || decoded.ends_with(b"/") {
        return Err("its path names no file");
    }
    if path != decoded {
        remark = Some("its path has a superfluous `.` or separator");
    }
    Ok(Spelled {
        path,
        remark,
        breach,
    })
}

/// Refuses paths that lead, or on some system would lead, out of the bag.
pub(super) fn refuse(path: &[u8]) -> Result<(), &'static str> {
    let mut parts = path.split(|byte| matches!(byte, b'/' | b'\\'));
    if path.starts_with(b"/") || path.starts_with(b"\\\\") {
        return Err("its path is absolute");
    }
    if path.starts_with(b"~") {
        return Err("its path begins with `~`, which some systems read as a home folder");
    }
    let drive = path
        .get(1..3)
        .is_some_and(|rest| matches!(rest, b":\\" | b":/"));
    if drive && path.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err("its path begins with a drive");
    }
    if parts.any(|part| part == b"..") {
        return Err("its path leads up with `..`");
    }
    if path.contains(&0) {
        return Err("its path holds a zero byte");
    }
    Ok(())
}

fn percent(text: &[u8], version: BagVersion) -> (Vec<u8>, Option<&'static str>) {
    let mut out = Vec::with_capacity(text.len());
    let mut breach = None;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let code = text.get(at + 1..at + 3).map(<[u8]>::to_ascii_uppercase);
        let meant = match (byte, code.as_deref()) {
            (b'%', Some(b"0A")) => Some(b'\n'),
            (b'%', Some(b"0D")) => Some(b'\r'),
            (b'%', Some(b"25")) if version == BagVersion::V1_0 => Some(b'%'),
            _ => None,
        };
        if *byte == b'%' && meant.is_none() && version == BagVersion::V1_0 {
            breach = Some("a `%` in its path is not written `%25`");
        }
        out.push(meant.unwrap_or(*byte));
        at += if meant.is_some() { 3 } else { 1 };
    }
    (out, breach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_break_lines_is_encoded() {
        use BagVersion::{V0_97, V1_0};
        for (text, version, path, breaks) in [
            ("data/a%0Ab", V1_0, "data/a\nb", false),
            ("data/a%0d%0ab", V1_0, "data/a\r\nb", false),
            ("data/100%25", V1_0, "data/100%", false),
            ("data/%250A", V1_0, "data/%0A", false),
            ("data/100%", V1_0, "data/100%", true),
            ("data/a%20b", V1_0, "data/a%20b", true),
            ("data/100%", V0_97, "data/100%", false),
            ("data/100%25", V0_97, "data/100%25", false),
            ("data/a%0Ab", V0_97, "data/a\nb", false),
        ] {
            let spelled = decode(text.as_bytes(), version);
            let seen = spelled.map(|spelled| (spelled.path, spelled.breach.is_some()));
            assert_eq!(
                seen,
                Ok((path.as_bytes().to_vec(), breaks)),
                "{text} {version:?}"
            );
        }
    }

    #[test]
    fn paths_that_lead_out_are_refused_and_superfluous_parts_are_remarked() {
        for text in [
            "/data/a",
            "../a",
            "data/../../a",
            "data/../data/a",
            "~/a",
            "~root/a",
            "C:\\a",
            "c:/a",
            "\\\\host\\share",
            "data\\..\\..\\a",
            "data/",
            "",
            ".",
            "data/a\0b",
        ] {
            assert!(decode(text.as_bytes(), BagVersion::V1_0).is_err(), "{text}");
        }
        for text in ["./data/a", "data//a", "data/./a", "*data/a"] {
            let spelled = decode(text.as_bytes(), BagVersion::V1_0);
            assert!(
                spelled.is_ok_and(|s| s.path == b"data/a" && s.remark.is_some()),
                "{text}"
            );
        }
        for text in ["data/..a", "data/~a", "data/a..", "data/x:y", "data/a\\b"] {
            assert!(decode(text.as_bytes(), BagVersion::V1_0).is_ok_and(|s| s.remark.is_none()));
        }
    }
}
