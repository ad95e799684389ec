//! `comity ledger policy` and `comity ledger attest`, and what verbs say of attestation.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;
use comity_app::ambient::time_text;
use comity_app::attest::{Attester, DEFAULT_WARN_AFTER_SECS, Outcome, Status};
use comity_app::event::Actor;
use comity_app::mirror::Mirror;
use comity_app::{AppError, Centre};
use comity_core::policy::Attestation;
use comity_core::shown::escape_for_terminal;
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, columns, counted};
use crate::proposal::waits;
use crate::world::{Failure, actor, actor_given, open};

/// So long the end of a command waits for witnesses that are being asked.
const GRACE: Duration = Duration::from_millis(1500);

#[derive(Args)]
pub struct PolicyArgs {
    /// A tlog-policy file to set; without one the present policy is shown
    pub file: Option<PathBuf>,
    /// Warn when the last attestation is older than this
    #[arg(long, default_value_t = DEFAULT_WARN_AFTER_SECS, value_name = "SECONDS")]
    pub warn_after: u64,
}

#[derive(Args)]
pub struct AttestArgs {
    /// Go on, once an hour
    #[arg(long, conflicts_with = "newest_copy")]
    pub watch: bool,
    /// Seconds between two rounds of --watch
    #[arg(
        long,
        default_value_t = 3600,
        value_name = "SECONDS",
        requires = "watch"
    )]
    pub every: u64,
    /// Say that no newer copy of this centre exists, where no witness answers that could tell
    #[arg(long)]
    pub newest_copy: bool,
}

/// Waits for witnesses: `--attested[=SECONDS]`.
#[derive(Args)]
pub struct AttestedArgs {
    /// Wait for the quorum of witnesses, so many seconds at most (60, unless said); without it papers say 'not yet attested'
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "60")]
    pub attested: Option<u64>,
}

impl AttestedArgs {
    /// Papers of this centre wait, if asked to.
    pub fn apply(&self, centre: &Centre) -> Result<(), Failure> {
        let Some(seconds) = self.attested else {
            return Ok(());
        };
        let asks = centre
            .attestation()?
            .setting
            .is_some_and(|s| s.policy.asks_for_witnesses());
        if !asks {
            return Err(Failure::Usage(
                "--attested waits for witnesses, and this centre's policy names none: set one with `comity ledger policy FILE`".to_owned(),
            ));
        }
        centre.wait_for_attestation(Duration::from_secs(seconds));
        Ok(())
    }
}

/// What became of a checkpoint, for the answer of a verb that makes a paper; `None` where there is no policy.
pub fn say_of(centre: &Centre, size: u64) -> Result<Option<(Value, String)>, Failure> {
    let asks = centre
        .attestation()?
        .setting
        .is_some_and(|s| s.policy.asks_for_witnesses());
    if !asks {
        return Ok(None);
    }
    let found = centre.attestation_of(size)?;
    Ok(Some((json_of(size, &found), words(size, &found))))
}

fn json_of(size: u64, found: &Attestation) -> Value {
    let by: Vec<Value> = found
        .seen
        .iter()
        .map(|s| json!({ "witness": s.name, "at": seconds(s.time_secs) }))
        .collect();
    json!({ "checkpoint": size, "attested_at": found.attested_secs.map(seconds), "by": by, "missing": found.missing })
}

fn words(size: u64, found: &Attestation) -> String {
    let names: Vec<&str> = found.seen.iter().map(|s| s.name.as_str()).collect();
    match found.attested_secs {
        Some(at) => format!(
            "Attested     checkpoint {size}, by {} ({})",
            names.join(", "),
            seconds(at)
        ),
        None if names.is_empty() => {
            format!("NOT YET ATTESTED: no witness has cosigned checkpoint {size}")
        }
        None => format!(
            "NOT YET ATTESTED: checkpoint {size} is cosigned by {} only",
            names.join(", ")
        ),
    }
}

fn seconds(at: u64) -> String {
    time_text(
        i64::try_from(at)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000),
    )
}

pub fn policy(global: &Global, args: &PolicyArgs) -> Result<(), Failure> {
    let Some(file) = &args.file else {
        let centre = open(global)?;
        let setting = centre.witness_policy(&mut centre.session().map_err(Failure::from)?)?;
        return match setting {
            None => answer(
                global,
                &Value::Null,
                &[
                    "No policy is set: no witness is asked. `comity ledger policy FILE` sets one."
                        .to_owned(),
                ],
            ),
            Some(s) => {
                let text = s.policy.to_string();
                let json =
                    json!({ "policy": text, "leaf": s.leaf, "warn_after": s.warn_after_secs });
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                answer(global, &json, &lines)
            }
        };
    };
    actor_given(global)?;
    let text = std::fs::read_to_string(file).map_err(|e| Failure::from(AppError::io(file, e)))?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let act = centre.witnesses_act(&text, args.warn_after)?;
    if waits(global, &centre, &actor, &act)? {
        return Ok(());
    }
    set_policy(global, &centre, &actor, &text, args.warn_after)
}

/// Sets the policy, and says so.
pub fn set_policy(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    text: &str,
    warn_after: u64,
) -> Result<(), Failure> {
    let (setting, at) = centre.set_witness_policy(actor, text, warn_after)?;
    let policy = &setting.policy;
    let line = format!(
        "The policy is set (leaf {}): {}, quorum {}.",
        at.index,
        counted(policy.submission_urls().len() as u64, "witness URL"),
        policy.quorum_name()
    );
    let json =
        json!({ "leaf": at.index, "policy": policy.to_string(), "quorum": policy.quorum_name() });
    answer(global, &json, &[line])
}

pub fn attest(global: &Global, args: &AttestArgs) -> Result<(), Failure> {
    let centre = open(global)?;
    if args.newest_copy {
        centre.vouch_for_this_copy()?;
        let line = "Noted: this is the newest copy. The next commands sign again.".to_owned();
        return answer(global, &json!({ "newest_copy": true }), &[line]);
    }
    loop {
        let done = round(global, &centre);
        if !args.watch {
            return done;
        }
        if let Err(failure) = done {
            // The watch goes on: a witness that is away may be back in an hour.
            let _ = failure.report(global.json);
        }
        std::thread::sleep(Duration::from_secs(args.every.max(1)));
        centre.refresh()?;
    }
}

fn round(global: &Global, centre: &Centre) -> Result<(), Failure> {
    let asked = centre.attest()?;
    let status = centre.attestation()?;
    if asked.is_empty() {
        return Err(Failure::Usage(
            "no witness is asked: set a policy with `comity ledger policy FILE`".to_owned(),
        ));
    }
    let mut rows = Vec::new();
    let mut list = Vec::new();
    for one in &asked {
        let said = outcome(&one.outcome);
        list.push(json!({ "witness": one.name, "url": one.url, "cosigned": one.outcome == Outcome::Cosigned, "answer": said }));
        rows.push(vec![one.name.clone(), said]);
    }
    let mut lines = columns(&rows);
    lines.extend(status_lines(&status));
    lines.extend(status.warning());
    answer(
        global,
        &json!({ "answers": list, "attestation": status_json(&status) }),
        &lines,
    )?;
    if asked.iter().any(|a| a.outcome.is_alarming()) || status.warning().is_some() {
        return Err(Failure::Said);
    }
    Ok(())
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Cosigned => "cosigned".to_owned(),
        Outcome::Ahead { size, proved } => format!(
            "REFUSED: it cosigned {} before{}",
            counted(*size, "event"),
            if *proved {
                ", and shows them with this log's signatures"
            } else {
                ", by its own word"
            }
        ),
        Outcome::Contradicts { size, .. } => format!(
            "REFUSED: it holds another history of {} with this log's signatures",
            counted(*size, "event")
        ),
        Outcome::Refused(reason) => format!("refused: {reason}"),
        Outcome::Unreachable(what) => format!("did not answer: {what}"),
    }
}

/// The lines of `ledger status` about witnesses.
pub fn status_lines(status: &Status) -> Vec<String> {
    let Some(setting) = &status.setting else {
        return vec!["Witnesses    none: no policy is set".to_owned()];
    };
    let mut lines = Vec::new();
    match (&status.attested, status.age_secs) {
        (Some(c), Some(age)) => {
            let names: Vec<&str> = c.attestation.seen.iter().map(|s| s.name.as_str()).collect();
            let size = c.checkpoint.size();
            lines.push(format!(
                "Attested     {} by {} ({})",
                counted(size, "event"),
                names.join(", "),
                crate::ledger::ago(age)
            ));
        }
        _ if setting.policy.asks_for_witnesses() => {
            lines.push(
                "Attested     NOTHING YET: the quorum has not cosigned any checkpoint".to_owned(),
            );
        }
        _ => lines.push("Attested     not asked for: the policy says quorum none".to_owned()),
    }
    for w in &status.witnesses {
        let last = match w.last {
            Some((size, at)) => format!("{}, {}", counted(size, "event"), seconds(at)),
            None => "nothing yet".to_owned(),
        };
        lines.push(format!("  {:<20} {last}", w.name));
    }
    lines
}

pub fn status_json(status: &Status) -> Value {
    let witnesses: Vec<Value> = status
        .witnesses
        .iter()
        .map(|w| {
            json!({
                "witness": w.name, "url": w.url, "size": w.last.map(|(size, _)| size),
                "at": w.last.map(|(_, at)| seconds(at)),
            })
        })
        .collect();
    json!({
        "quorum": status.setting.as_ref().map(|s| s.policy.quorum_name().to_owned()),
        "attested": status.attested.as_ref().map(|c| c.checkpoint.size()),
        "age_seconds": status.age_secs, "witnesses": witnesses,
    })
}

/// What is asked at the end of a command: who shows the log to witnesses, and the mirror.
type Opened = (Attester, Option<Mirror>);

static OPENED: Mutex<Option<Opened>> = Mutex::new(None);

fn opened() -> MutexGuard<'static, Option<Opened>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers the centre that this command opened.
pub fn remember(centre: &Centre) {
    *opened() = Some((centre.attester.clone(), centre.mirror.clone()));
}

/// The end of a command: a short wait for the witnesses that are being asked, and the warning if one is due.
pub fn farewell() {
    // Taken, so that what the centre has open ends with the command.
    let Some((attester, mirror)) = opened().take() else {
        return;
    };
    if let Some(mirror) = mirror {
        crate::mirror::farewell(&mirror);
    }
    if !attester.has_published() {
        return;
    }
    attester.settle(GRACE);
    for one in attester
        .last_answers()
        .iter()
        .filter(|a| a.outcome.is_alarming())
    {
        let _ = writeln!(
            std::io::stderr(),
            "comity: WARNING: the witness {} does not cosign: {}. Look at it with `comity ledger attest` before anything else is recorded.",
            escape_for_terminal(&one.name),
            escape_for_terminal(&outcome(&one.outcome))
        );
    }
    if let Some(warning) = attester.status().ok().and_then(|s| s.warning()) {
        let _ = writeln!(
            std::io::stderr(),
            "comity: {}",
            escape_for_terminal(&warning)
        );
    }
}
