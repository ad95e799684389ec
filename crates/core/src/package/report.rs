//! What the checks of packages and receipts answer.

use std::collections::BTreeMap;

use crate::checkpoint::LogKeys;
use crate::digest::Digest;
use crate::finding::Finding;
use crate::id::Ern;
use crate::policy::{Attestation, Policy};
use crate::shown::escape_for_terminal;
use crate::succession::Succeeded;

use super::event::Signer;
use super::head::{PackageHead, ReceiptHead};

/// How many findings are kept; the rest are counted.
pub const MAX_FINDINGS: usize = 100_000;

/// Findings as they come in.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    more: u64,
}

impl Findings {
    /// Adds one. Both texts may come from outside: control characters are escaped.
    pub(crate) fn add(&mut self, place: impl AsRef<str>, what: impl AsRef<str>) {
        if self.list.len() >= MAX_FINDINGS {
            self.more += 1;
            return;
        }
        let (place, what) = (
            escape_for_terminal(place.as_ref()),
            escape_for_terminal(what.as_ref()),
        );
        self.list.push(Finding::new(place, what));
    }

    /// Adds one that an earlier check may have found already.
    pub(crate) fn add_once(&mut self, place: &str, what: &str) {
        let known = |f: &Finding| f.place == place && f.what == what;
        if !self.list.iter().any(known) {
            self.add(place, what);
        }
    }

    pub(crate) fn extend(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.add(&finding.place, &finding.what);
        }
    }

    /// All that are kept, in the order of the checks.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// How many more there were.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.more
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// The log that a package or receipt stands on, as far as it holds.
#[derive(Clone, Debug)]
pub struct LogFacts {
    /// The keys that verified the checkpoint: those given, or else the package's own.
    pub keys: LogKeys,
    /// Whether the keys were given from elsewhere.
    pub anchored: bool,
    /// The successions of the log's keys since those that were given; all of them, if none were.
    pub succeeded: Vec<Succeeded>,
    /// Size of the checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// When it was signed by the log's own word, in seconds since 1970.
    pub time_secs: u64,
    /// What witnesses say of it; `None` where no policy names any.
    pub witnessed: Option<Witnessed>,
}

/// What witnesses say of a checkpoint, by a policy (`docs/format/witness.md`).
#[derive(Clone, Debug)]
pub struct Witnessed {
    /// The policy: that of the keys that were given, if it names witnesses, or else the paper's own.
    pub policy: Policy,
    /// Whether it was given from elsewhere.
    pub anchored: bool,
    /// Who cosigned, and whether that is enough.
    pub attestation: Attestation,
}

/// Whether the making of a package stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// It does.
    Recorded {
        /// Index of the act's leaf.
        index: u64,
        /// Size of checkpoint B.
        size: u64,
        /// Root of checkpoint B.
        root: Digest,
        /// When B was signed by the log's own word, in seconds since 1970.
        time_secs: u64,
        /// Who cosigned B, by the policy of [`LogFacts::witnessed`].
        attestation: Option<Attestation>,
        /// Whose key has signed the act.
        signer: Option<Signer>,
        /// Whose key has signed the proposal of it, where two persons made it.
        proposer: Option<Box<Signer>>,
    },
    /// It is not shown: these files are not beside the package.
    NotRecorded {
        /// The endings of the missing files' names.
        missing: Vec<&'static str>,
    },
    /// The files are there, and something in them is wrong; the findings say what.
    Wrong,
}

/// What an exported log showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogScan {
    /// Size of the exported log's checkpoint.
    pub size: u64,
    /// How many leaves of the package's chains come after checkpoint A, the disclosure's own
    /// among them.
    pub later: u64,
}

/// A series of time stamps that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampReport {
    /// The authority's name in the centre's configuration.
    pub name: String,
    /// The size of the stamped checkpoint: events below it are covered.
    pub size: u64,
    /// When they existed at the latest, in seconds since 1970.
    pub time_secs: u64,
    /// The subject of the authority's certificate.
    pub authority: String,
    /// Whether the centre's configuration calls the authority qualified.
    pub qualified: bool,
    /// The subject of the root.
    pub root: String,
    /// SHA-256 of the root's DER.
    pub root_sha256: Digest,
    /// How many times the stamp was renewed.
    pub renewals: u64,
    /// SHA-256 of the DER of the newest token's root.
    pub newest_root_sha256: Digest,
    /// When the first certificate of the newest token's chain ends, in seconds since 1970.
    pub valid_until_secs: u64,
}

/// The result of checking a package.
#[derive(Clone, Debug, Default)]
pub struct PackageReport {
    /// Everything that is wrong.
    pub findings: Findings,
    /// The head, when it could be read.
    pub head: Option<PackageHead>,
    /// The log, when its checkpoint could be verified.
    pub log: Option<LogFacts>,
    /// The recording; `None` when the package was too damaged to tell.
    pub recording: Option<Recording>,
    /// The exported log, when one was given and holds.
    pub scan: Option<LogScan>,
    /// The time stamps that hold.
    pub stamps: Vec<StampReport>,
    /// How many exhibits were checked.
    pub exhibits: u64,
    /// How many events were checked.
    pub events: u64,
    /// How many of these show nothing but their place.
    pub withheld: u64,
    /// Whose keys have signed events of the exhibits, and how many.
    pub signers: BTreeMap<Signer, u64>,
    /// Of all who signed something here, the event that registered the key, where the package shows it.
    pub registered: BTreeMap<Signer, u64>,
    /// The intakes that exhibits are shown to be of.
    pub intakes: Vec<IntakeReport>,
    /// How many events by which exhibits came in are not shown to be of a closed intake.
    pub unbound: u64,
    /// The exhibits that were erased, and what the log says of it.
    pub erased: BTreeMap<Ern, String>,
    /// How many payload files were hashed.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// SHA-256 of `tagmanifest-sha256.txt`, which stands for the package.
    pub tagmanifest: Option<Digest>,
}

/// The result of checking a receipt.
#[derive(Clone, Debug, Default)]
pub struct ReceiptReport {
    /// Everything that is wrong.
    pub findings: Findings,
    /// The head, when it could be read.
    pub head: Option<ReceiptHead>,
    /// The log, when its checkpoint could be verified.
    pub log: Option<LogFacts>,
    /// The time stamps that hold.
    pub stamps: Vec<StampReport>,
    /// How many lines were checked.
    pub lines: u64,
    /// SHA-256 of `manifest.jsonl`.
    pub manifest: Option<Digest>,
    /// That the event which closed the intake names these items and no others.
    pub bound: Option<Bound>,
}

/// An intake, and how many events of exhibits are among those with which it was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeReport {
    /// Its name, such as `UKR-000123`.
    pub name: String,
    /// With how many events of items it was closed.
    pub items: u64,
    /// The index of the leaf of the event that closed it.
    pub index: u64,
    /// Whose key has signed that event.
    pub signer: Option<Signer>,
    /// How many events of the exhibits are among them.
    pub shown: u64,
}

/// That an intake was closed with exactly these items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How many events of items.
    pub events: u64,
    /// The index of the leaf of the event that closed it.
    pub index: u64,
    /// Whose key has signed that event.
    pub signer: Option<Signer>,
}
