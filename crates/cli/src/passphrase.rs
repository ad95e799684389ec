//! The passphrase: from the environment, from a file, or typed.

use std::io::{IsTerminal, Write, stdin};

use zeroize::Zeroizing;

use crate::world::Failure;

/// Six words have more.
const SHORT_CHARACTERS: usize = 20;

fn from_environment() -> Result<Option<String>, Failure> {
    if let Ok(given) = std::env::var("COMITY_PASSPHRASE") {
        return Ok(Some(given));
    }
    let Some(file) = std::env::var_os("COMITY_PASSPHRASE_FILE") else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&file).map_err(|e| {
        Failure::Usage(format!(
            "the passphrase file {} cannot be read: {e}",
            file.display()
        ))
    })?;
    Ok(Some(
        text.strip_suffix('\n')
            .map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t))
            .to_owned(),
    ))
}

fn typed(prompt: &str) -> Result<String, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(
            "the keyring needs its passphrase: set COMITY_PASSPHRASE or COMITY_PASSPHRASE_FILE, or run this in a terminal".to_owned(),
        ));
    }
    rpassword::prompt_password(prompt)
        .map_err(|e| Failure::Usage(format!("the passphrase could not be read: {e}")))
}

/// The passphrase of a centre that is there.
pub fn get() -> Result<String, Failure> {
    match from_environment()? {
        Some(given) => Ok(given),
        None => typed("Passphrase: "),
    }
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

/// A new passphrase; typed, it is asked for twice.
pub fn new() -> Result<String, Failure> {
    let given = match from_environment()? {
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
