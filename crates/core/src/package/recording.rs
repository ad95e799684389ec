//! Whether the making of a package stands in the log (`docs/format/disclosure.md`, Beside the
//! package).

use crate::body::OpenField;
use crate::checkpoint::SignedCheckpoint;
use crate::digest::Digest;
use crate::json::{JsonError, Value, write_string};
use crate::proof::TlogProof;

use super::consistency::Consistency;
use super::event::{EventLine, Signer, write_fields};
use super::head::PackageHead;
use super::report::{Findings, LogFacts, Recording};
use super::scan::Scan;

/// The ending of the name of the act's proof, after the package's name.
pub const PROOF_ENDING: &str = ".disclosure.tlog-proof";
/// The ending of the name of the consistency file, after the package's name.
pub const CONSISTENCY_ENDING: &str = ".consistency";

/// The bytes of the two files beside a package, where they are there.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// `NAME.disclosure.tlog-proof`.
    pub proof: Option<Vec<u8>>,
    /// `NAME.consistency`.
    pub consistency: Option<Vec<u8>>,
}

/// The `extra` data of the act's proof: its leaf and its fields.
///
/// # Errors
/// A value that canonical JSON cannot say.
pub fn act_extra(leaf: &str, fields: &[OpenField]) -> Result<Vec<u8>, JsonError> {
    let mut out = b"{\"fields\":".to_vec();
    write_fields(fields, &mut out)?;
    out.extend_from_slice(b",\"leaf\":");
    write_string(leaf, &mut out);
    out.push(b'}');
    Ok(out)
}

impl<'a> EventLine<'a> {
    /// Reads what [`act_extra`] wrote; the index is that of the proof.
    fn parse_act(extra: &'a [u8], index: u64) -> Result<EventLine<'a>, String> {
        let mut scan = Scan::new(extra)?;
        scan.literal("{\"fields\":")?;
        let fields = super::event::parse_fields(&mut scan)?;
        scan.literal(",\"leaf\":")?;
        let leaf = scan.string()?;
        scan.literal("}")?;
        scan.end()?;
        Ok(EventLine {
            index,
            leaf,
            fields,
            why: None,
            repeated: None,
        })
    }
}

/// Checks both files against the package.
pub(crate) fn check(
    beside: &Beside,
    log: &LogFacts,
    head: Option<&PackageHead>,
    tagmanifest: &Digest,
    exhibits: u64,
    findings: &mut Findings,
) -> Recording {
    let (proof, consistency) = match (&beside.proof, &beside.consistency) {
        (Some(proof), Some(consistency)) => (proof, consistency),
        (proof, consistency) => {
            let mut missing = Vec::new();
            if proof.is_none() {
                missing.push(PROOF_ENDING);
            }
            if consistency.is_none() {
                missing.push(CONSISTENCY_ENDING);
            }
            return Recording::NotRecorded { missing };
        }
    };
    let before = findings.list().len();
    let recorded = check_proof(proof, log, head, tagmanifest, exhibits, findings);
    check_consistency(
        consistency,
        log,
        recorded.as_ref().map(|(_, checkpoint, _)| checkpoint),
        findings,
    );
    let attestation = match (&log.witnessed, &recorded) {
        (Some(witnessed), Some((_, checkpoint, _))) => {
            let attestation = witnessed.policy.attestation(checkpoint.note());
            attestation
                .map_err(|error| findings.add(PROOF_ENDING, error.to_string()))
                .ok()
        }
        _ => None,
    };
    match recorded {
        Some((index, checkpoint, signer)) if findings.list().len() == before => {
            Recording::Recorded {
                index,
                size: checkpoint.size(),
                root: *checkpoint.root(),
                time_secs: checkpoint.time_secs(),
                attestation,
                signer,
            }
        }
        _ => Recording::Wrong,
    }
}

fn check_proof(
    bytes: &[u8],
    log: &LogFacts,
    head: Option<&PackageHead>,
    tagmanifest: &Digest,
    exhibits: u64,
    findings: &mut Findings,
) -> Option<(u64, SignedCheckpoint, Option<Signer>)> {
    let mut signer = None;
    let mut wrong = |what: String| findings.add(PROOF_ENDING, what);
    let proof = match TlogProof::parse(bytes) {
        Ok(proof) => proof,
        Err(error) => {
            wrong(error.to_string());
            return None;
        }
    };
    let extra = proof.extra.as_deref().unwrap_or_default();
    let act = match EventLine::parse_act(extra, proof.index) {
        Ok(act) => act,
        Err(error) => {
            wrong(format!(
                "its extra line is not the act's leaf and fields: {error}"
            ));
            return None;
        }
    };
    let checked = match act.check() {
        Ok(checked) => checked,
        Err(error) => {
            wrong(error);
            return None;
        }
    };
    let checkpoint = match proof.verify(&log.keys, &checked.hash) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            wrong(error.to_string());
            return None;
        }
    };
    match act.signer(checkpoint.checkpoint().origin.as_str()) {
        Ok(found) => signer = found,
        Err(problem) => wrong(problem),
    }
    if act.text("kind").as_deref() != Some("disclosed") {
        wrong("its act is not a disclosure".to_owned());
    }
    match act.text("tagmanifest_sha256") {
        Some(recorded) if *recorded == tagmanifest.to_string() => {}
        Some(recorded) => wrong(format!(
            "another package was recorded: its tagmanifest-sha256.txt has the digest {recorded}, this one {tagmanifest}"
        )),
        None => wrong("its act does not open tagmanifest_sha256".to_owned()),
    }
    if act.integer("exhibits") != Some(exhibits) {
        wrong(format!(
            "its act does not say that there are {exhibits} exhibits"
        ));
    }
    if proof.index < log.size {
        wrong(format!(
            "the act's leaf {} is not after checkpoint A of size {}",
            proof.index, log.size
        ));
    }
    if let Some(head) = head {
        let said = [
            ("case", Some(&head.case)),
            ("purpose", Some(&head.purpose)),
            ("recipient", head.recipient.as_ref()),
        ];
        for (name, said) in said {
            if !act.is_withheld(name)
                && act.value(name) != said.map(|text| Value::String(text.clone()))
            {
                wrong(format!(
                    "its act has another {name} than comity/package.json"
                ));
            }
        }
    }
    Some((proof.index, checkpoint, signer))
}

fn check_consistency(
    bytes: &[u8],
    log: &LogFacts,
    recorded: Option<&SignedCheckpoint>,
    findings: &mut Findings,
) {
    let mut wrong = |what: String| findings.add(CONSISTENCY_ENDING, what);
    let (old, new) = match Consistency::parse(bytes).and_then(|file| file.verify(&log.keys)) {
        Ok(checkpoints) => checkpoints,
        Err(error) => return wrong(error.to_string()),
    };
    if (old.size(), *old.root()) != (log.size, log.root) {
        wrong("its earlier checkpoint is not the package's checkpoint A".to_owned());
    }
    let later = recorded.map(|checkpoint| (checkpoint.size(), *checkpoint.root()));
    if later.is_some_and(|later| later != (new.size(), *new.root())) {
        wrong("its later checkpoint is not that of the proof beside it".to_owned());
    }
}
