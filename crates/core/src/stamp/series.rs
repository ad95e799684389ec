//! A series: a stamped checkpoint, and the tokens over it (`docs/format/stamp.md`, A series).

use crate::digest::{Digest, hex, unhex};
use crate::json::{Value, canonical, json, parse_canonical};

use super::certificate::Certificates;
use super::token::{TokenFacts, check_token};
use super::{HashKind, asn1};

/// The number of the token that stamps the checkpoint itself.
pub const FIRST_TOKEN: u16 = 0;
/// The most tokens of a series.
const MAX_TOKENS: u16 = 100;
const FORMAT: &str = "comity-stamp-1";
const CHECKPOINT: &str = "checkpoint";

/// A file of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StampFile {
    /// The stamped bytes.
    Checkpoint,
    /// `<N>.tsr`.
    Response(u16),
    /// `<N>.pem`.
    Certificates(u16),
    /// `<N>.crl`.
    Revocation(u16),
    /// `<N>.json`.
    About(u16),
}

impl StampFile {
    /// Its name in the folder of the series.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            StampFile::Checkpoint => CHECKPOINT.to_owned(),
            StampFile::Response(n) => format!("{n:03}.tsr"),
            StampFile::Certificates(n) => format!("{n:03}.pem"),
            StampFile::Revocation(n) => format!("{n:03}.crl"),
            StampFile::About(n) => format!("{n:03}.json"),
        }
    }

    /// The file of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<StampFile> {
        if name == CHECKPOINT {
            return Some(StampFile::Checkpoint);
        }
        let (number, kind) = name.split_once('.')?;
        let n: u16 = number.parse().ok().filter(|n| *n < MAX_TOKENS)?;
        let file = match kind {
            "tsr" => StampFile::Response(n),
            "pem" => StampFile::Certificates(n),
            "crl" => StampFile::Revocation(n),
            "json" => StampFile::About(n),
            _ => return None,
        };
        (file.name() == name).then_some(file)
    }
}

/// Whether `name` may be that of an authority: 1 to 32 of `a-z 0-9 -`.
#[must_use]
pub fn is_authority_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(plain)
}

/// `<N>.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Name of the authority in the centre's configuration.
    pub authority: String,
    /// Where it was asked.
    pub url: String,
    /// Hash function of the imprint that was asked for.
    pub hash: HashKind,
    /// The nonce that was sent.
    pub nonce: Vec<u8>,
    /// Whether the centre's configuration calls the authority qualified.
    pub qualified: bool,
    /// SHA-256 of `<N>.tsr`.
    pub response_sha256: Digest,
    /// SHA-256 of `<N>.pem`.
    pub certificates_sha256: Digest,
    /// SHA-256 of `<N>.crl`, when there is one.
    pub revocation_sha256: Option<Digest>,
}

impl About {
    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = json!({
            "authority": self.authority,
            "certificates_sha256": self.certificates_sha256.to_string(),
            "format": FORMAT,
            "hash": self.hash.name(),
            "nonce": hex(&self.nonce),
            "qualified": self.qualified,
            "response_sha256": self.response_sha256.to_string(),
            "revocation_sha256": self.revocation_sha256.map(|digest| digest.to_string()),
            "url": self.url,
        });
        let mut bytes = canonical(&value).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// A sentence about what the format does not allow.
    pub fn parse(bytes: &[u8]) -> Result<About, String> {
        let text = bytes
            .strip_suffix(b"\n")
            .ok_or("has no line feed at its end")?;
        let value = parse_canonical(text).map_err(|error| error.to_string())?;
        let members = value.as_object().map_or(0, crate::json::Map::len);
        let member = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| format!("its member {name} is missing or no text"))
        };
        if member("format")? != FORMAT {
            return Err("is of a format that this program does not know".to_owned());
        }
        let digest = |name: &str| {
            member(name)?
                .parse::<Digest>()
                .map_err(|_| format!("its {name} is no digest"))
        };
        let authority = member("authority")?;
        if !is_authority_name(authority) {
            return Err("names an authority that can have no such name".to_owned());
        }
        let about = About {
            authority: authority.to_owned(),
            url: member("url")?.to_owned(),
            hash: HashKind::of_name(member("hash")?)
                .filter(|hash| *hash != HashKind::Sha384)
                .ok_or("names another hash function than sha256 and sha512")?,
            nonce: unhex(member("nonce")?)
                .filter(|nonce| asn1::positive(nonce) == *nonce)
                .ok_or("its nonce is not a positive integer in hex")?,
            qualified: value
                .get("qualified")
                .and_then(Value::as_bool)
                .ok_or("its member qualified is missing or neither true nor false")?,
            response_sha256: digest("response_sha256")?,
            certificates_sha256: digest("certificates_sha256")?,
            revocation_sha256: match value.get("revocation_sha256") {
                Some(Value::Null) => None,
                _ => Some(digest("revocation_sha256")?),
            },
        };
        if members == 9 {
            Ok(about)
        } else {
            Err("has a member that it may not have".to_owned())
        }
    }
}

/// A token of a series that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// What is said about it.
    pub about: About,
    /// What it says.
    pub facts: TokenFacts,
}

/// What a series shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesFacts {
    /// The stamped bytes.
    pub checkpoint: Vec<u8>,
    /// The tokens, oldest first; at least one.
    pub tokens: Vec<Stamped>,
}

/// Where the files of a series come from.
pub struct SeriesFiles<'a> {
    /// Their names in the folder of the series.
    pub names: &'a [String],
    /// The bytes of one, or a sentence why it cannot be read.
    pub read: &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    /// Whether files of a last token without its response are passed over, as where tokens are taken.
    pub may_be_unfinished: bool,
}

/// Checks a series. Findings are pairs of a file's name and what is wrong with it; without any, the facts are there.
pub fn check_series(files: &mut SeriesFiles<'_>) -> (Option<SeriesFacts>, Vec<(String, String)>) {
    let mut findings = Vec::new();
    let mut tokens = 0;
    for name in files.names {
        match StampFile::of_name(name) {
            Some(StampFile::Response(n)) => tokens = tokens.max(n + 1),
            Some(_) => {}
            None => findings.push((
                name.clone(),
                "has no place in a series of stamps".to_owned(),
            )),
        }
    }
    for name in files.names {
        let beyond = match StampFile::of_name(name) {
            Some(StampFile::Certificates(n) | StampFile::Revocation(n) | StampFile::About(n)) => {
                n >= tokens && !(files.may_be_unfinished && n == tokens)
            }
            _ => false,
        };
        if beyond {
            findings.push((name.clone(), "belongs to no token".to_owned()));
        }
    }
    if tokens == 0 && !files.may_be_unfinished {
        let name = StampFile::Response(FIRST_TOKEN).name();
        findings.push((name, "is missing".to_owned()));
    }
    let mut read = |file: StampFile, findings: &mut Vec<(String, String)>| -> Option<Vec<u8>> {
        let name = file.name();
        if !files.names.contains(&name) {
            findings.push((name, "is missing".to_owned()));
            return None;
        }
        match (files.read)(&name) {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                findings.push((name, why));
                None
            }
        }
    };
    if tokens == 0 {
        return (None, findings);
    }
    let checkpoint = read(StampFile::Checkpoint, &mut findings);
    let mut stamped: Vec<Vec<u8>> = checkpoint.iter().cloned().collect();
    let mut held: Vec<Stamped> = Vec::new();
    for n in FIRST_TOKEN..tokens {
        let response = read(StampFile::Response(n), &mut findings);
        let pem = read(StampFile::Certificates(n), &mut findings);
        let about = read(StampFile::About(n), &mut findings);
        let has_lists = files.names.contains(&StampFile::Revocation(n).name());
        let lists = match has_lists {
            true => read(StampFile::Revocation(n), &mut findings),
            false => None,
        };
        let (Some(response), Some(pem), Some(about)) = (response, pem, about) else {
            return (None, findings);
        };
        if checkpoint.is_none() || (has_lists && lists.is_none()) {
            return (None, findings);
        }
        let over: Vec<&[u8]> = stamped.iter().map(Vec::as_slice).collect();
        if let Some(token) = check_one(
            n,
            &over,
            &response,
            &pem,
            lists.as_deref(),
            &about,
            &mut findings,
        ) {
            if let Some(before) = held.last() {
                check_renewal(n, before, &token, &mut findings);
            }
            held.push(token);
        }
        stamped.extend([response, pem]);
        stamped.extend(lists);
    }
    match checkpoint {
        Some(checkpoint) if findings.is_empty() => (
            Some(SeriesFacts {
                checkpoint,
                tokens: held,
            }),
            findings,
        ),
        _ => (None, findings),
    }
}

fn check_one(
    n: u16,
    over: &[&[u8]],
    response: &[u8],
    pem: &[u8],
    lists: Option<&[u8]>,
    about: &[u8],
    findings: &mut Vec<(String, String)>,
) -> Option<Stamped> {
    let before = findings.len();
    let about = About::parse(about)
        .map_err(|why| findings.push((StampFile::About(n).name(), why)))
        .ok();
    let trusted = Certificates::parse_pem(pem)
        .map_err(|error| findings.push((StampFile::Certificates(n).name(), error.to_string())))
        .ok();
    let (about, trusted) = (about?, trusted?);
    let name = StampFile::Response(n).name();
    let altered = "is not the one whose digest is on record: it was altered, swapped or removed";
    if Digest::of(response) != about.response_sha256 {
        findings.push((name.clone(), altered.to_owned()));
    }
    if Digest::of(pem) != about.certificates_sha256 {
        findings.push((StampFile::Certificates(n).name(), altered.to_owned()));
    }
    if lists.map(Digest::of) != about.revocation_sha256 {
        findings.push((StampFile::Revocation(n).name(), altered.to_owned()));
    }
    match check_token(response, over, &trusted, lists, Some(&about.nonce)) {
        Ok(facts) if facts.hash == about.hash => {
            (findings.len() == before).then_some(Stamped { about, facts })
        }
        Ok(_) => {
            findings.push((
                name,
                "uses another hash function than was asked for".to_owned(),
            ));
            None
        }
        Err(errors) => {
            for error in errors {
                findings.push((name.clone(), error.to_string()));
            }
            None
        }
    }
}

fn check_renewal(n: u16, before: &Stamped, token: &Stamped, findings: &mut Vec<(String, String)>) {
    let name = StampFile::Response(n).name();
    if token.facts.time_secs < before.facts.time_secs {
        let what = "is older than the token that it renews";
        findings.push((name, what.to_owned()));
    } else if token.facts.time_secs > before.facts.valid_secs.1 {
        let what = "came after the certificates of the token that it renews had ended";
        findings.push((name, what.to_owned()));
    }
}
