//! The client of any witness: it takes what those of others are known to answer, and believes only
//! what verifies.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::digest::Digest;
use comity_core::note::{Note, NoteError, NoteSignature};
use comity_core::vkey::Vkey;

use crate::request::AddCheckpoint;

/// An answer longer than this is none, in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// After so many sizes that a witness names it is asked no more.
const MAX_TURNS: usize = 3;

/// Speaks to witnesses. Each request has a time limit.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
}

/// Where checkpoints are submitted, and whose signatures come back.
#[derive(Clone, Debug)]
pub struct Target {
    /// The submission prefix.
    pub url: String,
    /// The keys of the witness.
    pub keys: Vec<Vkey>,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was cosigned: these lines verify.
    Cosigned(Vec<NoteSignature>),
    /// The witness says that it cosigned a larger tree of this log. `shown` is that checkpoint,
    /// signed by the log itself, where the witness shows it: then it is true.
    Ahead {
        /// The size that it names.
        size: u64,
        /// The proof of it.
        shown: Option<Box<SignedCheckpoint>>,
    },
    /// It answered, and did not cosign.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words, or ours.
        reason: String,
    },
    /// It did not answer.
    Unreachable(String),
}

/// Gives the consistency proof from a size to that of the checkpoint.
pub type Proofs<'a> = &'a dyn Fn(u64) -> Result<Vec<Digest>, String>;

enum Reply {
    Got { status: u16, body: Vec<u8> },
    None(String),
}

impl Client {
    /// A client that gives up on a request after `timeout`.
    #[must_use]
    pub fn new(timeout: Duration) -> Client {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls)
            .user_agent(concat!("comity/", env!("CARGO_PKG_VERSION")))
            .build();
        Client {
            agent: config.into(),
        }
    }

    /// Submits a checkpoint of the log of `keys`. `known` is the size that the witness is believed
    /// to have cosigned last; if it names another, it is asked again with the proof from there.
    #[must_use]
    pub fn submit(
        &self,
        target: &Target,
        checkpoint: &SignedCheckpoint,
        keys: &LogKeys,
        known: u64,
        proofs: Proofs<'_>,
    ) -> Answer {
        let note = match of_the_log_only(checkpoint, keys) {
            Ok(note) => note,
            Err(error) => return refused(0, error.to_string()),
        };
        let mut old = known.min(checkpoint.size());
        let mut tried: Vec<u64> = Vec::new();
        loop {
            tried.push(old);
            let proof = match old {
                0 => Vec::new(),
                old => match proofs(old) {
                    Ok(proof) => proof,
                    Err(what) => return refused(0, what),
                },
            };
            let request = AddCheckpoint {
                old,
                proof,
                note: note.clone(),
            };
            let (status, body) = match self.post(&target.url, &request.encode()) {
                Reply::Got { status, body } => (status, body),
                Reply::None(what) => return Answer::Unreachable(what),
            };
            match (status, size_in(&body)) {
                (200, _) => return cosigned(target, &note, &body),
                (409, Some(size)) if size > checkpoint.size() => {
                    let shown = self.latest(&target.url, keys).ok().flatten();
                    let shown = shown.filter(|c| c.size() > checkpoint.size()).map(Box::new);
                    return Answer::Ahead { size, shown };
                }
                (409, Some(size)) if tried.len() < MAX_TURNS && !tried.contains(&size) => {
                    old = size;
                }
                _ => return refused(status, words(&body)),
            }
        }
    }

    /// The checkpoint that a witness shows on its monitoring page under `url`, which the log of
    /// `keys` signed; `None` if it shows none.
    ///
    /// # Errors
    /// A sentence: it does not answer, or what it shows does not verify.
    pub fn latest(&self, url: &str, keys: &LogKeys) -> Result<Option<SignedCheckpoint>, String> {
        let hash = Digest::of(keys.origin().as_bytes());
        let address = format!("{}/{hash}/checkpoint", url.trim_end_matches('/'));
        let Some(body) = self.get(&address)? else {
            return Ok(None);
        };
        SignedCheckpoint::parse(&body)
            .and_then(|c| c.verify(keys))
            .map(Some)
            .map_err(|error| format!("{address}: {error}"))
    }

    /// What lies under an address; `None` if nothing does.
    ///
    /// # Errors
    /// A sentence: no answer, or another than 200 and 404.
    pub fn get(&self, address: &str) -> Result<Option<Vec<u8>>, String> {
        match reply(self.agent.get(address).call()) {
            Reply::Got { status: 200, body } => Ok(Some(body)),
            Reply::Got { status: 404, .. } => Ok(None),
            Reply::Got { status, body } => {
                Err(format!("{address} answered {status}: {}", words(&body)))
            }
            Reply::None(what) => Err(format!("{address}: {what}")),
        }
    }

    fn post(&self, url: &str, body: &[u8]) -> Reply {
        let address = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        reply(
            self.agent
                .post(&address)
                .content_type("text/plain")
                .send(body),
        )
    }
}

fn reply(answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => return Reply::None(error.to_string()),
    };
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let mut reader = response.body_mut().as_reader().take(MAX_ANSWER_BYTES);
    match reader.read_to_end(&mut body) {
        Ok(_) => Reply::Got { status, body },
        Err(error) => Reply::None(error.to_string()),
    }
}

/// Some witnesses take no more than 16 KiB, and an ML-DSA line of another witness is 3 KiB: what is
/// submitted has the log's own lines only.
fn of_the_log_only(checkpoint: &SignedCheckpoint, keys: &LogKeys) -> Result<Vec<u8>, NoteError> {
    let mut note = Note::new(checkpoint.note().text().to_owned())?;
    for signature in checkpoint.note().signatures() {
        let own = |k: &Vkey| k.name() == signature.name && k.key_id() == signature.key_id;
        if keys.at(checkpoint.size()).iter().any(own) {
            note.push(signature.clone());
        }
    }
    Ok(note.encode())
}

/// Holds what came back against the keys of the witness that was asked.
fn cosigned(target: &Target, note: &[u8], lines: &[u8]) -> Answer {
    let whole = [note, lines].concat();
    let read = Note::parse(&whole).and_then(|note| {
        note.verify(&target.keys)?;
        Ok(note)
    });
    match read {
        Ok(note) => {
            let of_target = |s: &&NoteSignature| {
                let key = |k: &Vkey| k.name() == s.name && k.key_id() == s.key_id;
                target.keys.iter().any(key)
            };
            Answer::Cosigned(
                note.signatures()
                    .iter()
                    .filter(of_target)
                    .cloned()
                    .collect(),
            )
        }
        Err(error) => refused(200, format!("its cosignature does not hold: {error}")),
    }
}

fn refused(status: u16, reason: String) -> Answer {
    Answer::Refused { status, reason }
}

/// A size, whatever type the answer says that it has.
fn size_in(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The first line of an answer, for people.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default().trim();
    let shown: String = line.chars().take(200).collect();
    if shown.is_empty() {
        "it gave no reason".to_owned()
    } else {
        comity_core::shown::escape_for_terminal(&shown)
    }
}
