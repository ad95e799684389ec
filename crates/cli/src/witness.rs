//! `comity witness`: a witness of the logs of others, for a member to run anywhere.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use comity_app::Ambient;
use comity_app::ambient::time_text;
use comity_app::audit::{self, Report, Source, audit};
use comity_core::checkpoint::LogKeys;
use comity_core::digest::Digest;
use comity_core::policy::Policy;
use comity_witness::{Limits, Rate, Server, Witness, WitnessError};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, counted};
use crate::world::Failure;

#[derive(Args)]
pub struct WitnessArgs {
    #[command(subcommand)]
    pub verb: WitnessVerb,
}

#[derive(Subcommand)]
pub enum WitnessVerb {
    /// Make a witness: its keys, and the lines for the policies of others
    Init {
        /// A new or empty folder
        dir: PathBuf,
        /// Its name, such as witness.example.org/aster; it is signed, and stays
        #[arg(long)]
        name: String,
    },
    /// Follow a log from now on
    AddLog {
        /// The witness's folder
        dir: PathBuf,
        /// The log's key file, as a centre hands it over
        keys: PathBuf,
    },
    /// Answer centres and whoever asks what was seen
    Serve(ServeArgs),
    /// Compare what this witness saw with what the log and other witnesses show
    Audit(AuditArgs),
}

#[derive(Args)]
pub struct ServeArgs {
    /// The witness's folder
    pub dir: PathBuf,
    /// Address and port; TLS is a reverse proxy's matter
    #[arg(long, default_value = "127.0.0.1:8088", value_name = "ADDRESS:PORT")]
    pub listen: String,
    /// Requests a second that one address may make; 0 for no limit (behind a proxy all have one address)
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub rate: u32,
}

#[derive(Args)]
pub struct AuditArgs {
    /// The witness's folder
    pub dir: PathBuf,
    /// The log: an exported tree, its URL, or a centre's folder
    #[arg(long, value_name = "DIR|URL")]
    pub log: Option<String>,
    /// Which log, where the witness follows several
    #[arg(long)]
    pub origin: Option<String>,
    /// Another witness's monitoring prefix; once for each
    #[arg(long = "peer", value_name = "URL")]
    pub peers: Vec<String>,
    /// A log that was not cosigned for so many seconds has stopped
    #[arg(long, default_value_t = 3 * 3600, value_name = "SECONDS")]
    pub stopped_after: u64,
    /// Where evidence is written
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub evidence: PathBuf,
}

impl From<WitnessError> for Failure {
    fn from(e: WitnessError) -> Self {
        match e {
            WitnessError::Usage(what) => Failure::Usage(what),
            e => Failure::Wrong(e.to_string()),
        }
    }
}

pub fn run(global: &Global, args: &WitnessArgs) -> Result<(), Failure> {
    match &args.verb {
        WitnessVerb::Init { dir, name } => init(global, dir, name),
        WitnessVerb::AddLog { dir, keys } => add_log(global, dir, keys),
        WitnessVerb::Serve(args) => serve(global, args),
        WitnessVerb::Audit(args) => audit_all(global, args),
    }
}

fn open(dir: &Path) -> Result<Witness, Failure> {
    Ok(Witness::open(dir, Ambient::system().disk)?)
}

fn init(global: &Global, dir: &Path, name: &str) -> Result<(), Failure> {
    let ambient = Ambient::system();
    let (first, second) = (ambient.bytes::<32>(), ambient.bytes::<32>());
    let witness = Witness::create(dir, ambient.disk, name, [&first, &second])?;
    let vkeys = witness.cosigner().vkeys();
    let mut lines = vec![
        format!("The witness {name} is in {}.", dir.display()),
        "For the policies of centres, with the URL under which it will be reached:".to_owned(),
    ];
    for (vkey, ending) in vkeys.iter().zip(["ed25519", "ml-dsa-44"]) {
        lines.push(format!("witness {name}-{ending} {vkey} https://…"));
    }
    lines.push(format!("group {name} all {name}-ed25519 {name}-ml-dsa-44"));
    lines.push(format!(
        "(the two witness lines are in {} too)",
        dir.join("keys").display()
    ));
    let vkeys: Vec<String> = vkeys.iter().map(ToString::to_string).collect();
    answer(
        global,
        &json!({ "dir": dir.display().to_string(), "name": name, "vkeys": vkeys }),
        &lines,
    )
}

fn add_log(global: &Global, dir: &Path, keys: &Path) -> Result<(), Failure> {
    let witness = open(dir)?;
    let wrong = |e: &dyn std::fmt::Display| Failure::Usage(format!("{}: {e}", keys.display()));
    let bytes = std::fs::read(keys).map_err(|e| wrong(&e))?;
    let policy = Policy::parse(&bytes).map_err(|e| wrong(&e))?;
    let vkeys: Vec<_> = policy.logs().iter().map(|l| l.vkey.clone()).collect();
    match LogKeys::parse(&bytes) {
        Ok(keys) if !keys.chain().statements().is_empty() => witness.follow_succession(&keys)?,
        _ => witness.follow(&vkeys)?,
    }
    let origin = vkeys.first().map_or("", |k| k.name());
    let line = format!(
        "{} follows {origin} from now on, with {}.",
        witness.cosigner().name(),
        counted(vkeys.len() as u64, "key")
    );
    answer(
        global,
        &json!({ "origin": origin, "keys": vkeys.len() }),
        &[line],
    )
}

fn serve(global: &Global, args: &ServeArgs) -> Result<(), Failure> {
    let witness = open(&args.dir)?;
    let (name, logs) = (witness.cosigner().name().to_owned(), witness.logs()?);
    let listener = TcpListener::bind(&args.listen)
        .map_err(|e| Failure::Wrong(format!("cannot listen on {}: {e}", args.listen)))?;
    let limits = Limits {
        rate: Rate {
            per_second: args.rate,
            burst: args.rate.saturating_mul(5),
        },
        ..Limits::default()
    };
    let clock = Ambient::system().clock;
    let clock = Arc::new(move || u64::try_from(clock.now_micros() / 1_000_000).unwrap_or(0));
    let server = Server::start(witness, listener, clock, limits)?;
    let url = format!("http://{}", server.address());
    let line = format!(
        "The witness {name} answers at {url}, for {}.",
        counted(logs.len() as u64, "log")
    );
    answer(
        global,
        &json!({ "name": name, "url": url, "logs": logs }),
        &[line],
    )?;
    server.wait();
    Ok(())
}

fn audit_all(global: &Global, args: &AuditArgs) -> Result<(), Failure> {
    let witness = open(&args.dir)?;
    let origins = match &args.origin {
        Some(origin) => vec![origin.clone()],
        None => witness.logs()?,
    };
    if args.log.is_some() && origins.len() > 1 {
        let what = "this witness follows several logs: say with --origin which one --log is";
        return Err(Failure::Usage(what.to_owned()));
    }
    let source = args.log.as_deref().map(Source::of);
    let now = Ambient::system().clock.now_micros() / 1_000_000;
    let request = audit::Request {
        log: source.as_ref(),
        peers: &args.peers,
        stopped_after_secs: args.stopped_after,
        now_secs: u64::try_from(now).unwrap_or(0),
    };
    let (mut lines, mut list, mut is_fine) = (Vec::new(), Vec::new(), true);
    for origin in origins {
        let report = audit(&witness, &origin, &request)?;
        let files = write_evidence(&args.evidence, &report)?;
        is_fine &= report.findings.is_empty();
        say(&report, &files, &mut lines);
        list.push(json_of(&report, &files));
    }
    answer(global, &json!(list), &lines)?;
    if is_fine { Ok(()) } else { Err(Failure::Said) }
}

fn write_evidence(dir: &Path, report: &Report) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for evidence in &report.evidence {
        let bytes = evidence.encode();
        // Named by what it holds: the same evidence is one file however often it is found.
        let name = Digest::of(&bytes).to_string();
        let file = dir.join(format!("{}.evidence", name.get(..16).unwrap_or_default()));
        std::fs::write(&file, &bytes)
            .map_err(|e| Failure::Wrong(format!("{}: {e}", file.display())))?;
        files.push(file);
    }
    Ok(files)
}

fn say(report: &Report, files: &[PathBuf], lines: &mut Vec<String>) {
    lines.push(format!("Log          {}", report.origin));
    if let Some((size, when)) = report.seen {
        let when = time_text(i64::try_from(when).unwrap_or(0).saturating_mul(1_000_000));
        lines.push(format!(
            "Seen here    {}, cosigned {when}",
            counted(size, "event")
        ));
    }
    if let Some(size) = report.shown {
        lines.push(format!("Shown now    {}", counted(size, "event")));
    }
    lines.extend(report.notes.iter().cloned());
    match report.findings.as_slice() {
        [] => lines.push("Nothing contradicts what this witness saw.".to_owned()),
        findings => lines.extend(findings.iter().map(|f| format!("WRONG: {f}"))),
    }
    for file in files {
        lines.push(format!(
            "Evidence     {} (two checkpoints with the log's signatures; comity-verify checks it anywhere)",
            file.display()
        ));
    }
}

fn json_of(report: &Report, files: &[PathBuf]) -> Value {
    let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    json!({
        "origin": report.origin, "seen": report.seen.map(|(size, at)| json!({ "size": size, "cosigned_at": at })),
        "shown": report.shown, "findings": report.findings, "notes": report.notes, "evidence": files,
    })
}
