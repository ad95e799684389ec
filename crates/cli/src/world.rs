//! Opening the centre that a command speaks of, and saying why a command failed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use comity_app::event::Actor;
use comity_app::person_key::PersonKey;
use comity_app::{Ambient, AppError, Centre, OpenedBy};
use comity_core::Finding;
use comity_core::shown::escape_for_terminal;
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::Global;
use crate::passphrase;

/// Why a command ends with another code than 0.
pub enum Failure {
    /// Used wrongly: 2.
    Usage(String),
    /// Something was found wrong, or could not be done: 1.
    Wrong(String),
    /// Several things were found wrong with what is named first: 1.
    Several(String, Vec<Finding>),
    /// Something was found wrong and has been said already: 1.
    Said,
    /// A command that was run ended with this code, and has said why.
    Ended(u8),
}

impl From<AppError> for Failure {
    fn from(e: AppError) -> Self {
        match e {
            AppError::Findings { what, findings } => Failure::Several(what, findings),
            e if e.is_usage() => Failure::Usage(e.to_string()),
            e => Failure::Wrong(e.to_string()),
        }
    }
}

impl Failure {
    /// What a person is told.
    pub fn sentence(self) -> String {
        match self {
            Failure::Usage(s) | Failure::Wrong(s) | Failure::Several(s, _) => s,
            Failure::Said | Failure::Ended(_) => String::new(),
        }
    }

    /// Tells the person and gives the exit code.
    pub fn report(self, as_json: bool) -> ExitCode {
        let (code, sentence, findings) = match self {
            Failure::Usage(s) => (2, s, Vec::new()),
            Failure::Wrong(s) => (1, s, Vec::new()),
            Failure::Several(s, findings) => (1, s, findings),
            Failure::Said => return ExitCode::from(1),
            Failure::Ended(code) => return ExitCode::from(code),
        };
        if as_json {
            let mut said = json!({ "error": sentence });
            if !findings.is_empty() {
                let list = findings
                    .iter()
                    .map(|f| json!({ "place": f.place, "what": f.what }));
                said["findings"] = list.collect();
            }
            let _ = writeln!(std::io::stdout(), "{said}");
        }
        let _ = writeln!(
            std::io::stderr(),
            "comity: {}",
            escape_for_terminal(&sentence)
        );
        for finding in findings {
            let line = escape_for_terminal(&finding.to_string());
            let _ = writeln!(std::io::stderr(), "  {line}");
        }
        ExitCode::from(code)
    }
}

/// The folder of the centre.
pub fn folder(global: &Global) -> Result<PathBuf, Failure> {
    global.centre.clone().ok_or_else(|| {
        Failure::Usage(
            "which centre? give its folder with --centre DIR, or set COMITY_CENTRE".to_owned(),
        )
    })
}

/// Opens the centre; what an interrupted run left is finished and said.
pub fn open(global: &Global) -> Result<Centre, Failure> {
    open_with(global, |dir, by| Centre::open(dir, by, Ambient::system()))
}

/// As [`open`], for who brings a mirror that missed something up to date next.
pub fn open_before_mirror(global: &Global) -> Result<Centre, Failure> {
    open_with(global, |dir, by| {
        Centre::open_before_mirror(dir, by, Ambient::system())
    })
}

fn open_with(
    global: &Global,
    open: impl FnOnce(&Path, OpenedBy<'_>) -> comity_app::Result<Centre>,
) -> Result<Centre, Failure> {
    let dir = folder(global)?;
    if !dir.join(comity_app::centre::config::FILE).exists() {
        return Err(Failure::Usage(format!(
            "there is no centre in {}: make one with `comity init`, or name another with --centre",
            dir.display()
        )));
    }
    writable(&dir)?;
    let centre = open(&dir, passphrase::get(global)?.by())?;
    crate::attest::remember(&centre);
    for sentence in &centre.recovered {
        let _ = writeln!(
            std::io::stderr(),
            "comity: recovered: {}",
            escape_for_terminal(sentence)
        );
    }
    Ok(centre)
}

/// Refuses a centre that cannot be written to before anything in it is mistaken for damage: a read-only mount, or
/// another account's folder. Every verb but `verify` finishes what an interrupted run left, so it writes.
pub fn writable(dir: &Path) -> Result<(), Failure> {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let lock = dir.join(comity_app::centre::LOCK_FILE);
    match std::fs::OpenOptions::new().write(true).open(&lock) {
        Err(e) if matches!(e.kind(), PermissionDenied | ReadOnlyFilesystem) => {
            Err(Failure::Usage(format!(
                "the centre in {} cannot be written to ({e}): work with an account that may, on a disk that is not mounted read-only; `comity verify` checks a copy that cannot be written to",
                dir.display()
            )))
        }
        _ => Ok(()),
    }
}

/// Refuses a verb that records when nobody acts. Asked before the passphrase, so that nothing is typed in vain.
pub fn actor_given(global: &Global) -> Result<&str, Failure> {
    match global.actor.as_deref().map(str::trim) {
        Some(given) if !given.is_empty() => Ok(given),
        _ => Err(Failure::Usage(
            "who acts? this verb records an event, and every event has an actor: give --actor PERSON, or set COMITY_ACTOR".to_owned(),
        )),
    }
}

/// The registered person who acts.
pub fn actor(global: &Global, centre: &Centre) -> Result<Actor, Failure> {
    let mut actor = centre.actor(&mut centre.session()?, actor_given(global)?)?;
    actor.key = key(global)?.map(Arc::new);
    Ok(actor)
}

/// The key that whoever acts has brought.
pub fn key(global: &Global) -> Result<Option<PersonKey>, Failure> {
    let Some(file) = &global.key else {
        return Ok(None);
    };
    let bytes = std::fs::read(file).map_err(|e| {
        Failure::Usage(format!(
            "the key file {} cannot be read: {e}",
            file.display()
        ))
    })?;
    let passphrase = || passphrase::of_key(file).map_err(|f| AppError::Usage(f.sentence()));
    Ok(Some(PersonKey::read(&Zeroizing::new(bytes), &passphrase)?))
}
