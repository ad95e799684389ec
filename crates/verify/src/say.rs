//! What is said about the result, to people and in JSON.

use std::fmt::Write as _;

use comity_core::Finding;
use comity_core::digest::hex;
use comity_core::json::{Value, canonical, json};
use comity_core::package::{
    Bound, CONSISTENCY_ENDING, Findings, IntakeReport, LogFacts, PROOF_ENDING, PackageReport,
    ReceiptReport, Recording, Signer, StampReport, Witnessed,
};
use comity_core::policy::Attestation;
use comity_core::shown::escape_for_terminal;

use crate::against::Compared;
use crate::args::Args;
use crate::stamps::{self, Trust};
use crate::time::utc;

/// The first line when no keys were given from elsewhere.
const NOT_ANCHORED: &str =
    "CONSISTENT, NOT ANCHORED: compare this fingerprint with one you had from elsewhere";
const ANCHORED: &str = "VERIFIED: everything holds, and the log's keys are those that you gave";
const NOTHING_LATER: &str = "that nothing came later is the discloser's word";
const NOT_RECORDED: &str = "made, not recorded";

/// The result of a run.
pub enum Answer {
    /// Of a package.
    Package(Box<PackageReport>),
    /// Of a receipt, and of the comparison when there was one.
    Receipt(Box<ReceiptReport>, Option<Compared>),
    /// Of what could not be read as either.
    Unreadable(Vec<Finding>),
}

impl Answer {
    /// Whether nothing was found wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.count() == 0
    }

    /// Whether the log's keys came from elsewhere and verified the checkpoint.
    #[must_use]
    pub fn anchored(&self) -> bool {
        self.log().is_some_and(|log| log.anchored)
    }

    fn log(&self) -> Option<&LogFacts> {
        match self {
            Answer::Package(report) => report.log.as_ref(),
            Answer::Receipt(report, _) => report.log.as_ref(),
            Answer::Unreadable(_) => None,
        }
    }

    fn stamps(&self) -> &[StampReport] {
        match self {
            Answer::Package(report) => &report.stamps,
            Answer::Receipt(report, _) => &report.stamps,
            Answer::Unreadable(_) => &[],
        }
    }

    fn checked(&self) -> Option<&Findings> {
        match self {
            Answer::Package(report) => Some(&report.findings),
            Answer::Receipt(report, _) => Some(&report.findings),
            Answer::Unreadable(_) => None,
        }
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        let more: &[Finding] = match self {
            Answer::Unreadable(findings) => findings,
            Answer::Receipt(_, Some(compared)) => &compared.findings,
            _ => &[],
        };
        self.checked()
            .map_or(&[][..], Findings::list)
            .iter()
            .chain(more)
    }

    fn more(&self) -> u64 {
        self.checked().map_or(0, Findings::more)
    }

    fn count(&self) -> u64 {
        self.findings().count() as u64 + self.more()
    }
}

/// The answer for people.
#[must_use]
pub fn text(args: &Args, answer: &Answer, trust: &Trust) -> String {
    let mut out = String::new();
    let count = answer.count();
    let first = match count {
        0 if answer.anchored() => ANCHORED.to_owned(),
        0 => NOT_ANCHORED.to_owned(),
        1 => "FAILED: 1 thing is wrong".to_owned(),
        _ => format!("FAILED: {count} things are wrong"),
    };
    line(&mut out, &first);
    for finding in answer.findings() {
        let place = placed(args, &finding.place);
        line(
            &mut out,
            &format!("  {}", Finding::new(place, &*finding.what)),
        );
    }
    if answer.more() > 0 {
        line(&mut out, &format!("  and {} more", answer.more()));
    }
    if let Some(log) = answer.log() {
        let from = if log.anchored {
            ""
        } else {
            " (of the keys that came with it)"
        };
        line(
            &mut out,
            &format!("fingerprint{from}:\n  {}", log.keys.fingerprint_groups()),
        );
        for succeeded in &log.succeeded {
            line(&mut out, &escape_for_terminal(&succeeded.in_words()));
        }
    }
    match answer {
        Answer::Package(report) => package(&mut out, args, report),
        Answer::Receipt(report, compared) => receipt(&mut out, report, compared.as_ref()),
        Answer::Unreadable(_) => {}
    }
    let size = answer.log().map_or(0, |log| log.size);
    for stamp in answer.stamps() {
        for (i, text) in stamps::lines(stamp, size, trust).iter().enumerate() {
            field(&mut out, if i == 0 { "time stamp" } else { "" }, text);
        }
    }
    if args.require_anchor && !answer.anchored() {
        line(
            &mut out,
            "not anchored: give --keys FILE with keys that you had from elsewhere",
        );
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn field(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "{label:<11} {}", escape_for_terminal(text));
}

/// Who cosigned, and whether that is enough.
fn cosigned(attestation: &Attestation) -> String {
    let names: Vec<String> = attestation
        .seen
        .iter()
        .map(|seen| format!("{} ({})", seen.name, utc(seen.time_secs)))
        .collect();
    match (attestation.attested_secs, names.is_empty()) {
        (Some(since), _) => format!("attested since {} by {}", utc(since), names.join(", ")),
        (None, true) => "NOT YET ATTESTED: no witness has cosigned it".to_owned(),
        (None, false) => format!("NOT YET ATTESTED: cosigned by {} only", names.join(", ")),
    }
}

fn whose_policy(witnessed: &Witnessed) -> &'static str {
    if witnessed.anchored {
        "by the policy that you gave"
    } else {
        "by the centre's own policy, which came with it"
    }
}

fn attestation_json(attestation: &Attestation) -> Value {
    let by: Vec<Value> = attestation
        .seen
        .iter()
        .map(|seen| json!({"witness": seen.name, "at": utc(seen.time_secs)}))
        .collect();
    json!({"attested_at": attestation.attested_secs.map(utc), "by": by, "missing": attestation.missing})
}

fn log_line(out: &mut String, log: &LogFacts) {
    let text = format!(
        "{}, checkpoint of size {}, signed {} by its own word",
        log.keys.origin(),
        log.size,
        utc(log.time_secs)
    );
    field(out, "log", &text);
    if let Some(witnessed) = &log.witnessed {
        let text = cosigned(&witnessed.attestation);
        field(
            out,
            "witnesses",
            &format!("{text}; {}", whose_policy(witnessed)),
        );
    }
}

/// The place of a finding: the two files beside a package by their whole names, which the checks do not know.
fn placed(args: &Args, place: &str) -> String {
    if [PROOF_ENDING, CONSISTENCY_ENDING].contains(&place) {
        let (_, name) = crate::named(&args.path);
        format!("{}{place}", escape_for_terminal(&name))
    } else {
        place.to_owned()
    }
}

fn package(out: &mut String, args: &Args, report: &PackageReport) {
    if let Some(head) = &report.head {
        let to = head
            .recipient
            .as_ref()
            .map(|name| format!(" to “{name}”"))
            .unwrap_or_default();
        let text = format!(
            "case {} “{}”, disclosed{to} for “{}”",
            head.case, head.case_name, head.purpose
        );
        field(out, "package", &text);
    }
    let text = format!(
        "{}, with {} files of {} bytes",
        report.exhibits, report.files, report.bytes
    );
    field(out, "exhibits", &text);
    let withheld = match report.withheld {
        0 => "none withheld".to_owned(),
        count => format!("{count} of them withheld: their place is shown, not what they say"),
    };
    field(out, "events", &format!("{}, {withheld}", report.events));
    for (i, words) in report.erased.iter().enumerate() {
        let label = if i == 0 { "erased" } else { "" };
        field(out, label, &format!("{}: {}", words.0, words.1));
    }
    for (i, (signer, events)) in report.signers.iter().enumerate() {
        let label = if i == 0 { "signed" } else { "" };
        let text = format!("{events} by {}", whose(signer, report));
        field(out, label, &text);
    }
    for (i, intake) in report.intakes.iter().enumerate() {
        let label = if i == 0 { "intakes" } else { "" };
        field(out, label, &intake_text(intake, report));
    }
    if report.unbound > 0 && !report.intakes.is_empty() {
        let text = format!(
            "{} entries into other intakes: how these were closed is not shown",
            report.unbound
        );
        field(out, "", &text);
    }
    if let Some(log) = &report.log {
        log_line(out, log);
    }
    if let Some(recording) = &report.recording {
        field(out, "recording", &recorded(args, recording, report));
    }
    if let Some(digest) = &report.tagmanifest {
        field(
            out,
            "digest",
            &format!("{digest} (of tagmanifest-sha256.txt)"),
        );
    }
    for text in says(report) {
        field(out, "", &format!("- {text}"));
    }
}

fn recorded(args: &Args, recording: &Recording, report: &PackageReport) -> String {
    match recording {
        Recording::Recorded {
            index,
            size,
            time_secs,
            attestation,
            signer,
            proposer,
            ..
        } => format!(
            "recorded: its making stands at index {index} of the checkpoint of size {size}, signed {}{}{}{}",
            utc(*time_secs),
            signer.as_ref().map_or(String::new(), |s| format!(
                ", disclosed by {}",
                whose(s, report)
            )),
            proposer.as_ref().map_or(String::new(), |s| format!(
                ", as proposed by {}",
                whose(s, report)
            )),
            attestation
                .as_ref()
                .map_or(String::new(), |a| format!(", {}", cosigned(a)))
        ),
        Recording::NotRecorded { missing } => {
            let names: Vec<String> = missing.iter().map(|ending| placed(args, ending)).collect();
            format!(
                "{NOT_RECORDED}: {} not beside the package",
                names.join(" and ")
            )
        }
        Recording::Wrong => "wrong: see above".to_owned(),
    }
}

/// A person and the key that signed in their name.
fn signed_by(signer: &Signer) -> String {
    format!("{} with the key {}", signer.person, hex(&signer.key))
}

/// As [`signed_by`], and by which event the package shows that the key was registered.
fn whose(signer: &Signer, report: &PackageReport) -> String {
    let by = signed_by(signer);
    let member = signer
        .person
        .split_once("-P")
        .map_or("", |(member, _)| member);
    match (report.registered.get(signer), &report.log) {
        (Some(index), Some(log)) => format!(
            "{by}, registered to {} of {member} by event {index} (included at the checkpoint of size {})",
            signer.person, log.size
        ),
        _ => format!(
            "{by}; that this key is theirs is NOT SHOWN: the package has no record of the person (its program was older, or the desk of {member} kept its records locked), so ask {member} which keys {} registered",
            signer.person
        ),
    }
}

fn intake_text(intake: &IntakeReport, report: &PackageReport) -> String {
    let by = match &intake.signer {
        Some(signer) => format!("signed by {}", whose(signer, report)),
        None => "not signed by a person's key".to_owned(),
    };
    format!(
        "{}: {} of the {} entries with which it was closed (event {}) are in this package; {by}",
        intake.name, intake.shown, intake.items, intake.index
    )
}

fn signer_json(signer: &Signer) -> Value {
    json!({"person": signer.person, "key": hex(&signer.key)})
}

/// As [`signer_json`], with the event that registered the key.
fn whose_json(signer: &Signer, report: &PackageReport) -> Value {
    let registered = report.registered.get(signer);
    json!({"person": signer.person, "key": hex(&signer.key), "registered": registered.copied()})
}

/// What the check of a package shows, and what it does not.
fn says(report: &PackageReport) -> Vec<String> {
    let mut says = Vec::new();
    if report.findings.is_empty() {
        says.push(
            "it proves that these bytes are those that were recorded under these numbers, and that \
             each chain is whole up to the checkpoint"
                .to_owned(),
        );
    }
    match &report.scan {
        Some(scan) => says.push(format!(
            "the log of {} leaves holds no other leaf of these exhibits at the package's checkpoint; \
             {} came after it, the disclosure's own among them",
            scan.size, scan.later
        )),
        None => says.push(format!("{NOTHING_LATER}: --log checks it")),
    }
    if !report.log.as_ref().is_some_and(|log| log.anchored) {
        says.push("whose log this is: compare the fingerprint, or give --keys".to_owned());
    }
    let recorded = matches!(
        &report.recording,
        Some(Recording::Recorded {
            signer: Some(_),
            ..
        })
    );
    if recorded || !report.signers.is_empty() {
        says.push(
            "whose a signing key is: compare it with one that the person, or the person's member, gave you".to_owned(),
        );
    }
    says.push("items outside the selection are outside the proof".to_owned());
    says.push("that what was recorded is true is not for a program to prove".to_owned());
    says.push("index.html proves nothing; this check does".to_owned());
    says
}

/// What the closing of an intake says of its items.
fn bound_text(bound: &Bound) -> String {
    let by = match &bound.signer {
        Some(signer) => format!("signed by {}", signed_by(signer)),
        None => "not signed by a person's key".to_owned(),
    };
    format!(
        "the event that closed the intake (leaf {}) names these {} events and no others; {by}",
        bound.index, bound.events
    )
}

fn receipt(out: &mut String, report: &ReceiptReport, compared: Option<&Compared>) {
    if let Some(head) = &report.head {
        let text = format!(
            "intake {} of {}, case {} “{}”, from “{}”",
            head.intake, head.member, head.case, head.case_name, head.source
        );
        field(out, "receipt", &text);
        let text = format!(
            "{} received, {} delivered again, {} bytes",
            head.received, head.again, head.bytes
        );
        field(out, "items", &text);
        if let Some(differences) = &head.differences {
            let text = format!(
                "your manifest: {} missing, {} extra, {} different",
                differences.missing, differences.extra, differences.different
            );
            field(out, "", &text);
        }
    }
    if let Some(log) = &report.log {
        log_line(out, log);
    }
    if let Some(bound) = &report.bound {
        field(out, "bound", &bound_text(bound));
    }
    if let Some(digest) = &report.manifest {
        field(
            out,
            "manifest",
            &format!("{digest} (compare with the signed page)"),
        );
    }
    if let Some(compared) = compared {
        let mut text = format!(
            "{} files are as recorded, {} have no digest on the receipt",
            compared.same, compared.without_digest
        );
        if compared.elsewhere > 0 {
            text.push_str(&format!(
                ", {} lay elsewhere and were not compared",
                compared.elsewhere
            ));
        }
        field(out, "compared", &text);
    }
    field(
        out,
        "",
        "- index.html proves nothing; this check, and the signatures on the page, do",
    );
}

/// The answer in JSON, one line.
#[must_use]
pub fn json(args: &Args, answer: &Answer, trust: &Trust) -> String {
    let verdict = match (answer.holds(), answer.anchored()) {
        (false, _) => "failed",
        (true, true) => "verified",
        (true, false) => "consistent, not anchored",
    };
    let findings: Vec<Value> = answer
        .findings()
        .map(|finding| json!({"place": placed(args, &finding.place), "what": finding.what}))
        .collect();
    let mut value = json!({
        "path": args.path.display().to_string(),
        "verdict": verdict,
        "anchored": answer.anchored(),
        "findings": findings,
        "stamps": stamps::json_of(answer.stamps(), trust),
        "more_findings": answer.more(),
        "log": answer.log().map(|log| json!({
            "origin": log.keys.origin(),
            "fingerprint": log.keys.fingerprint().to_string(),
            "succeeded": log.succeeded.iter().map(|s| json!({"size": s.says.size, "what": s.in_words()})).collect::<Vec<_>>(),
            "size": log.size,
            "root": log.root.to_string(),
            "signed_at": utc(log.time_secs),
            "witnesses": log.witnessed.as_ref().map(|w| attestation_json(&w.attestation)),
            "policy": log.witnessed.as_ref().map(whose_policy),
        })),
    });
    let Value::Object(members) = &mut value else {
        return String::new();
    };
    match answer {
        Answer::Package(report) => {
            members.insert("kind".to_owned(), json!("package"));
            members.insert("package".to_owned(), package_json(args, report));
        }
        Answer::Receipt(report, compared) => {
            members.insert("kind".to_owned(), json!("receipt"));
            members.insert(
                "receipt".to_owned(),
                receipt_json(report, compared.as_ref()),
            );
        }
        Answer::Unreadable(_) => {
            members.insert("kind".to_owned(), Value::Null);
        }
    }
    canonical(&value)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

fn package_json(args: &Args, report: &PackageReport) -> Value {
    let recording = report.recording.as_ref().map(|recording| match recording {
        Recording::Recorded {
            index,
            size,
            root,
            time_secs,
            attestation,
            signer,
            proposer,
        } => json!({
            "state": "recorded", "index": index, "size": size, "root": root.to_string(),
            "signed_at": utc(*time_secs),
            "witnesses": attestation.as_ref().map(attestation_json),
            "proposed": proposer.as_ref().map(|s| whose_json(s, report)),
            "signed": signer.as_ref().map(|s| whose_json(s, report)),
        }),
        Recording::NotRecorded { missing } => {
            let missing: Vec<_> = missing.iter().map(|ending| placed(args, ending)).collect();
            json!({"state": NOT_RECORDED, "missing": missing})
        }
        Recording::Wrong => json!({"state": "wrong"}),
    });
    let erased: Vec<Value> = report
        .erased
        .iter()
        .map(|(ern, words)| json!({"ern": ern.to_string(), "what": words}))
        .collect();
    let signed: Vec<Value> = report
        .signers
        .iter()
        .map(|(signer, events)| json!({"by": whose_json(signer, report), "events": events}))
        .collect();
    let intakes: Vec<Value> = report
        .intakes
        .iter()
        .map(|intake| {
            json!({
                "intake": intake.name, "items": intake.items, "closed": intake.index, "shown": intake.shown,
                "signed": intake.signer.as_ref().map(|s| whose_json(s, report)),
            })
        })
        .collect();
    json!({
        "exhibits": report.exhibits,
        "events": report.events,
        "withheld": report.withheld,
        "erased": erased,
        "signed": signed,
        "intakes": intakes,
        "unbound": report.unbound,
        "files": report.files,
        "bytes": report.bytes,
        "tagmanifest_sha256": report.tagmanifest.map(|digest| digest.to_string()),
        "recording": recording,
        "scan": report.scan.map(|scan| json!({"size": scan.size, "later": scan.later})),
        "says": says(report),
        "case": report.head.as_ref().map(|head| head.case.clone()),
        "purpose": report.head.as_ref().map(|head| head.purpose.clone()),
        "recipient": report.head.as_ref().and_then(|head| head.recipient.clone()),
    })
}

fn receipt_json(report: &ReceiptReport, compared: Option<&Compared>) -> Value {
    json!({
        "bound": report.bound.as_ref().map(|bound| json!({
            "events": bound.events, "leaf": bound.index, "signed": bound.signer.as_ref().map(signer_json),
        })),
        "lines": report.lines,
        "manifest_sha256": report.manifest.map(|digest| digest.to_string()),
        "received": report.head.as_ref().map(|head| head.received),
        "again": report.head.as_ref().map(|head| head.again),
        "intake": report.head.as_ref().map(|head| head.intake),
        "member": report.head.as_ref().map(|head| head.member.clone()),
        "against": compared.map(|compared| json!({
            "same": compared.same,
            "without_digest": compared.without_digest,
            "elsewhere": compared.elsewhere,
        })),
    })
}
