//! From the signer's certificate to a root (RFC 5280 section 6, as far as `docs/format/stamp.md` goes).

use der::Encode;

use super::StampError;
use super::certificate::{Certificates, Known};
use super::signature;

/// The longest chain, root included.
const MAX_CHAIN: usize = 8;
/// Issuers that are tried in all: names that issue each other must not keep a reader busy.
const MAX_TRIES: usize = 256;

/// The chain from `signer` to a root of `trusted`, over certificates of `trusted` and `others`, each valid at
/// `secs`. The signer comes first.
pub(super) fn build<'a>(
    signer: &'a Known,
    others: &'a [Known],
    trusted: &'a Certificates,
    secs: u64,
) -> Result<Vec<&'a Known>, StampError> {
    signer.valid_at(secs)?;
    signer.understood()?;
    let mut search = Search {
        others,
        trusted,
        secs,
        tries: 0,
        miss: None,
    };
    let mut chain = vec![signer];
    if search.extend(&mut chain) {
        return Ok(chain);
    }
    Err(StampError::NoChain {
        subject: signer.subject(),
        why: search
            .miss
            .map(|error| format!(": {error}"))
            .unwrap_or_default(),
    })
}

struct Search<'a> {
    others: &'a [Known],
    trusted: &'a Certificates,
    secs: u64,
    tries: usize,
    miss: Option<StampError>,
}

impl<'a> Search<'a> {
    fn extend(&mut self, chain: &mut Vec<&'a Known>) -> bool {
        let Some(last) = chain.last().copied() else {
            return false;
        };
        if self.trusted.is_trusted_root(last) {
            return true;
        }
        if chain.len() == MAX_CHAIN || last.is_root() {
            return false;
        }
        let (trusted, others) = (self.trusted, self.others);
        for candidate in trusted.list.iter().chain(others) {
            let is_issuer = candidate.tbs().subject() == last.tbs().issuer();
            if !is_issuer || chain.contains(&candidate) {
                continue;
            }
            self.tries += 1;
            if self.tries > MAX_TRIES {
                return false;
            }
            if let Err(error) = issued(candidate, last, chain.len() - 1, self.secs) {
                self.miss.get_or_insert(error);
                continue;
            }
            chain.push(candidate);
            if self.extend(chain) {
                return true;
            }
            chain.pop();
        }
        false
    }
}

/// Whether `issuer` issued `subject` and might; `below` counts the CAs between the issuer and the signer.
fn issued(issuer: &Known, subject: &Known, below: usize, secs: u64) -> Result<(), StampError> {
    issuer.valid_at(secs)?;
    issuer.understood()?;
    issuer.may_issue(below)?;
    is_signed_by(subject, issuer)
}

/// Whether the signature of `subject` is that of `issuer`.
pub(super) fn is_signed_by(subject: &Known, issuer: &Known) -> Result<(), StampError> {
    let message = subject
        .tbs()
        .to_der()
        .map_err(super::malformed("a certificate"))?;
    signature::verify(
        subject.certificate.signature_algorithm(),
        None,
        issuer.tbs().subject_public_key_info(),
        &message,
        subject
            .certificate
            .signature()
            .as_bytes()
            .unwrap_or_default(),
    )
    .map_err(|error| match error {
        StampError::WrongSignature => {
            subject.unfit(format!("is not signed by {}", issuer.subject()))
        }
        other => other,
    })
}
