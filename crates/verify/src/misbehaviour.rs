//! Evidence that a log signed what it must not (`docs/format/witness.md`, Evidence of misbehaviour).

use std::io::Read as _;
use std::path::Path;

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::json::{Value, canonical, json};
use comity_core::misbehaviour::{Deed, FIRST_LINE, Misbehaviour, MisbehaviourError, Proven};
use comity_core::package::MAX_SMALL_FILE_BYTES;
use comity_core::shown::escape_for_terminal;

use crate::time::utc;

/// The bytes of a file that claims to be such evidence.
pub fn claimed(path: &Path) -> Option<Vec<u8>> {
    let mut file = std::fs::File::open(path).ok()?;
    let mut first = vec![0; FIRST_LINE.len()];
    file.read_exact(&mut first).ok()?;
    if !Misbehaviour::is_claimed_by(&first) {
        return None;
    }
    file.take(MAX_SMALL_FILE_BYTES)
        .read_to_end(&mut first)
        .ok()?;
    Some(first)
}

/// Checks it and says what the log did. Whatever the answer, something is wrong: the log, or the evidence.
pub fn say(bytes: &[u8], keys: Option<&LogKeys>, as_json: bool) -> String {
    let proven = Misbehaviour::parse(bytes).and_then(|evidence| evidence.verify(keys));
    if as_json {
        let value = match &proven {
            Ok(proven) => proven_json(proven, keys.is_some()),
            Err(error) => json!({
                "kind": "misbehaviour", "verdict": "failed", "findings": [error.to_string()],
            }),
        };
        let bytes = canonical(&value).unwrap_or_default();
        return String::from_utf8_lossy(&bytes).into_owned() + "\n";
    }
    match proven {
        Ok(proven) => text(&proven, keys.is_some()),
        Err(error) => failed(&error),
    }
}

fn deed(proven: &Proven) -> &'static str {
    match proven.deed {
        Deed::Fork => "the log signed two trees",
        Deed::Rollback => "the log went back behind what it had signed",
    }
}

fn text(proven: &Proven, is_anchored: bool) -> String {
    let Proven {
        keys,
        first,
        second,
        ..
    } = proven;
    let about = |c: &SignedCheckpoint| {
        format!(
            "{} leaves with root {}, signed {}",
            c.size(),
            c.root(),
            utc(c.time_secs())
        )
    };
    let why = match proven.deed {
        Deed::Fork if first.size() == second.size() => {
            "one log has one root for one size".to_owned()
        }
        Deed::Fork => format!(
            "the second tree does not begin with the first: its first {} leaves have another root, which the proof shows",
            first.size()
        ),
        Deed::Rollback => "a log only grows".to_owned(),
    };
    let whose = match is_anchored {
        true => "fingerprint (the keys that you gave)",
        false => {
            "fingerprint (of the keys that came with it: compare it with one you had from elsewhere)"
        }
    };
    format!(
        "PROVED: {}\nlog         {}\nfirst       {}\nsecond      {}\nwhy         {why}\n{whose}:\n  {}\n",
        deed(proven),
        escape_for_terminal(keys.origin()),
        about(first),
        about(second),
        keys.fingerprint_groups()
    )
}

fn failed(error: &MisbehaviourError) -> String {
    format!(
        "FAILED: this is no evidence against a log\n  {}\n",
        escape_for_terminal(&error.to_string())
    )
}

fn proven_json(proven: &Proven, is_anchored: bool) -> Value {
    let one = |c: &SignedCheckpoint| json!({"size": c.size(), "root": c.root().to_string(), "signed_at": utc(c.time_secs())});
    json!({
        "kind": "misbehaviour", "verdict": deed(proven), "anchored": is_anchored,
        "findings": Vec::<Value>::new(), "first": one(&proven.first), "second": one(&proven.second),
        "log": {"origin": proven.keys.origin(), "fingerprint": proven.keys.fingerprint().to_string()},
    })
}
