//! The heads of packages and receipts (`docs/format/disclosure.md` and `receipt.md`, Head).

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::json::{Map, Value, canonical, json, parse_canonical};

/// The value of `format` in the head of a package.
pub const PACKAGE_FORMAT: &str = "comity-package-1";
/// The value of `format` in the head of a receipt.
pub const RECEIPT_FORMAT: &str = "comity-receipt-1";

/// `comity/package.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageHead {
    /// Name of the centre.
    pub centre: String,
    /// Origin of its log.
    pub origin: String,
    /// Number of the case, such as `C0001`.
    pub case: String,
    /// Name of the case.
    pub case_name: String,
    /// What it is disclosed for.
    pub purpose: String,
    /// To whom.
    pub recipient: Option<String>,
    /// Number of exhibits.
    pub exhibits: u64,
    /// Number of payload files.
    pub files: u64,
    /// Their total size.
    pub bytes: u64,
    /// Number of events.
    pub events: u64,
    /// Size of checkpoint A.
    pub size: u64,
    /// Root of checkpoint A.
    pub root: Digest,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The number of the person who made it.
    pub made_by: String,
    /// Name and version of the program that wrote it.
    pub program: String,
}

impl PackageHead {
    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        written(&json!({
            "format": PACKAGE_FORMAT,
            "centre": self.centre,
            "origin": self.origin,
            "case": self.case,
            "case_name": self.case_name,
            "purpose": self.purpose,
            "recipient": self.recipient,
            "exhibits": self.exhibits,
            "files": self.files,
            "bytes": self.bytes,
            "events": self.events,
            "size": self.size,
            "root": self.root.to_string(),
            "made_at": self.made_at,
            "made_by": self.made_by,
            "program": self.program,
        }))
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// A sentence about the first thing that the format does not allow.
    pub fn parse(bytes: &[u8]) -> Result<PackageHead, String> {
        let mut members = Members::parse(bytes, PACKAGE_FORMAT)?;
        let head = PackageHead {
            centre: members.text("centre")?,
            origin: members.text("origin")?,
            case: members.text("case")?,
            case_name: members.text("case_name")?,
            purpose: members.text("purpose")?,
            recipient: members.text_or_null("recipient")?,
            exhibits: members.integer("exhibits")?,
            files: members.integer("files")?,
            bytes: members.integer("bytes")?,
            events: members.integer("events")?,
            size: members.integer("size")?,
            root: members.digest("root")?,
            made_at: members.text("made_at")?,
            made_by: members.text("made_by")?,
            program: members.text("program")?,
        };
        members.end()?;
        Ok(head)
    }
}

/// How the deliverer's own manifest differed from what was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differences {
    /// Listed and handed over with another digest.
    pub different: u64,
    /// Handed over and not listed.
    pub extra: u64,
    /// Listed and not handed over.
    pub missing: u64,
    /// SHA-256 of `differences.jsonl`.
    pub sha256: Digest,
}

/// `receipt.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptHead {
    /// Name of the centre.
    pub centre: String,
    /// Origin of its log.
    pub origin: String,
    /// Code of the member whose items these are.
    pub member: String,
    /// Number of the case, such as `C0001`.
    pub case: String,
    /// Name of the case.
    pub case_name: String,
    /// What the deliverer is called in the record.
    pub source: String,
    /// The intake's number.
    pub intake: u64,
    /// Number of lines of the manifest.
    pub lines: u64,
    /// How many items this intake recorded.
    pub received: u64,
    /// How many were delivered again.
    pub again: u64,
    /// How many of those received are in each state.
    pub states: BTreeMap<String, u64>,
    /// Sum of the sizes of those received.
    pub bytes: u64,
    /// SHA-256 of `manifest.jsonl`.
    pub manifest_sha256: Digest,
    /// Counts of `differences.jsonl`; `None` when the deliverer gave no manifest.
    pub differences: Option<Differences>,
    /// Size of the checkpoint.
    pub size: u64,
    /// Root of the checkpoint.
    pub root: Digest,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The number of the person who made it.
    pub made_by: String,
    /// Name and version of the program that wrote it.
    pub program: String,
}

impl ReceiptHead {
    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let differences = self.differences.map(|differences| {
            json!({
                "different": differences.different,
                "extra": differences.extra,
                "missing": differences.missing,
                "sha256": differences.sha256.to_string(),
            })
        });
        written(&json!({
            "format": RECEIPT_FORMAT,
            "centre": self.centre,
            "origin": self.origin,
            "member": self.member,
            "case": self.case,
            "case_name": self.case_name,
            "source": self.source,
            "intake": self.intake,
            "lines": self.lines,
            "received": self.received,
            "again": self.again,
            "states": self.states,
            "bytes": self.bytes,
            "manifest_sha256": self.manifest_sha256.to_string(),
            "differences": differences,
            "size": self.size,
            "root": self.root.to_string(),
            "made_at": self.made_at,
            "made_by": self.made_by,
            "program": self.program,
        }))
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// A sentence about the first thing that the format does not allow.
    pub fn parse(bytes: &[u8]) -> Result<ReceiptHead, String> {
        let mut members = Members::parse(bytes, RECEIPT_FORMAT)?;
        let head = ReceiptHead {
            centre: members.text("centre")?,
            origin: members.text("origin")?,
            member: members.text("member")?,
            case: members.text("case")?,
            case_name: members.text("case_name")?,
            source: members.text("source")?,
            intake: members.integer("intake")?,
            lines: members.integer("lines")?,
            received: members.integer("received")?,
            again: members.integer("again")?,
            states: members.counts("states")?,
            bytes: members.integer("bytes")?,
            manifest_sha256: members.digest("manifest_sha256")?,
            differences: members.differences()?,
            size: members.integer("size")?,
            root: members.digest("root")?,
            made_at: members.text("made_at")?,
            made_by: members.text("made_by")?,
            program: members.text("program")?,
        };
        members.end()?;
        Ok(head)
    }
}

/// Canonical JSON and a line feed. Heads hold text, and integers below 2⁵³ that count what is
/// there, which canonical JSON can always say.
fn written(value: &Value) -> Vec<u8> {
    let mut bytes = canonical(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// The members of an object, taken one by one until none is left.
struct Members(Map<String, Value>);

impl Members {
    fn parse(bytes: &[u8], format: &str) -> Result<Members, String> {
        let line = bytes
            .strip_suffix(b"\n")
            .ok_or("has no line feed at its end")?;
        let value = parse_canonical(line).map_err(|error| error.to_string())?;
        let Value::Object(map) = value else {
            return Err("is not a JSON object".to_owned());
        };
        let mut members = Members(map);
        match members.text("format")? {
            found if found == format => Ok(members),
            found => Err(format!(
                "has the format {found:?}, and this program knows {format:?}"
            )),
        }
    }

    fn take(&mut self, name: &str) -> Result<Value, String> {
        self.0
            .remove(name)
            .ok_or_else(|| format!("has no member {name:?}"))
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        self.text_or_null(name)?
            .ok_or_else(|| format!("{name:?} is not a text"))
    }

    fn text_or_null(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name)? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(format!("{name:?} is not a text")),
        }
    }

    fn integer(&mut self, name: &str) -> Result<u64, String> {
        self.take(name)?
            .as_u64()
            .ok_or_else(|| format!("{name:?} is not an integer from 0"))
    }

    fn digest(&mut self, name: &str) -> Result<Digest, String> {
        self.text(name)?
            .parse()
            .map_err(|error| format!("{name:?}: {error}"))
    }

    fn counts(&mut self, name: &str) -> Result<BTreeMap<String, u64>, String> {
        let wrong = || format!("{name:?} is not an object of counts");
        let Value::Object(map) = self.take(name)? else {
            return Err(wrong());
        };
        map.into_iter()
            .map(|(key, value)| Ok((key, value.as_u64().ok_or_else(wrong)?)))
            .collect()
    }

    fn differences(&mut self) -> Result<Option<Differences>, String> {
        let map = match self.take("differences")? {
            Value::Null => return Ok(None),
            Value::Object(map) => map,
            _ => return Err("\"differences\" is not an object".to_owned()),
        };
        let mut members = Members(map);
        let differences = Differences {
            different: members.integer("different")?,
            extra: members.integer("extra")?,
            missing: members.integer("missing")?,
            sha256: members.digest("sha256")?,
        };
        members.end()?;
        Ok(Some(differences))
    }

    fn end(self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("has an unknown member {name:?}")),
        }
    }
}
