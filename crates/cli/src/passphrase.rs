//! What opens the keyring: shares that `comity keys open` gathered, a file of shares, or the passphrase from the
//! environment, from a file, or typed; and the keys of members' desks.

use std::io::{IsTerminal, Write, stdin};
use std::path::PathBuf;

use comity_app::OpenedBy;
use comity_app::keyring::slip39::Gathering;
use comity_app::keyring::{DeskKey, Means, SharesKey};
use zeroize::Zeroizing;

use crate::args::Global;
use crate::opened;
use crate::shares;
use crate::world::Failure;

/// Six words have more.
const SHORT_CHARACTERS: usize = 20;

/// What opens a centre.
pub struct Opening {
    means: Owned,
    desks: Vec<DeskKey>,
}

enum Owned {
    Passphrase(Zeroizing<String>),
    Shares(SharesKey),
    Gathered(Gathering),
}

impl Opening {
    /// As the centre takes it.
    pub fn by(&self) -> OpenedBy<'_> {
        OpenedBy {
            means: match &self.means {
                Owned::Passphrase(passphrase) => Means::Passphrase(passphrase),
                Owned::Shares(key) => Means::Shares(key),
                Owned::Gathered(shares) => Means::Gathered(shares),
            },
            desks: &self.desks,
        }
    }

    /// With shares that were gathered just now.
    pub fn gathered(global: &Global, shares: Gathering) -> Result<Opening, Failure> {
        Ok(Opening {
            means: Owned::Gathered(shares),
            desks: desks(global)?,
        })
    }
}

fn from_environment(variable: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Ok(given) = std::env::var(variable) {
        return Ok(Some(Zeroizing::new(given)));
    }
    let Some(file) = std::env::var_os(format!("{variable}_FILE")) else {
        return Ok(None);
    };
    let file = PathBuf::from(file);
    let text = Zeroizing::new(std::fs::read_to_string(&file).map_err(|e| {
        Failure::Usage(format!(
            "the passphrase file {} cannot be read: {e}",
            file.display()
        ))
    })?);
    Ok(Some(Zeroizing::new(
        text.strip_suffix('\n')
            .map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t))
            .to_owned(),
    )))
}

fn typed(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(
            "the keyring needs its passphrase: set COMITY_PASSPHRASE or COMITY_PASSPHRASE_FILE, or run this in a terminal; a keyring that was shared is opened by `comity keys open`".to_owned(),
        ));
    }
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|e| Failure::Usage(format!("the passphrase could not be read: {e}")))
}

/// The keys of desks that were brought.
pub fn desks(global: &Global) -> Result<Vec<DeskKey>, Failure> {
    let read = |file: &PathBuf| shares::desk_key(file).map(|(_, key)| key);
    global.desk_keys.iter().map(read).collect()
}

/// The passphrase of a person's key file.
pub fn of_key(file: &std::path::Path) -> Result<Zeroizing<String>, Failure> {
    if let Ok(given) = std::env::var("COMITY_KEY_PASSPHRASE") {
        return Ok(Zeroizing::new(given));
    }
    if !stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "the key file {} is encrypted: set COMITY_KEY_PASSPHRASE, or run this in a terminal",
            file.display()
        )));
    }
    rpassword::prompt_password(format!("Passphrase of {}: ", file.display()))
        .map(Zeroizing::new)
        .map_err(|e| Failure::Usage(format!("the passphrase could not be read: {e}")))
}

/// What opens a centre that is there.
pub fn get(global: &Global) -> Result<Opening, Failure> {
    let means = if let Some(key) = opened::inherited()? {
        Owned::Shares(key)
    } else if let Some(files) = std::env::var_os("COMITY_SHARES_FILE") {
        Owned::Gathered(shares::of_files(&files)?)
    } else {
        Owned::Passphrase(match from_environment("COMITY_PASSPHRASE")? {
            Some(given) => given,
            None => typed("Passphrase: ")?,
        })
    };
    Ok(Opening {
        means,
        desks: desks(global)?,
    })
}

/// A new passphrase from `variable`; typed, it is asked for twice.
pub fn new(variable: &str) -> Result<Zeroizing<String>, Failure> {
    let given = match from_environment(variable)? {
        Some(given) => given,
        None => {
            let first = typed("New passphrase: ")?;
            if typed("The same again: ")? != first {
                return Err(Failure::Usage(
                    "the two were not the same; nothing was made".to_owned(),
                ));
            }
            first
        }
    };
    if given.is_empty() {
        return Err(Failure::Usage(
            "an empty passphrase would protect nothing".to_owned(),
        ));
    }
    if given.chars().count() < SHORT_CHARACTERS {
        let _ = writeln!(
            std::io::stderr(),
            "comity: this passphrase is short, and everything hangs from it: take six or more random words for anything but a trial"
        );
    }
    Ok(given)
}
