//! Taking a stamp: over the published checkpoint, or again over an older one before it ages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comity_core::digest::Digest;
use comity_core::stamp::{
    About, Certificates, FIRST_TOKEN, HashKind, SeriesFacts, StampFile, TokenFacts, check_token,
    ocsp_request, request, revocation_points,
};
use comity_store::FileLock;

use super::authority::{Authority, unknown};
use super::http::Http;
use super::kept::{self, Kept, SeriesId};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::receipt::published;

/// A stamp is renewed when the first certificate of its chain has less than this to run.
const RENEW_BEFORE_SECS: u64 = 60 * 86_400;
/// More lists than this in one chain are not got.
const MAX_LISTS: usize = 8;

/// What came of asking one authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its name.
    pub authority: String,
    /// The size of the stamped checkpoint.
    pub size: u64,
    /// Which token of the series: 0 stamps, later ones renew.
    pub number: u16,
    /// What came.
    pub outcome: Outcome,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A token that holds, and lists that could not be got, a sentence each.
    Stamped(Box<TokenFacts>, Vec<String>),
    /// The checkpoint is stamped by this authority already.
    There,
    /// Nothing was stored, and why.
    Failed(String),
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The published checkpoint now, and nothing else.
    Now,
    /// The published checkpoint of authorities whose newest stamp is older than so many seconds, and renewals.
    After(u64),
}

impl Centre {
    /// Takes the stamps that are due, of the named authorities or of all. An authority that fails hinders no other.
    pub fn take_stamps(&self, http: &Http, names: &[String], due: Due) -> Result<Vec<Taken>> {
        let mut session = self.session()?;
        let mut asked = self.stamp_authorities(&mut session)?;
        for name in names {
            if !asked.iter().any(|authority| authority.name == *name) {
                return Err(unknown(name));
            }
        }
        asked.retain(|authority| names.is_empty() || names.contains(&authority.name));
        if asked.is_empty() {
            return Err(AppError::Usage(
                "there is no stamp authority to ask: `comity stamp authority add` adds one"
                    .to_owned(),
            ));
        }
        let _lock = self.stamping()?;
        let kept = Kept::list(&self.objects)?;
        let mut taken = Vec::new();
        for authority in &asked {
            self.stamp_one(http, &kept, authority, due, &mut taken)?;
            if let Due::After(_) = due {
                self.renew(http, &kept, authority, &mut taken)?;
            }
            let last = taken.iter().rfind(|one| one.authority == authority.name);
            if let Some(last) = last {
                let error = match &last.outcome {
                    Outcome::Failed(why) => why.as_str(),
                    _ => "",
                };
                self.note_try(&mut session, &authority.name, error)?;
            }
        }
        Ok(taken)
    }

    /// One process of a machine takes stamps at a time.
    fn stamping(&self) -> Result<FileLock> {
        let folder = self.dir.join("tmp");
        self.ambient.disk.create_dir_all(&folder)?;
        Ok(self.ambient.disk.lock(&folder.join("stamp.lock"))?)
    }

    fn stamp_one(
        &self,
        http: &Http,
        kept: &Kept,
        authority: &Authority,
        due: Due,
        taken: &mut Vec<Taken>,
    ) -> Result<()> {
        let checkpoint = published(self)?;
        let id = SeriesId {
            size: checkpoint.size(),
            authority: authority.name.clone(),
        };
        let is_there = kept
            .series
            .get(&id)
            .is_some_and(|files| Kept::tokens(files) > 0);
        let mut done = |outcome| {
            taken.push(Taken {
                authority: authority.name.clone(),
                size: id.size,
                number: FIRST_TOKEN,
                outcome,
            });
        };
        match due {
            Due::Now if is_there => {
                done(Outcome::There);
                return Ok(());
            }
            Due::After(secs) if is_there || self.is_fresh(kept, authority, secs) => return Ok(()),
            _ => {}
        }
        let over = [checkpoint.as_bytes().to_vec()];
        done(self.ask(http, authority, &id, FIRST_TOKEN, &over)?);
        Ok(())
    }

    /// Whether the newest stamp of an authority is younger than `secs`.
    fn is_fresh(&self, kept: &Kept, authority: &Authority, secs: u64) -> bool {
        let Some((id, files)) = kept.newest(&authority.name, u64::MAX).next() else {
            return false;
        };
        let (facts, _) = kept::check(&self.objects, id, files);
        facts
            .as_ref()
            .and_then(|facts| facts.tokens.first())
            .is_some_and(|token| self.now_secs().saturating_sub(token.facts.time_secs) < secs)
    }

    /// Renews what this authority began and what is about to age: the certificates of its newest token end soon, or
    /// another hash function is configured by now.
    fn renew(
        &self,
        http: &Http,
        kept: &Kept,
        authority: &Authority,
        taken: &mut Vec<Taken>,
    ) -> Result<()> {
        for (id, files) in kept.newest(&authority.name, u64::MAX) {
            let (Some(facts), _) = kept::check(&self.objects, id, files) else {
                // What is damaged is named by `comity verify`; a token over it would hide it.
                continue;
            };
            if !self.is_ageing(&facts, authority.hash) {
                continue;
            }
            let number = Kept::tokens(files);
            let over = stamped_bytes(self, id, files, number)?;
            let outcome = self.ask(http, authority, id, number, &over)?;
            let failed = matches!(outcome, Outcome::Failed(_));
            taken.push(Taken {
                authority: authority.name.clone(),
                size: id.size,
                number,
                outcome,
            });
            if failed {
                break;
            }
        }
        Ok(())
    }

    fn is_ageing(&self, facts: &SeriesFacts, hash: HashKind) -> bool {
        facts.tokens.last().is_some_and(|token| {
            let left = token.facts.valid_secs.1.saturating_sub(self.now_secs());
            // Once the certificates have ended a new token proves nothing of the old time.
            left > 0 && (left < RENEW_BEFORE_SECS || token.facts.hash != hash)
        })
    }

    /// Asks, checks what comes as a stranger would, and stores it. What does not hold is not stored.
    fn ask(
        &self,
        http: &Http,
        authority: &Authority,
        id: &SeriesId,
        number: u16,
        over: &[Vec<u8>],
    ) -> Result<Outcome> {
        let parts: Vec<&[u8]> = over.iter().map(Vec::as_slice).collect();
        let mut nonce: [u8; 16] = self.ambient.bytes();
        // A positive integer of always the same length.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        let wanted = request(authority.hash, &authority.hash.digest(&parts), &nonce)
            .map_err(|e| AppError::Refused(e.to_string()))?;
        let response = match http.ask(&authority.url, &wanted) {
            Ok(response) => response,
            Err(why) => {
                return Ok(Outcome::Failed(format!(
                    "{} did not answer: {why}",
                    authority.url
                )));
            }
        };
        let pem = authority.certificates.as_bytes();
        let trusted = Certificates::parse_pem(pem)
            .map_err(|e| AppError::damaged("table stamp_authorities", e.to_string()))?;
        let check = |lists: Option<&[u8]>| {
            check_token(&response, &parts, &trusted, lists, Some(&nonce)).map_err(|errors| {
                let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
                all.join("; ")
            })
        };
        let facts = match check(None) {
            Ok(facts) => facts,
            Err(why) => {
                return Ok(Outcome::Failed(format!(
                    "what it answered does not hold: {why}"
                )));
            }
        };
        if facts.hash != authority.hash {
            return Ok(Outcome::Failed(
                "it used another hash function than asked for".to_owned(),
            ));
        }
        let (lists, not_got) = get_lists(http, &facts);
        if let Err(why) = check(lists.as_deref()) {
            return Ok(Outcome::Failed(format!(
                "what it answered does not hold: {why}"
            )));
        }
        let about = About {
            authority: authority.name.clone(),
            url: authority.url.clone(),
            hash: authority.hash,
            nonce: nonce.to_vec(),
            qualified: authority.qualified,
            response_sha256: Digest::of(&response),
            certificates_sha256: Digest::of(pem),
            revocation_sha256: lists.as_deref().map(Digest::of),
        };
        let path = |file: StampFile| id.path(&file.name());
        let mut files = vec![
            (path(StampFile::Certificates(number)), pem.to_vec()),
            (path(StampFile::About(number)), about.to_bytes()),
        ];
        match lists {
            Some(lists) => files.push((path(StampFile::Revocation(number)), lists)),
            None => self.objects.delete(&path(StampFile::Revocation(number)))?,
        }
        if number == FIRST_TOKEN {
            files.push((path(StampFile::Checkpoint), over.concat()));
        }
        // The response makes the token count: all that it needs is durable before.
        self.objects.put_many(files)?;
        self.objects
            .put(&path(StampFile::Response(number)), &response)?;
        Ok(Outcome::Stamped(Box::new(facts), not_got))
    }

    /// Seconds since 1970.
    pub(crate) fn now_secs(&self) -> u64 {
        u64::try_from(self.ambient.clock.now_micros() / 1_000_000).unwrap_or(0)
    }
}

/// The bytes that token `number` of a series stamps, in their parts.
fn stamped_bytes(
    centre: &Centre,
    id: &SeriesId,
    files: &[String],
    number: u16,
) -> Result<Vec<Vec<u8>>> {
    let mut names = vec![StampFile::Checkpoint.name()];
    for n in FIRST_TOKEN..number {
        names.push(StampFile::Response(n).name());
        names.push(StampFile::Certificates(n).name());
        let lists = StampFile::Revocation(n).name();
        if files.contains(&lists) {
            names.push(lists);
        }
    }
    let read = |name: &String| {
        let path = id.path(name);
        centre
            .objects
            .get(&path)?
            .ok_or_else(|| AppError::damaged(path, "is missing"))
    };
    names.iter().map(read).collect()
}

/// The revocation lists that the certificates of a chain name, and what the responders that they name answer about each
/// of them, in PEM; and what could not be got.
fn get_lists(http: &Http, facts: &TokenFacts) -> (Option<Vec<u8>>, Vec<String>) {
    let mut urls: Vec<String> = Vec::new();
    for certificate in &facts.chain {
        // The first address of a certificate that answers would do; most name one.
        urls.extend(revocation_points(certificate).into_iter().next());
    }
    urls.sort();
    urls.dedup();
    urls.truncate(MAX_LISTS);
    let (mut pem, mut not_got) = (String::new(), Vec::new());
    for url in urls {
        match http.get(&url) {
            Ok(bytes) => pem.push_str(&as_pem(&bytes)),
            Err(why) => not_got.push(format!("the revocation list {url} could not be got: {why}")),
        }
    }
    for pair in facts.chain.windows(2) {
        let Some((request, urls)) = ocsp_request(&pair[0], &pair[1]) else {
            continue;
        };
        for url in urls.iter().take(1) {
            match http.ask_about(url, &request) {
                Ok(answer) => pem.push_str(&block("OCSP RESPONSE", &answer)),
                Err(why) => not_got.push(format!("the responder {url} did not answer: {why}")),
            }
        }
    }
    ((!pem.is_empty()).then(|| pem.into_bytes()), not_got)
}

/// Most lists are served as DER (RFC 5280 section 4.2.1.13), some as PEM.
fn as_pem(bytes: &[u8]) -> String {
    if bytes.starts_with(b"-----BEGIN") {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        return text;
    }
    block("X509 CRL", bytes)
}

/// A block of PEM.
fn block(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let encoded = STANDARD.encode(der);
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
