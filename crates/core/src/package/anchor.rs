//! Keys, checkpoint and tiles of a package or receipt.

use crate::checkpoint::{LogKeys, SignedCheckpoint};
use crate::digest::Digest;

use super::report::{Findings, LogFacts, Witnessed};
use super::source::{Source, read_small};
use super::tiles::LeafTiles;

/// The log as far as it could be read.
#[derive(Default)]
pub(super) struct Anchor<'a> {
    /// The keys and the checkpoint that they verify.
    pub(super) facts: Option<LogFacts>,
    /// The tiles, authenticated against the checkpoint's root, be it signed or not: what is wrong
    /// with the signatures is a finding of its own.
    pub(super) tiles: Option<LeafTiles<'a>>,
    /// Size and root that the checkpoint claims.
    pub(super) claimed: Option<(u64, Digest)>,
    /// Origin that it claims.
    pub(super) origin: Option<String>,
    /// The checkpoint's bytes.
    pub(super) checkpoint: Vec<u8>,
}

/// Reads `keys_name`, and `checkpoint` and `tile/…` below `folder` (with its slash).
pub(super) fn load<'a>(
    source: &'a dyn Source,
    keys_name: &str,
    folder: &'a str,
    given: Option<&LogKeys>,
    findings: &mut Findings,
) -> Anchor<'a> {
    let own = match read_small(source, keys_name) {
        Ok(bytes) => LogKeys::parse(&bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let own = own.map_err(|error| findings.add(keys_name, error)).ok();
    let joined = match (given, &own) {
        (Some(given), Some(own)) => {
            let joined = given.joined(own);
            if joined.is_none() {
                findings.add(keys_name, strangers(given, own));
            }
            joined
        }
        _ => None,
    };
    let name = format!("{folder}checkpoint");
    let parsed = match read_small(source, &name) {
        Ok(bytes) => SignedCheckpoint::parse(&bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let checkpoint = match parsed {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            findings.add(&name, error);
            return Anchor::default();
        }
    };
    let claimed = checkpoint.claimed();
    let (size, root) = (claimed.size(), *claimed.root());
    let bytes = claimed.as_bytes().to_vec();
    let origin = Some(checkpoint.claimed_origin().to_owned());
    let tiles = LeafTiles::load(source, folder, size, &root, findings);
    // A reader's own policy goes before the paper's, which is the centre's word.
    let theirs = given.and_then(LogKeys::policy).map(|policy| (policy, true));
    let witnesses = theirs.or_else(|| Some((own.as_ref()?.policy()?, false)));
    let witnesses = witnesses.map(|(policy, anchored)| (policy.clone(), anchored));
    let keys = joined.or_else(|| given.cloned()).or(own);
    let facts = keys.and_then(|keys| match checkpoint.verify(&keys) {
        Ok(verified) => Some(LogFacts {
            witnessed: witnesses.and_then(|(policy, anchored)| {
                match policy.attestation(verified.note()) {
                    Ok(attestation) => Some(Witnessed {
                        policy,
                        anchored,
                        attestation,
                    }),
                    Err(error) => {
                        findings.add(&name, error.to_string());
                        None
                    }
                }
            }),
            anchored: given.is_some(),
            succeeded: keys.successions_since(given).to_vec(),
            keys,
            size,
            root,
            time_secs: verified.time_secs(),
        }),
        Err(error) => {
            findings.add(&name, error.to_string());
            None
        }
    });
    Anchor {
        facts,
        tiles: Some(tiles),
        claimed: Some((size, root)),
        origin,
        checkpoint: bytes,
    }
}

/// What is wrong with keys that are neither those given nor theirs by succession.
fn strangers(given: &LogKeys, own: &LogKeys) -> &'static str {
    let both = [given, own].map(|keys| !keys.chain().statements().is_empty());
    match both {
        [true, true] => {
            "tell of another succession of the log's keys than those that you gave: at most one of the two is true"
        }
        [false, false] => "are not the keys that you gave",
        _ => "are not the keys that you gave, and no succession leads from the one to the other",
    }
}
