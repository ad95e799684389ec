//! Lines of `sha256sum` and its sisters, of BSD tools and of OpenSSL, and of hashdeep.

use comity_core::shown::shown;

use super::algorithm::Algorithm;

/// One digest of one path.
pub(super) struct Sum {
    pub(super) name: Vec<u8>,
    pub(super) algorithm: Algorithm,
    pub(super) digest: Vec<u8>,
}

/// Whether a line says nothing: blank, or a comment (`#` as in GNU coreutils, `;` as in tools of
/// Windows).
pub(super) fn is_blank(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(b"#") || line.starts_with(b";")
}

/// Reads a line of GNU coreutils (`digest  name`, `digest *name`, with a backslash before when
/// the name is escaped), of BSD tools and `--tag` (`SHA256 (name) = digest`), or of OpenSSL
/// (`SHA2-256(name)= digest`).
pub(super) fn parse(line: &[u8]) -> Result<Sum, String> {
    let (escaped, rest) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let sum = match parse_gnu(rest) {
        Some(sum) => sum?,
        None => parse_tagged(rest)?,
    };
    if sum.name.is_empty() {
        return Err("it names no file".into());
    }
    if escaped {
        return Ok(Sum {
            name: unescape(&sum.name)?,
            ..sum
        });
    }
    Ok(sum)
}

fn parse_gnu(line: &[u8]) -> Option<Result<Sum, String>> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (digest, rest) = line.split_at_checked(digits)?;
    let rest = rest
        .strip_prefix(b" ")
        .or_else(|| rest.strip_prefix(b"\t"))?;
    if digits < 32 {
        return None;
    }
    let name = rest
        .strip_prefix(b" ")
        .or_else(|| rest.strip_prefix(b"*"))
        .unwrap_or(rest);
    let Some(algorithm) = Algorithm::from_len(digits / 2).filter(|_| digits % 2 == 0) else {
        return Some(Err(format!(
            "{digits} hex digits are the length of no digest that is known"
        )));
    };
    let sum = digest_of(algorithm, digest).map(|digest| Sum {
        name: name.to_vec(),
        algorithm,
        digest,
    });
    Some(sum)
}

fn parse_tagged(line: &[u8]) -> Result<Sum, String> {
    const SHAPE: &str = "it is neither `digest  name` nor `ALGORITHM (name) = digest`";
    let open = line.iter().position(|byte| *byte == b'(').ok_or(SHAPE)?;
    let (tag, rest) = (
        line.get(..open).ok_or(SHAPE)?,
        line.get(open + 1..).ok_or(SHAPE)?,
    );
    let close = rest
        .windows(3)
        .rposition(|end| end == b")= " || end == b") =")
        .ok_or(SHAPE)?;
    let name = rest.get(..close).ok_or(SHAPE)?;
    let digest = rest.get(close + 3..).ok_or(SHAPE)?.trim_ascii();
    let tag = shown(tag.trim_ascii());
    let algorithm =
        Algorithm::from_name(&tag).ok_or_else(|| format!("the algorithm {tag:?} is not known"))?;
    Ok(Sum {
        name: name.to_vec(),
        algorithm,
        digest: digest_of(algorithm, digest)?,
    })
}

/// Reads a digest in hex of either case and of the right length.
pub(super) fn digest_of(algorithm: Algorithm, text: &[u8]) -> Result<Vec<u8>, String> {
    let digits = 2 * algorithm.len_bytes();
    let lower = text.to_ascii_lowercase();
    let digest = std::str::from_utf8(&lower)
        .ok()
        .and_then(comity_core::digest::unhex);
    digest
        .filter(|digest| digest.len() == algorithm.len_bytes())
        .ok_or_else(|| {
            format!(
                "a digest by {algorithm} has {digits} hex digits, not {:?}",
                shown(text)
            )
        })
}

fn unescape(name: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        out.push(match bytes.next() {
            Some(b'\\') => b'\\',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            _ => {
                return Err(
                    "a backslash in an escaped name is followed by neither \\, n nor r".into(),
                );
            }
        });
    }
    Ok(out)
}

/// The columns of a hashdeep file: `%%%% size,md5,sha256,filename`.
pub(super) struct Hashdeep {
    /// One for each column before the name; `None` for the size and for algorithms not known.
    columns: Vec<Option<Algorithm>>,
}

impl Hashdeep {
    /// Reads the line of columns.
    pub(super) fn columns(line: &[u8]) -> Result<Hashdeep, String> {
        let text = shown(line.trim_ascii());
        let names = text.strip_prefix("%%%%").map(str::trim).unwrap_or_default();
        let mut columns: Vec<&str> = names.split(',').map(str::trim).collect();
        if columns.pop() != Some("filename") {
            return Err("the columns of a hashdeep file end with `filename`".into());
        }
        let columns: Vec<_> = columns.into_iter().map(Algorithm::from_name).collect();
        if columns.iter().all(Option::is_none) {
            return Err("it has no digest by an algorithm that is known".into());
        }
        Ok(Hashdeep { columns })
    }

    /// Reads one file's line. The name is the rest, commas and all.
    pub(super) fn parse(&self, line: &[u8]) -> Result<Vec<Sum>, String> {
        let mut fields = line.splitn(self.columns.len() + 1, |byte| *byte == b',');
        let mut digests = Vec::new();
        for column in &self.columns {
            let field = fields.next().ok_or("it has too few columns")?;
            if let Some(algorithm) = column {
                digests.push((*algorithm, digest_of(*algorithm, field.trim_ascii())?));
            }
        }
        let name = fields.next().ok_or("it has too few columns")?;
        if name.is_empty() {
            return Err("it names no file".into());
        }
        let sum = |(algorithm, digest)| Sum {
            name: name.to_vec(),
            algorithm,
            digest,
        };
        Ok(digests.into_iter().map(sum).collect())
    }
}
