//! The lines of `items.jsonl` and `differences.jsonl`.

use crate::digest::{Digest, push_hex};
use crate::id::{ChainId, Ern};
use crate::json::write_string;

use super::event::write_string_or_null;
use super::scan::Scan;

/// One exhibit of a package (`docs/format/disclosure.md`, Exhibits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemLine {
    /// Its registration number.
    pub ern: Ern,
    /// Its chain.
    pub chain: ChainId,
    /// How many events the chain has at checkpoint A.
    pub events: u64,
    /// Leaf hash of the last of them.
    pub last: Digest,
    /// Where its bytes are, or why there are none.
    pub bytes: ItemBytes,
    /// The places of its events in the trees of their intakes; `None` in packages that show none.
    pub intakes: Option<Vec<Option<u64>>>,
    /// Original path as shown.
    pub path: Option<String>,
    /// Size of the bytes as received.
    pub size_bytes: Option<u64>,
    /// SHA-256 of the bytes as received.
    pub sha256: Option<Digest>,
}

/// Where an exhibit's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemBytes {
    /// In the payload file of this path (`data/…`).
    File(String),
    /// Nowhere in the package, for this reason.
    Without(String),
}

impl ItemLine {
    /// The line with its line feed.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut out = Vec::with_capacity(400);
        out.extend_from_slice(
            format!("{{\"chain\":\"{}\",\"ern\":\"{}\"", self.chain, self.ern).as_bytes(),
        );
        out.extend_from_slice(format!(",\"events\":{},\"file\":", self.events).as_bytes());
        let (file, without) = match &self.bytes {
            ItemBytes::File(path) => (Some(path.as_str()), None),
            ItemBytes::Without(why) => (None, Some(why.as_str())),
        };
        write_string_or_null(file, &mut out);
        if let Some(places) = &self.intakes {
            let places: Vec<String> = places
                .iter()
                .map(|place| place.map_or_else(|| "null".to_owned(), |at| at.to_string()))
                .collect();
            out.extend_from_slice(format!(",\"intakes\":[{}]", places.join(",")).as_bytes());
        }
        out.extend_from_slice(b",\"last\":\"");
        push_hex(&self.last.0, &mut out);
        out.extend_from_slice(b"\",\"path\":");
        write_string_or_null(self.path.as_deref(), &mut out);
        out.extend_from_slice(b",\"sha256\":");
        write_string_or_null(
            self.sha256.map(|digest| digest.to_string()).as_deref(),
            &mut out,
        );
        match self.size_bytes {
            Some(size) => out.extend_from_slice(format!(",\"size\":{size}").as_bytes()),
            None => out.extend_from_slice(b",\"size\":null"),
        }
        out.extend_from_slice(b",\"without\":");
        write_string_or_null(without, &mut out);
        out.extend_from_slice(b"}\n");
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Reads a line without its line feed.
    ///
    /// # Errors
    /// Anything that [`ItemLine::to_line`] would not have written, and where.
    pub fn parse(line: &[u8]) -> Result<ItemLine, String> {
        let mut scan = Scan::new(line)?;
        scan.literal("{\"chain\":\"")?;
        let chain = ChainId(scan.hex()?);
        scan.literal("\",\"ern\":")?;
        let ern: Ern = scan
            .string()?
            .parse()
            .map_err(|error: crate::id::IdError| error.to_string())?;
        scan.literal(",\"events\":")?;
        let events = scan.integer()?;
        scan.literal(",\"file\":")?;
        let file = scan.string_or_null()?;
        let intakes = match scan.eat(",\"intakes\":[") {
            true => Some(parse_places(&mut scan)?),
            false => None,
        };
        scan.literal(",\"last\":\"")?;
        let last = Digest(scan.hex()?);
        scan.literal("\",\"path\":")?;
        let path = scan.string_or_null()?.map(Into::into);
        scan.literal(",\"sha256\":")?;
        let sha256 = if scan.eat("null") {
            None
        } else {
            scan.literal("\"")?;
            let digest = Digest(scan.hex()?);
            scan.literal("\"")?;
            Some(digest)
        };
        scan.literal(",\"size\":")?;
        let size_bytes = if scan.eat("null") {
            None
        } else {
            Some(scan.integer()?)
        };
        scan.literal(",\"without\":")?;
        let bytes = match (file, scan.string_or_null()?) {
            (Some(file), None) => ItemBytes::File(file.into()),
            (None, Some(why)) => ItemBytes::Without(why.into()),
            _ => return Err("has both a file and a reason to have none, or neither".to_owned()),
        };
        scan.literal("}")?;
        scan.end()?;
        let item = ItemLine {
            ern,
            chain,
            events,
            last,
            bytes,
            intakes,
            path,
            size_bytes,
            sha256,
        };
        if events == 0 {
            return Err("has no events".to_owned());
        }
        if matches!(item.bytes, ItemBytes::File(_)) && (sha256.is_none() || size_bytes.is_none()) {
            return Err("has a file, but no digest or size".to_owned());
        }
        Ok(item)
    }
}

/// The rest of the list `intakes`.
fn parse_places(scan: &mut Scan<'_>) -> Result<Vec<Option<u64>>, String> {
    let mut places = Vec::new();
    while !scan.eat("]") {
        if !places.is_empty() {
            scan.literal(",")?;
        }
        places.push(match scan.eat("null") {
            true => None,
            false => Some(scan.integer()?),
        });
    }
    Ok(places)
}

/// The name of an exhibit's payload file: its number, the dots in it as hyphens, and, when the original name ends in one of
/// 1 to 8 ASCII letters and digits, that extension in lower case.
#[must_use]
pub fn payload_path(ern: Ern, original: &str) -> String {
    let name = original.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').filter(|(stem, extension)| {
        !stem.is_empty()
            && (1..=8).contains(&extension.len())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    match extension {
        Some((_, extension)) => {
            format!(
                "data/{}.{}",
                ern.file_stem(),
                extension.to_ascii_lowercase()
            )
        }
        None => format!("data/{}", ern.file_stem()),
    }
}

/// The exhibit that a payload file belongs to by its name.
#[must_use]
pub fn payload_ern(path: &str) -> Option<Ern> {
    let name = path.strip_prefix("data/")?;
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    Ern::of_file_stem(stem)
}

/// How an entry of the deliverer's own manifest did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Listed and handed over with another digest.
    Different,
    /// Handed over and not listed.
    Extra,
    /// Listed and not handed over.
    Missing,
}

/// One line of `differences.jsonl` (`docs/format/receipt.md`, Differences).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferenceLine {
    /// The digest that was listed, such as `md5:…`.
    pub expected: Option<String>,
    /// How it did not fit.
    pub finding: Difference,
    /// The digest that was found.
    pub found: Option<String>,
    /// The path.
    pub path: String,
}

impl DifferenceLine {
    /// The line with its line feed.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut out = Vec::with_capacity(200);
        out.extend_from_slice(b"{\"expected\":");
        write_string_or_null(self.expected.as_deref(), &mut out);
        out.extend_from_slice(match self.finding {
            Difference::Different => b",\"finding\":\"different\",\"found\":".as_slice(),
            Difference::Extra => b",\"finding\":\"extra\",\"found\":",
            Difference::Missing => b",\"finding\":\"missing\",\"found\":",
        });
        write_string_or_null(self.found.as_deref(), &mut out);
        out.extend_from_slice(b",\"path\":");
        write_string(&self.path, &mut out);
        out.extend_from_slice(b"}\n");
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Reads a line without its line feed.
    ///
    /// # Errors
    /// Anything that [`DifferenceLine::to_line`] would not have written, and where.
    pub fn parse(line: &[u8]) -> Result<DifferenceLine, String> {
        let mut scan = Scan::new(line)?;
        scan.literal("{\"expected\":")?;
        let expected = scan.string_or_null()?.map(Into::into);
        scan.literal(",\"finding\":\"")?;
        let finding = if scan.eat("different") {
            Difference::Different
        } else if scan.eat("extra") {
            Difference::Extra
        } else if scan.eat("missing") {
            Difference::Missing
        } else {
            return scan.expected("different, extra or missing");
        };
        scan.literal("\",\"found\":")?;
        let found = scan.string_or_null()?.map(Into::into);
        scan.literal(",\"path\":")?;
        let path = scan.string()?.into();
        scan.literal("}")?;
        scan.end()?;
        Ok(DifferenceLine {
            expected,
            finding,
            found,
            path,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn item() -> ItemLine {
        ItemLine {
            ern: "UKR-000001-0000002".parse().unwrap(),
            chain: ChainId([7; 16]),
            events: 3,
            last: Digest::of(b"last"),
            bytes: ItemBytes::File("data/UKR-000001-0000002.txt".to_owned()),
            intakes: Some(vec![Some(7), None, Some(0)]),
            path: Some("тека/\"лист\"\n.txt".to_owned()),
            size_bytes: Some(4),
            sha256: Some(Digest::of(b"file")),
        }
    }

    #[test]
    fn lines_come_back_and_are_canonical() {
        let without = ItemLine {
            bytes: ItemBytes::Without("link".to_owned()),
            path: None,
            size_bytes: None,
            sha256: None,
            ..item()
        };
        let [none, empty] = [None, Some(Vec::new())].map(|intakes| ItemLine { intakes, ..item() });
        for item in [item(), without, none, empty] {
            let line = item.to_line();
            let bare = line.strip_suffix('\n').unwrap();
            assert_eq!(ItemLine::parse(bare.as_bytes()), Ok(item));
            crate::json::parse_canonical(bare.as_bytes()).unwrap();
        }
        let difference = DifferenceLine {
            expected: Some("md5:00".to_owned()),
            finding: Difference::Different,
            found: None,
            path: "a".to_owned(),
        };
        let line = difference.to_line();
        let bare = line.strip_suffix('\n').unwrap();
        assert_eq!(DifferenceLine::parse(bare.as_bytes()), Ok(difference));
        crate::json::parse_canonical(bare.as_bytes()).unwrap();
    }

    #[test]
    fn payload_names_are_plain() {
        let ern: Ern = "UKR-000001-0000002".parse().unwrap();
        for (original, expected) in [
            ("a/b.PDF", "data/UKR-000001-0000002.pdf"),
            ("a.d/b", "data/UKR-000001-0000002"),
            (".profile", "data/UKR-000001-0000002"),
            ("x.tar.gz", "data/UKR-000001-0000002.gz"),
            ("x.документ", "data/UKR-000001-0000002"),
            ("x.verylongext", "data/UKR-000001-0000002"),
            ("x.", "data/UKR-000001-0000002"),
            ("", "data/UKR-000001-0000002"),
        ] {
            assert_eq!(payload_path(ern, original), expected);
            assert_eq!(payload_ern(expected), Some(ern));
        }
        let child = ern.child(1).and_then(|c| c.child(20_000)).unwrap();
        let file = "data/UKR-000001-0000002-0001-20000.0001";
        assert_eq!(payload_path(child, "archive.0001"), file);
        assert_eq!(payload_ern(file), Some(child));
        assert_eq!(payload_ern("data/readme"), None);
    }
}
