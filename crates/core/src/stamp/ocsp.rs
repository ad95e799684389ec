//! Answers of a responder about certificates (RFC 6960), kept beside a token among the revocation lists; and the request
//! that asks for one.

use der::asn1::{Any, BitString, GeneralizedTime, Int, Null, ObjectIdentifier, OctetString};
use der::{Decode, Encode, Enumerated, Sequence, Tag, TagNumber, Tagged};
use sha1::Digest as _;
use x509_cert::Certificate;
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::AuthorityInfoAccessSyntax;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::certificate::Known;
use super::{HashKind, StampError, malformed, signature};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const BASIC: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.1");
const BY_OCSP: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1");
const SHA1: ObjectIdentifier = oid("1.3.14.3.2.26");
const WHAT: &str = "an answer about a certificate";

/// `OCSPResponseStatus`: only the first has an answer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum Status {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SignatureRequired = 5,
    Unauthorized = 6,
}

#[derive(Sequence)]
struct OcspResponse {
    status: Status,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    bytes: Option<ResponseBytes>,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

/// `BasicOCSPResponse`; what is signed is kept as it came.
#[derive(Sequence)]
struct BasicResponse {
    data: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certificates: Option<Vec<Certificate>>,
}

#[derive(Sequence)]
struct ResponseData {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    version: Option<u8>,
    responder: Any,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct SingleResponse {
    certificate: CertId,
    /// `good [0]`, `revoked [1]` or `unknown [2]`, IMPLICIT.
    status: Any,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct CertId {
    algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: Int,
}

#[derive(Sequence)]
struct OcspRequest {
    request: TbsRequest,
}

#[derive(Sequence)]
struct TbsRequest {
    list: Vec<Request>,
}

#[derive(Sequence)]
struct Request {
    certificate: CertId,
}

/// The DER of a request about a certificate, by SHA-1, which is what responders know; and the addresses (`http://…`)
/// that the certificate names for it. `None` where it names none, or one of the two is no certificate.
#[must_use]
pub fn ocsp_request(certificate: &[u8], issuer: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let issuer = Known::new(Certificate::from_der(issuer).ok()?).ok()?;
    let tbs = certificate.tbs_certificate();
    let access = tbs.get_extension::<AuthorityInfoAccessSyntax>().ok()??.1;
    let urls = access.0.iter().filter(|one| one.access_method == BY_OCSP);
    let urls: Vec<String> = urls
        .filter_map(|one| match &one.access_location {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
            _ => None,
        })
        .filter(|url| url.starts_with("http://") || url.starts_with("https://"))
        .collect();
    let algorithm = AlgorithmIdentifierOwned {
        oid: SHA1,
        parameters: Some(Null.into()),
    };
    let (name, key) = hashes(&algorithm, &issuer)?;
    let certificate = CertId {
        algorithm,
        issuer_name_hash: OctetString::new(name).ok()?,
        issuer_key_hash: OctetString::new(key).ok()?,
        serial_number: Int::new(tbs.serial_number().as_bytes()).ok()?,
    };
    let request = OcspRequest {
        request: TbsRequest {
            list: vec![Request { certificate }],
        },
    };
    (!urls.is_empty()).then_some((request.to_der().ok()?, urls))
}

/// The hashes of an issuer's name and key by the function that a `CertID` names.
fn hashes(algorithm: &AlgorithmIdentifierOwned, issuer: &Known) -> Option<(Vec<u8>, Vec<u8>)> {
    let name = issuer.tbs().subject().to_der().ok()?;
    let key = issuer.tbs().subject_public_key_info();
    let key = key.subject_public_key.as_bytes()?;
    let of = |bytes: &[u8]| match HashKind::of_oid(&algorithm.oid) {
        Some(kind) => Some(kind.digest(&[bytes])),
        None if algorithm.oid == SHA1 => Some(sha1::Sha1::digest(bytes).to_vec()),
        None => None,
    };
    Some((of(&name)?, of(key)?))
}

/// Holds an answer in DER against a chain whose token was made at `secs`. What it says of other certificates is passed
/// over. Pushes everything that is wrong.
pub(super) fn check(der: &[u8], chain: &[&Known], secs: u64, problems: &mut Vec<StampError>) {
    if let Err(error) = check_one(der, chain, secs, problems) {
        problems.push(error);
    }
}

fn check_one(
    der: &[u8],
    chain: &[&Known],
    secs: u64,
    problems: &mut Vec<StampError>,
) -> Result<(), StampError> {
    let bad = malformed(WHAT);
    let response = OcspResponse::from_der(der).map_err(&bad)?;
    let bytes = match response.bytes {
        Some(bytes) if response.status == Status::Successful && bytes.kind == BASIC => bytes,
        _ => return Err(wrong("says nothing: the responder refused")),
    };
    let basic = BasicResponse::from_der(bytes.response.as_bytes()).map_err(&bad)?;
    let signed = basic.data.to_der().map_err(&bad)?;
    let data = ResponseData::from_der(&signed).map_err(&bad)?;
    let unread = |extensions: &Option<Extensions>| extensions.iter().flatten().any(|e| e.critical);
    if unread(&data.extensions) || data.version.unwrap_or(0) != 0 {
        return Err(wrong("is of a kind that is not understood here"));
    }
    let mut is_about_the_chain = false;
    for one in &data.responses {
        let Some((subject, issuer)) = about(&one.certificate, chain) else {
            continue;
        };
        if unread(&one.extensions) {
            return Err(wrong("is of a kind that is not understood here"));
        }
        is_about_the_chain = true;
        let produced = data.produced_at.to_unix_duration().as_secs();
        signed_by(&basic, &signed, issuer, produced)?;
        if let Some(error) = said(&one.status, subject, secs)? {
            problems.push(error);
        }
    }
    is_about_the_chain
        .then_some(())
        .ok_or_else(|| wrong("is about no certificate of the chain"))
}

/// The certificate of the chain that is meant, and its issuer.
fn about<'a>(id: &CertId, chain: &[&'a Known]) -> Option<(&'a Known, &'a Known)> {
    chain.windows(2).find_map(|pair| {
        let (subject, issuer) = (pair[0], pair[1]);
        let (name, key) = hashes(&id.algorithm, issuer)?;
        let is_meant = id.issuer_name_hash.as_bytes() == name
            && id.issuer_key_hash.as_bytes() == key
            && id.serial_number.as_bytes() == subject.tbs().serial_number().as_bytes();
        is_meant.then_some((subject, issuer))
    })
}

/// By the issuer, or by a certificate that the issuer itself made for this (RFC 6960 section 4.2.2.2).
fn signed_by(
    basic: &BasicResponse,
    message: &[u8],
    issuer: &Known,
    produced_secs: u64,
) -> Result<(), StampError> {
    let mut signers = vec![issuer.clone()];
    for certificate in basic.certificates.iter().flatten().take(8) {
        let known = Known::new(certificate.clone())?;
        if known.may_answer_for(issuer, produced_secs) {
            signers.push(known);
        }
    }
    let holds = signers.iter().any(|signer| {
        signature::verify(
            &basic.algorithm,
            None,
            signer.tbs().subject_public_key_info(),
            message,
            basic.signature.as_bytes().unwrap_or_default(),
        )
        .is_ok()
    });
    holds
        .then_some(())
        .ok_or_else(|| wrong("is signed neither by the issuer nor by whom the issuer names for it"))
}

fn said(status: &Any, subject: &Known, secs: u64) -> Result<Option<StampError>, StampError> {
    match status.tag() {
        Tag::ContextSpecific {
            number: TagNumber(0),
            ..
        } => Ok(None),
        Tag::ContextSpecific {
            number: TagNumber(1),
            ..
        } => {
            // RevokedInfo begins with the time; a reason may follow.
            let mut reader = der::SliceReader::new(status.value()).map_err(malformed(WHAT))?;
            let time = GeneralizedTime::decode(&mut reader).map_err(malformed(WHAT))?;
            let is_before = time.to_unix_duration().as_secs() <= secs;
            Ok(is_before.then(|| StampError::Revoked {
                subject: subject.subject(),
            }))
        }
        _ => Ok(Some(
            subject.unfit("is not known to the responder of its issuer"),
        )),
    }
}

fn wrong(why: &str) -> StampError {
    StampError::Malformed {
        what: WHAT,
        why: format!("it {why}"),
    }
}
