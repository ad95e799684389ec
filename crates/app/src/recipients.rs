//! Keys of recipients: whom a package is encrypted to, with age (<https://age-encryption.org/v1>).

use std::io::{self, BufRead, Write};

use age::stream::StreamWriter;

use crate::error::{AppError, Result};

/// More lines than this are no list of recipients.
const MAX_RECIPIENTS: usize = 1000;

/// Recipients of one package.
pub struct Recipients {
    keys: Vec<String>,
    parsed: Vec<Box<dyn age::Recipient + Send + Sync>>,
}

impl std::fmt::Debug for Recipients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.keys).finish()
    }
}

impl Recipients {
    /// Reads what was given: each a key (`age1…`, `ssh-ed25519 …`, `ssh-rsa …`), or a file with one a line, where
    /// lines that begin with `#` are for people.
    pub fn parse(given: &[String]) -> Result<Recipients> {
        let mut all = Recipients {
            keys: Vec::new(),
            parsed: Vec::new(),
        };
        for word in given {
            if word.starts_with("age1") || word.starts_with("ssh-") {
                all.add(word, "--to")?;
                continue;
            }
            let file = std::fs::File::open(word).map_err(|e| {
                AppError::Usage(format!(
                    "--to {word:?} is neither a key (age1…, ssh-ed25519 …, ssh-rsa …) nor a file of keys that can be read: {e}"
                ))
            })?;
            let before = all.keys.len();
            for line in io::BufReader::new(file).lines() {
                let line = line.map_err(|e| AppError::io(word.as_ref(), e))?;
                let line = line.trim();
                if !line.is_empty() && !line.starts_with('#') {
                    all.add(line, word)?;
                }
            }
            if all.keys.len() == before {
                return Err(AppError::Usage(format!("there is no key in {word}")));
            }
        }
        Ok(all)
    }

    fn add(&mut self, key: &str, place: &str) -> Result<()> {
        let refused = |why: String| {
            let shown: String = key.chars().take(32).collect();
            AppError::Usage(format!("{place}: {shown:?} is no recipient: {why}"))
        };
        let (canonical, parsed): (String, Box<dyn age::Recipient + Send + Sync>) =
            if key.starts_with("age1") {
                let parsed: age::x25519::Recipient =
                    key.parse().map_err(|e: &str| refused(e.to_owned()))?;
                (parsed.to_string(), Box::new(parsed))
            } else {
                use age::ssh::ParseRecipientKeyError::{
                    Ignore, Invalid, RsaModulusTooLarge, RsaModulusTooSmall, Unsupported,
                };
                let parsed: age::ssh::Recipient = key.parse().map_err(|e| {
                    refused(match e {
                        Invalid(why) => why.to_owned(),
                        RsaModulusTooLarge => "its RSA key is too long".to_owned(),
                        RsaModulusTooSmall => "its RSA key has less than 2048 bits".to_owned(),
                        Unsupported(kind) => format!("keys of the kind {kind} cannot receive"),
                        Ignore => "keys of this kind cannot receive".to_owned(),
                        _ => "it cannot be read".to_owned(),
                    })
                })?;
                (parsed.to_string(), Box::new(parsed))
            };
        // The comment behind an SSH key is not kept: it tells more of a person than the record needs.
        if !self.keys.contains(&canonical) {
            self.keys.push(canonical);
            self.parsed.push(parsed);
        }
        if self.keys.len() > MAX_RECIPIENTS {
            return Err(AppError::Usage(format!(
                "more than {MAX_RECIPIENTS} recipients are given"
            )));
        }
        Ok(())
    }

    /// The keys as they are recorded.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Encrypts what is written to `out`; [`StreamWriter::finish`] ends it.
    pub(crate) fn seal<W: Write>(&self, out: W) -> io::Result<StreamWriter<W>> {
        let recipients = self.parsed.iter().map(|one| &**one as &dyn age::Recipient);
        age::Encryptor::with_recipients(recipients)
            .map_err(io::Error::other)?
            .wrap_output(out)
    }
}

/// A key that lives as long as one hand-over, and seals what is gathered for it on the disk.
pub(crate) struct Passing(age::x25519::Identity);

impl Passing {
    /// A new one.
    pub fn new() -> Passing {
        Passing(age::x25519::Identity::generate())
    }

    /// Seals what is written to `out`.
    pub fn seal<W: Write>(&self, out: W) -> io::Result<StreamWriter<W>> {
        let own = self.0.to_public();
        age::Encryptor::with_recipients(std::iter::once(&own as &dyn age::Recipient))
            .map_err(io::Error::other)?
            .wrap_output(out)
    }

    /// Opens what [`Passing::seal`] wrote.
    pub fn open<'a, R: io::Read + 'a>(&self, from: R) -> io::Result<impl io::Read + 'a> {
        age::Decryptor::new(from)
            .and_then(|opened| opened.decrypt(std::iter::once(&self.0 as &dyn age::Identity)))
            .map_err(io::Error::other)
    }
}
