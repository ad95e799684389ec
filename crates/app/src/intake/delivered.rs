//! The deliverer's side besides the files: the list of digests and the provenance file.

use comity_core::json::Value;
use comity_core::shown::shown;
use comity_vault::{Also, Hashes};
use serde_json::{Map, json};

use super::Request;
use super::manifest::algorithm::{Algorithm, Digests};
use super::manifest::{Manifest, Verdict};
use super::provenance::Provenance;
use super::record::Said;
use super::thing::Thing;
use super::walk::Root;
use crate::error::{AppError, Result};

/// Rows of the provenance file that the closing event lists; the count is exact.
const LISTED: usize = 10_000;
/// Missing files that one event lists, and about how many bytes of their names.
const PART: (usize, usize) = (4096, 1 << 20);

/// What the deliverer gave besides the files.
pub struct Delivered {
    manifest: Option<Manifest>,
    provenance: Option<Provenance>,
    matched: u64,
    not_comparable: u64,
    different: u64,
    extra: u64,
}

/// Counts of how the files fit the deliverer's own list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Listed, with the digest that was read.
    pub matched: u64,
    /// Listed with another digest.
    pub different: u64,
    /// Listed and not handed over.
    pub missing: u64,
    /// Handed over and not listed.
    pub extra: u64,
    /// Listed only with digests that are not computed here.
    pub not_comparable: u64,
}

impl Delivered {
    /// Reads both files. Whatever is wrong with them is said before anything is taken in.
    pub fn read(request: &Request, roots: &[Root]) -> Result<Delivered> {
        let refused = |e: &dyn std::fmt::Display| AppError::Usage(e.to_string());
        let manifest = request
            .manifest
            .as_deref()
            .map(|p| Manifest::read(p, roots))
            .transpose()
            .map_err(|e| refused(&e))?;
        let provenance = request
            .provenance
            .as_deref()
            .map(Provenance::read)
            .transpose()
            .map_err(|e| refused(&e))?;
        Ok(Delivered {
            manifest,
            provenance,
            matched: 0,
            not_comparable: 0,
            different: 0,
            extra: 0,
        })
    }

    /// The digests that must be computed besides so that the list can be compared.
    pub fn also(&self, legacy: bool) -> Also {
        let listed = self
            .manifest
            .as_ref()
            .map(Manifest::algorithms)
            .unwrap_or_default();
        let lists = |algorithm| listed.contains(&algorithm);
        Also {
            md5: legacy || lists(Algorithm::Md5),
            sha1: legacy || lists(Algorithm::Sha1),
            sha224: lists(Algorithm::Sha224),
            sha384: lists(Algorithm::Sha384),
            sha512: lists(Algorithm::Sha512),
        }
    }

    /// What list and provenance say of a thing that was read.
    pub fn say(&mut self, thing: &Thing<'_>, hashes: Option<&Hashes>) -> Said {
        let path = shown(thing.path());
        let provenance = self.provenance.as_ref().and_then(|p| p.of(&path));
        let listed = match (&mut self.manifest, hashes) {
            (Some(manifest), Some(hashes)) => {
                let verdict = manifest.check(thing.root(), thing.path(), &digests(hashes));
                self.count(verdict)
            }
            (Some(manifest), None) => {
                manifest.meet(thing.root(), thing.path());
                None
            }
            (None, _) => None,
        };
        Said { listed, provenance }
    }

    fn count(&mut self, verdict: Verdict) -> Option<Value> {
        let names = |list: &[Algorithm]| {
            list.iter()
                .map(|a| Value::from(a.name()))
                .collect::<Vec<_>>()
        };
        Some(match verdict {
            Verdict::Matched { algorithms } => {
                self.matched += 1;
                json!({ "as": "matched", "by": names(&algorithms) })
            }
            Verdict::Different {
                line,
                algorithm,
                stated,
                found,
            } => {
                let (stated, found) = (
                    format!("{}:{stated}", algorithm.name()),
                    format!("{}:{found}", algorithm.name()),
                );
                self.different += 1;
                json!({ "as": "different", "line": line, "stated": stated, "found": found })
            }
            Verdict::NotComparable { line, algorithms } => {
                self.not_comparable += 1;
                json!({ "as": "not_comparable", "line": line, "by": names(&algorithms) })
            }
            Verdict::NotListed => {
                self.extra += 1;
                json!({ "as": "not_listed" })
            }
            Verdict::Itself => return None,
        })
    }

    /// What is listed and was not handed over, in the order of the names, in parts of which each fits an event.
    pub fn missing(&self) -> impl Iterator<Item = Value> + '_ {
        let mut files = self.manifest.iter().flat_map(Manifest::missing).peekable();
        std::iter::from_fn(move || {
            files.peek()?;
            let (mut part, mut bytes) = (Vec::new(), 0);
            while part.len() < PART.0 && bytes < PART.1 {
                let Some(file) = files.next() else { break };
                bytes += file.name.len();
                part.push(json!({ "path": shown(file.name), "line": file.line }));
            }
            Some(Value::Array(part))
        })
    }

    /// The fields of the event that closes the intake: `compared`, and the rows of the provenance file that fit nothing.
    pub fn summary(&self) -> (Option<Value>, Option<Value>) {
        let compared = self.manifest.as_ref().map(|manifest| {
            let faults: Vec<Value> = manifest
                .faults()
                .iter()
                .map(|f| json!({ "line": f.line, "reason": f.reason }))
                .collect();
            json!({
                "manifest_sha256": manifest.sha256().to_string(),
                "matched": self.matched, "not_comparable": self.not_comparable,
                "different": self.different, "missing": manifest.missing().count(), "extra": self.extra,
                "faults": manifest.faults_count(), "faults_list": faults,
            })
        });
        let unused = self.provenance.as_ref().map(|p| {
            let rows: Vec<Value> = p
                .unused()
                .take(LISTED)
                .map(|u| json!({ "line": u.line, "path": u.pattern }))
                .collect();
            let mut said = Map::new();
            said.insert("sha256".to_owned(), p.sha256().to_string().into());
            said.insert("rows".to_owned(), p.len().into());
            said.insert("unused".to_owned(), rows.into());
            Value::Object(said)
        });
        (compared, unused)
    }

    /// The counts, where a list was given.
    pub fn compared(&self) -> Option<Compared> {
        let manifest = self.manifest.as_ref()?;
        Some(Compared {
            matched: self.matched,
            different: self.different,
            missing: manifest.missing().count() as u64,
            extra: self.extra,
            not_comparable: self.not_comparable,
        })
    }

    /// Takes over how an earlier run of this intake found a thing, from the `listed` field of its event.
    pub fn remember(&mut self, thing: &Thing<'_>, listed: Option<&Value>) {
        if let Some(manifest) = &mut self.manifest {
            manifest.meet(thing.root(), thing.path());
        }
        let Some(listed) = listed else { return };
        match listed.get("as").and_then(Value::as_str) {
            Some("matched") => self.matched += 1,
            Some("not_comparable") => self.not_comparable += 1,
            Some("not_listed") => self.extra += 1,
            Some("different") => self.different += 1,
            _ => {}
        }
    }

    /// Whether a list was given, so that an interrupted run's findings must be remembered.
    pub fn has_manifest(&self) -> bool {
        self.manifest.is_some()
    }
}

fn digests(hashes: &Hashes) -> Digests {
    let also: [(Algorithm, Option<&[u8]>); 5] = [
        (Algorithm::Md5, hashes.md5.as_ref().map(|d| &d[..])),
        (Algorithm::Sha1, hashes.sha1.as_ref().map(|d| &d[..])),
        (Algorithm::Sha224, hashes.sha224.as_ref().map(|d| &d[..])),
        (Algorithm::Sha384, hashes.sha384.as_ref().map(|d| &d[..])),
        (Algorithm::Sha512, hashes.sha512.as_ref().map(|d| &d[..])),
    ];
    also.iter()
        .filter_map(|(algorithm, digest)| Some((*algorithm, (*digest)?)))
        .fold(
            Digests::new().with(Algorithm::Sha256, hashes.sha256.as_bytes()),
            |digests, (algorithm, digest)| digests.with(algorithm, digest),
        )
}
