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
use super::persons::Persons;
use super::proposal;
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

/// An event as the `extra` data of a proof shows it: the text of its leaf, and its fields.
#[derive(Clone, Copy, Debug)]
pub struct ActLines<'a> {
    /// The exact text of the leaf.
    pub leaf: &'a str,
    /// The fields in their order.
    pub fields: &'a [OpenField],
}

impl ActLines<'_> {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        out.extend_from_slice(b"{\"fields\":");
        write_fields(self.fields, out)?;
        out.extend_from_slice(b",\"leaf\":");
        write_string(self.leaf, out);
        Ok(())
    }
}

/// The `extra` data of the act's proof: the act, and its proposal where two persons made it.
///
/// # Errors
/// A value that canonical JSON cannot say.
pub fn act_extra(act: ActLines<'_>, proposal: Option<ActLines<'_>>) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    act.write(&mut out)?;
    if let Some(proposal) = proposal {
        out.extend_from_slice(b",\"proposal\":");
        proposal.write(&mut out)?;
        out.push(b'}');
    }
    out.push(b'}');
    Ok(out)
}

impl<'a> EventLine<'a> {
    /// Reads what [`act_extra`] wrote, the act and its proposal; the index of the act is that of the proof.
    fn parse_act(
        extra: &'a [u8],
        index: u64,
    ) -> Result<(EventLine<'a>, Option<EventLine<'a>>), String> {
        let mut scan = Scan::new(extra)?;
        let act = EventLine::parse_part(&mut scan, index)?;
        let proposal = match scan.eat(",\"proposal\":") {
            true => {
                // Its place in the log is shown by the act, which names its leaf hash.
                let proposal = EventLine::parse_part(&mut scan, 0)?;
                scan.literal("}")?;
                Some(proposal)
            }
            false => None,
        };
        scan.literal("}")?;
        scan.end()?;
        Ok((act, proposal))
    }

    fn parse_part(scan: &mut Scan<'a>, index: u64) -> Result<EventLine<'a>, String> {
        scan.literal("{\"fields\":")?;
        let fields = super::event::parse_fields(scan)?;
        scan.literal(",\"leaf\":")?;
        let leaf = scan.string()?;
        Ok(EventLine {
            index,
            leaf,
            fields,
            why: None,
            repeated: None,
        })
    }
}

/// What of the package itself its recording must speak of.
pub(crate) struct Made<'a> {
    /// SHA-256 of `tagmanifest-sha256.txt`.
    pub tagmanifest: &'a Digest,
    /// How many exhibits there are.
    pub exhibits: u64,
    /// SHA-256 over their numbers, where all of them were read.
    pub selection: Option<Digest>,
}

/// What the proof showed.
struct Shown {
    index: u64,
    checkpoint: SignedCheckpoint,
    signer: Option<Signer>,
    proposer: Option<Signer>,
}

/// Checks both files against the package.
pub(crate) fn check(
    beside: &Beside,
    log: &LogFacts,
    head: Option<&PackageHead>,
    made: &Made<'_>,
    persons: &mut Persons,
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
    let recorded = check_proof(proof, log, head, made, findings);
    check_consistency(
        consistency,
        log,
        recorded.as_ref().map(|shown| &shown.checkpoint),
        findings,
    );
    let signers = recorded.iter().flat_map(|shown| {
        let first = shown.proposer.as_ref();
        shown.signer.iter().chain(first)
    });
    for signer in signers {
        // Both stand after what the package shows.
        if let Err(problem) = persons.bind(signer, None) {
            findings.add(PROOF_ENDING, problem);
        }
    }
    let attestation = match (&log.witnessed, &recorded) {
        (Some(witnessed), Some(shown)) => {
            let attestation = witnessed.policy.attestation(shown.checkpoint.note());
            attestation
                .map_err(|error| findings.add(PROOF_ENDING, error.to_string()))
                .ok()
        }
        _ => None,
    };
    match recorded {
        Some(shown) if findings.list().len() == before => Recording::Recorded {
            index: shown.index,
            size: shown.checkpoint.size(),
            root: *shown.checkpoint.root(),
            time_secs: shown.checkpoint.time_secs(),
            attestation,
            signer: shown.signer,
            proposer: shown.proposer.map(Box::new),
        },
        _ => Recording::Wrong,
    }
}

fn check_proof(
    bytes: &[u8],
    log: &LogFacts,
    head: Option<&PackageHead>,
    made: &Made<'_>,
    findings: &mut Findings,
) -> Option<Shown> {
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
    let (act, proposed) = match EventLine::parse_act(extra, proof.index) {
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
        Some(recorded) if *recorded == made.tagmanifest.to_string() => {}
        Some(recorded) => wrong(format!(
            "another package was recorded: its tagmanifest-sha256.txt has the digest {recorded}, this one {}",
            made.tagmanifest
        )),
        None => wrong("its act does not open tagmanifest_sha256".to_owned()),
    }
    if act.integer("exhibits") != Some(made.exhibits) {
        wrong(format!(
            "its act does not say that there are {} exhibits",
            made.exhibits
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
    let expected = proposal::Expected {
        origin: checkpoint.checkpoint().origin.as_str(),
        selection: made.selection,
        signer: signer.as_ref(),
    };
    let (proposer, problems) = proposal::check(&act, proposed.as_ref(), &expected);
    problems.into_iter().for_each(wrong);
    Some(Shown {
        index: proof.index,
        checkpoint,
        signer,
        proposer,
    })
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
