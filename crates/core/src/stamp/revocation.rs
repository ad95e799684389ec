//! Revocation lists that are kept beside a token (RFC 5280 section 5).

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use x509_cert::crl::CertificateList;

use super::certificate::{Known, shown};
use super::{StampError, malformed, signature};

/// `id-ce-deltaCRLIndicator`.
const DELTA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
/// `id-ce-issuingDistributionPoint`: says that a list is not of all certificates, in which case absence from it may
/// say nothing; a certificate that stands on it is revoked all the same.
const ISSUING_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

const LIST: &str = "X509 CRL";
const ANSWER: &str = "OCSP RESPONSE";

/// What a `<N>.crl` holds.
#[derive(Default)]
pub(super) struct Revocation {
    pub lists: Vec<CertificateList>,
    /// Answers of responders, in DER.
    pub answers: Vec<Vec<u8>>,
}

/// Reads a `<N>.crl`.
pub(super) fn parse_pem(pem: &[u8]) -> Result<Revocation, StampError> {
    let bad = |why: &str| StampError::Malformed {
        what: "a file of revocation lists",
        why: why.to_owned(),
    };
    let text = std::str::from_utf8(pem).map_err(|_| bad("it is not text"))?;
    let mut found = Revocation::default();
    let mut rest = text;
    while let Some((label, begin)) = next_block(rest) {
        let from = rest.get(begin..).unwrap_or_default();
        let close = format!("-----END {label}-----");
        let end = from.find(&close).ok_or_else(|| bad("it is cut short"))? + close.len();
        let block = from.get(..end).unwrap_or_default();
        rest = from.get(end..).unwrap_or_default();
        let (_, der) = der::pem::decode_vec(format!("{block}\n").as_bytes())
            .map_err(|error| bad(&error.to_string()))?;
        match label {
            LIST => found.lists.push(
                CertificateList::from_der(&der).map_err(malformed("a file of revocation lists"))?,
            ),
            _ => found.answers.push(der),
        }
    }
    if found.lists.is_empty() && found.answers.is_empty() {
        return Err(bad("neither a list nor an answer is in it"));
    }
    Ok(found)
}

/// The kind of the next block, and where it begins.
fn next_block(text: &str) -> Option<(&'static str, usize)> {
    let blocks = [LIST, ANSWER].into_iter();
    blocks
        .filter_map(|label| Some((label, text.find(&format!("-----BEGIN {label}-----"))?)))
        .min_by_key(|(_, begin)| *begin)
}

/// Holds the lists against a chain whose token was made at `secs`. Lists of issuers outside the chain are passed
/// over. Pushes everything that is wrong.
pub(super) fn check(
    lists: &[CertificateList],
    chain: &[&Known],
    secs: u64,
    problems: &mut Vec<StampError>,
) {
    for list in lists {
        let issuers = chain
            .iter()
            .filter(|known| known.tbs().subject() == &list.tbs_cert_list.issuer);
        let mut wrong = None;
        let mut held = None;
        for issuer in issuers {
            match signed_by(list, issuer) {
                Ok(()) => held = Some(issuer),
                Err(error) => wrong = Some(error),
            }
        }
        match (held, wrong) {
            (Some(issuer), _) => revoked(list, issuer, chain, secs, problems),
            (None, Some(error)) => problems.push(error),
            (None, None) => {}
        }
    }
}

fn signed_by(list: &CertificateList, issuer: &Known) -> Result<(), StampError> {
    let wrong = |why| StampError::RevocationList {
        issuer: shown(&list.tbs_cert_list.issuer),
        why,
    };
    for extension in list.tbs_cert_list.crl_extensions.iter().flatten() {
        if extension.extn_id == DELTA {
            return Err(wrong("is a delta list, which alone says too little"));
        }
        if extension.critical && extension.extn_id != ISSUING_POINT {
            return Err(wrong(
                "has a critical extension that is not understood here",
            ));
        }
    }
    if !issuer.may_revoke()? {
        return Err(wrong("is signed by a certificate that may not sign one"));
    }
    let message = list
        .tbs_cert_list
        .to_der()
        .map_err(malformed("a revocation list"))?;
    signature::verify(
        &list.signature_algorithm,
        None,
        issuer.tbs().subject_public_key_info(),
        &message,
        list.signature.as_bytes().unwrap_or_default(),
    )
    .map_err(|error| match error {
        StampError::WrongSignature => wrong("is not signed by its issuer: it was altered"),
        other => other,
    })
}

fn revoked(
    list: &CertificateList,
    issuer: &Known,
    chain: &[&Known],
    secs: u64,
    problems: &mut Vec<StampError>,
) {
    let entries = list.tbs_cert_list.revoked_certificates.iter().flatten();
    for entry in entries {
        let on_it = chain.iter().find(|known| {
            known.tbs().issuer() == issuer.tbs().subject()
                && known.tbs().serial_number() == &entry.serial_number
        });
        if let Some(known) = on_it
            && entry.revocation_date.to_unix_duration().as_secs() <= secs
        {
            problems.push(StampError::Revoked {
                subject: known.subject(),
            });
        }
    }
}
