//! Whether a file is the one that a manifest was signed for: the statement that binds both by a digest (C2PA 2.1,
//! sections 9.2 and 18.5).

use super::{bmff, carrier::Found, digest::Hash};
use crate::{Input, read::cbor::Value};
use std::{collections::BTreeMap, ops::Range};

/// What came of a digest.
pub enum Verdict {
    /// The file is the one, but for what its signer left out besides the manifest.
    Same(Left),
    Differs,
    /// And why.
    Unchecked(String),
}

/// What a digest is not over: paths of boxes, or none where they have no names, with how many bytes.
#[derive(Default)]
pub struct Left {
    pub named: BTreeMap<String, u64>,
}

impl Left {
    /// Empty where nothing but the manifest was left out.
    pub fn words(&self) -> String {
        let sum: u64 = self.named.values().sum();
        let names: Vec<&str> = self.named.keys().map(String::as_str).collect();
        match (sum, names.join(", ")) {
            (0, _) => String::new(),
            (_, names) if names.is_empty() => format!(", but for {sum} bytes that it leaves out"),
            (_, names) => format!(", but for {sum} bytes that it leaves out: {names}"),
        }
    }
}

/// Whether a label is that of a statement which binds a file.
pub fn is(label: &str) -> bool {
    label.starts_with("c2pa.hash.")
}

/// Holds the file against the statement with this label; `usual` is the digest that the claim names for all.
pub fn check(label: &str, content: &[u8], usual: &str, found: &Found, input: &Input) -> Verdict {
    let Some(said) = Value::read(content) else {
        return Verdict::Unchecked("it cannot be read".to_owned());
    };
    // Several of a kind have numbers behind their names.
    match label.split("__").next().unwrap_or(label) {
        "c2pa.hash.data" => is_content(&said, usual, found, input)
            .unwrap_or_else(|| Verdict::Unchecked("it is of no known kind".to_owned())),
        "c2pa.hash.bmff" => bmff::is_content(&said, usual, 1, found, input),
        "c2pa.hash.bmff.v2" => bmff::is_content(&said, usual, 2, found, input),
        "c2pa.hash.bmff.v3" => bmff::is_content(&said, usual, 3, found, input),
        kind => Verdict::Unchecked(format!("it is of the kind {kind}")),
    }
}

/// The digest of the file without the ranges that are named, among which the manifest is.
fn is_content(said: &Value, usual: &str, found: &Found, input: &Input) -> Option<Verdict> {
    let mut hash = Hash::new(said.get("alg").and_then(Value::text).unwrap_or(usual))?;
    let mut outs: Vec<Range<u64>> = Vec::new();
    for range in said.get("exclusions").map_or(&[][..], Value::items) {
        let number = |name: &str| u64::try_from(range.get(name)?.number()?).ok();
        let start = number("start")?;
        outs.push(start..start.checked_add(number("length")?)?);
    }
    outs.sort_by_key(|out| (out.start, out.end));
    let (mut at, mut left) = (0, 0);
    for out in outs {
        // What is left out lies in the file: beyond its end it is another file.
        if out.end > input.size() {
            return Some(Verdict::Differs);
        }
        if out.start > at {
            hash.range(input, at, out.start)?;
        }
        left += outside(out.start.max(at)..out.end, &found.places);
        at = at.max(out.end);
    }
    hash.range(input, at, input.size())?;
    if hash.end() != said.get("hash")?.bytes()? {
        return Some(Verdict::Differs);
    }
    let named = std::iter::once((String::new(), left)).filter(|_| left > 0);
    Some(Verdict::Same(Left {
        named: named.collect(),
    }))
}

/// How many bytes of a range lie in none of the places.
fn outside(range: Range<u64>, places: &[Range<u64>]) -> u64 {
    let mut places: Vec<&Range<u64>> = places.iter().collect();
    places.sort_by_key(|place| place.start);
    let (mut at, mut count) = (range.start, 0);
    for place in places {
        if place.start >= range.end {
            break;
        }
        count += place.start.saturating_sub(at);
        at = at.max(place.end);
    }
    count + range.end.saturating_sub(at)
}

#[cfg(test)]
mod tests {
    use super::{Range, outside};

    #[test]
    fn what_is_left_out_beside_the_manifest_is_counted() {
        for (range, places, count) in [
            ((10, 20), &[(10, 20)][..], 0),
            ((10, 20), &[(0, 30)], 0),
            ((10, 20), &[], 10),
            ((10, 20), &[(12, 14), (16, 18)], 6),
            ((10, 20), &[(16, 18), (12, 14), (30, 40)], 6),
            ((10, 20), &[(0, 12)], 8),
            ((20, 20), &[], 0),
        ] {
            let all: Vec<Range<u64>> = places.iter().map(|(from, to)| *from..*to).collect();
            assert_eq!(
                outside(range.0..range.1, &all),
                count,
                "{range:?} {places:?}"
            );
        }
    }
}
