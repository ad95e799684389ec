//! One token: read and checked.

use cms::cert::CertificateChoices;
use cms::content_info::CmsVersion;
use cms::revocation::RevocationInfoChoice;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode, Sequence, Tag, Tagged};
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::asn1::{TstInfo, generalized_time, granted, positive};
use super::certificate::{Certificates, Known};
use super::{HashKind, StampError, chain, malformed, ocsp, revocation, signature};
use crate::digest::Digest;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");

/// The most bytes of a response that are read.
pub const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// `ESSCertID`, RFC 2634 section 5.4.1: the hash is SHA-1. What follows it is not needed to find the certificate.
#[derive(Sequence)]
struct EssCertId {
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

/// `ESSCertIDv2`, RFC 5816: the algorithm's default is SHA-256.
#[derive(Sequence)]
struct EssCertIdV2 {
    #[asn1(optional = "true")]
    algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

/// `SigningCertificate`; its policies are of no account here.
#[derive(Sequence)]
struct SigningCertificate {
    certs: Vec<EssCertId>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

/// `SigningCertificateV2`.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

/// What a token says, once it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// The token's time in seconds since 1970, rounded down.
    pub time_secs: u64,
    /// The end of its accuracy in seconds since 1970, rounded up: the bytes existed by then.
    pub latest_secs: u64,
    /// The hash function of the imprint.
    pub hash: HashKind,
    /// The policy under which it was made.
    pub policy: String,
    /// Its serial number in hex.
    pub serial: String,
    /// The subject of the signer's certificate.
    pub authority: String,
    /// The subject of the root.
    pub root: String,
    /// SHA-256 of the root's DER.
    pub root_sha256: Digest,
    /// The DER of each certificate of the chain, the signer's first.
    pub chain: Vec<Vec<u8>>,
    /// First and last second since 1970 at which the whole chain is valid.
    pub valid_secs: (u64, u64),
}

/// Checks the response `response` over the concatenation of `stamped`. `trusted` are the certificates that chains
/// may end in (its roots) and lead over; `lists` is a file of revocation lists; `nonce` is what was sent.
///
/// # Errors
/// Everything that is wrong, at least one thing.
pub fn check_token(
    response: &[u8],
    stamped: &[&[u8]],
    trusted: &Certificates,
    lists: Option<&[u8]>,
    nonce: Option<&[u8]>,
) -> Result<TokenFacts, Vec<StampError>> {
    if response.len() > MAX_RESPONSE_BYTES {
        return Err(vec![StampError::Malformed {
            what: "the authority's response",
            why: "it is longer than 1 MiB".to_owned(),
        }]);
    }
    let token = Token::parse(response).map_err(|error| vec![error])?;
    let mut problems = Vec::new();
    let hash = token.check_imprint(stamped, &mut problems);
    if let Some(sent) = nonce {
        let found = token.info.nonce.as_ref().map(|int| int.as_bytes().to_vec());
        if found != Some(positive(sent)) {
            problems.push(StampError::OtherNonce);
        }
    }
    let facts = token.check_signer(trusted, lists, &mut problems);
    match (hash, facts) {
        (Some(hash), Some(facts)) if problems.is_empty() => Ok(TokenFacts { hash, ..facts }),
        _ => Err(problems),
    }
}

struct Token {
    signed: SignedData,
    signer: SignerInfo,
    content: Vec<u8>,
    info: TstInfo,
    time: (u64, u32),
    certificates: Vec<Known>,
    lists: Vec<CertificateList>,
}

impl Token {
    fn parse(response: &[u8]) -> Result<Token, StampError> {
        let bad = |why: &str| StampError::Malformed {
            what: "the token",
            why: why.to_owned(),
        };
        let content_info = granted(response)?;
        if content_info.content_type != SIGNED_DATA {
            return Err(bad("it is not SignedData"));
        }
        let der = content_info
            .content
            .to_der()
            .map_err(malformed("the token"))?;
        let signed = SignedData::from_der(&der).map_err(malformed("the token"))?;
        if signed.encap_content_info.econtent_type != TST_INFO {
            return Err(bad("what is signed is no TSTInfo"));
        }
        let content = signed
            .encap_content_info
            .econtent
            .as_ref()
            .ok_or_else(|| bad("it has no content"))?
            .decode_as::<OctetString>()
            .map_err(malformed("the token"))?
            .as_bytes()
            .to_vec();
        let info = TstInfo::from_der(&content).map_err(malformed("the token's TSTInfo"))?;
        if info.version != 1 {
            return Err(bad("its version is not 1"));
        }
        for extension in info.extensions.iter().flatten() {
            if extension.critical {
                return Err(bad("it has a critical extension"));
            }
        }
        let time = generalized_time(&info.gen_time)?;
        let signer = match signed.signer_infos.0.as_slice() {
            [one] => one.clone(),
            _ => return Err(bad("it does not have one signer")),
        };
        let mut certificates = Vec::new();
        for choice in signed.certificates.iter().flat_map(|set| set.0.iter()) {
            if let CertificateChoices::Certificate(certificate) = choice {
                certificates.push(Known::new(certificate.clone())?);
            }
        }
        let mut lists = Vec::new();
        for choice in signed.crls.iter().flat_map(|set| set.0.iter()) {
            if let RevocationInfoChoice::Crl(list) = choice {
                lists.push(list.clone());
            }
        }
        Ok(Token {
            signed,
            signer,
            content,
            info,
            time,
            certificates,
            lists,
        })
    }

    fn check_imprint(&self, stamped: &[&[u8]], problems: &mut Vec<StampError>) -> Option<HashKind> {
        let imprint = &self.info.message_imprint;
        let Some(hash) = HashKind::of_oid(&imprint.hash_algorithm.oid) else {
            problems.push(StampError::NotAccepted {
                what: "the hash function of its imprint",
                name: imprint.hash_algorithm.oid.to_string(),
            });
            return None;
        };
        if hash.digest(stamped) != imprint.hashed_message.as_bytes() {
            problems.push(StampError::OtherImprint);
        }
        Some(hash)
    }

    fn check_signer(
        &self,
        trusted: &Certificates,
        lists: Option<&[u8]>,
        problems: &mut Vec<StampError>,
    ) -> Option<TokenFacts> {
        let signer = match self.find_signer(trusted) {
            Ok(signer) => signer,
            Err(error) => {
                problems.push(error);
                return None;
            }
        };
        if let Err(error) = self.check_signature(signer) {
            problems.push(error);
        }
        if let Err(error) = signer.may_stamp() {
            problems.push(error);
        }
        let secs = self.time.0;
        let chain = match chain::build(signer, &self.certificates, trusted, secs) {
            Ok(chain) => chain,
            Err(error) => {
                problems.push(error);
                return None;
            }
        };
        revocation::check(&self.lists, &chain, secs, problems);
        match lists.map(revocation::parse_pem).transpose() {
            Ok(found) => {
                let found = found.unwrap_or_default();
                revocation::check(&found.lists, &chain, secs, problems);
                for answer in &found.answers {
                    ocsp::check(answer, &chain, secs, problems);
                }
            }
            Err(error) => problems.push(error),
        }
        let root = chain.last()?;
        let mut valid_secs = (0, u64::MAX);
        for known in &chain {
            let (from, to) = known.validity();
            valid_secs = (valid_secs.0.max(from), valid_secs.1.min(to));
        }
        Some(TokenFacts {
            time_secs: secs,
            latest_secs: self.latest_secs(),
            hash: HashKind::Sha256,
            policy: self.info.policy.to_string(),
            serial: crate::digest::hex(self.info.serial_number.as_bytes()),
            authority: signer.subject(),
            root: root.subject(),
            root_sha256: root.sha256(),
            chain: chain.iter().map(|known| known.der.clone()).collect(),
            valid_secs,
        })
    }

    fn latest_secs(&self) -> u64 {
        let (secs, micros) = self.time;
        let (more_secs, more_micros) = match &self.info.accuracy {
            Some(accuracy) => (
                accuracy.seconds.unwrap_or(0),
                u64::from(accuracy.millis.unwrap_or(0)) * 1000
                    + u64::from(accuracy.micros.unwrap_or(0)),
            ),
            None => (0, 0),
        };
        let micros = u64::from(micros) + more_micros;
        secs.saturating_add(u64::from(more_secs))
            .saturating_add(micros.div_ceil(1_000_000))
    }

    /// The certificate that `SignerInfo` names, in the token or among those given.
    fn find_signer<'a>(&'a self, trusted: &'a Certificates) -> Result<&'a Known, StampError> {
        let named = |known: &&Known| match &self.signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(sid) => {
                known.tbs().issuer() == &sid.issuer
                    && known.tbs().serial_number() == &sid.serial_number
            }
            SignerIdentifier::SubjectKeyIdentifier(id) => known
                .tbs()
                .get_extension::<SubjectKeyIdentifier>()
                .is_ok_and(|found| found.is_some_and(|(_, found)| &found == id)),
        };
        let mut found = self
            .certificates
            .iter()
            .chain(&trusted.list)
            .filter(named)
            .peekable();
        let first = found.peek().copied().ok_or(StampError::NoSigner)?;
        // A stranger may add a certificate of the same issuer and number: the signed attribute tells which it is.
        Ok(found
            .find(|known| self.is_bound(known) == Ok(true))
            .unwrap_or(first))
    }

    /// The one value of a signed attribute.
    fn attribute(&self, wanted: ObjectIdentifier) -> Option<&Any> {
        let attributes = self.signer.signed_attrs.as_ref()?;
        let mut found = attributes.iter().filter(|one| one.oid == wanted);
        match (found.next(), found.next()) {
            (Some(one), None) if one.values.len() == 1 => one.values.get(0),
            _ => None,
        }
    }

    /// Whether the signed attributes name this certificate as the signer's.
    fn is_bound(&self, signer: &Known) -> Result<bool, StampError> {
        let unread =
            || StampError::Attributes("name the signer's certificate in a way that cannot be read");
        let mut named = false;
        if let Some(value) = self.attribute(SIGNING_CERTIFICATE_V2) {
            let value: SigningCertificateV2 = value.decode_as().map_err(|_| unread())?;
            let id = value.certs.first().ok_or_else(unread)?;
            let hash = match &id.algorithm {
                None => HashKind::Sha256,
                Some(algorithm) => {
                    HashKind::of_oid(&algorithm.oid).ok_or_else(|| StampError::NotAccepted {
                        what: "the hash function of its ESSCertIDv2",
                        name: algorithm.oid.to_string(),
                    })?
                }
            };
            if hash.digest(&[&signer.der]) != id.hash.as_bytes() {
                return Ok(false);
            }
            named = true;
        }
        if let Some(value) = self.attribute(SIGNING_CERTIFICATE) {
            let value: SigningCertificate = value.decode_as().map_err(|_| unread())?;
            let id = value.certs.first().ok_or_else(unread)?;
            if <sha1::Sha1 as sha1::Digest>::digest(&signer.der).as_slice() != id.hash.as_bytes() {
                return Ok(false);
            }
            named = true;
        }
        if named {
            Ok(true)
        } else {
            Err(StampError::Attributes(
                "do not name the signer's certificate",
            ))
        }
    }

    fn check_signature(&self, signer: &Known) -> Result<(), StampError> {
        let attributes = self
            .signer
            .signed_attrs
            .as_ref()
            .ok_or(StampError::Attributes("are missing"))?;
        let hash = HashKind::of_oid(&self.signer.digest_alg.oid).ok_or_else(|| {
            StampError::NotAccepted {
                what: "the hash function of its signature",
                name: self.signer.digest_alg.oid.to_string(),
            }
        })?;
        // No signature covers these two; anything but what they must be was altered.
        let is_null = |any: &Any| any.tag() == Tag::Null && any.value().is_empty();
        let plain = self
            .signer
            .digest_alg
            .parameters
            .as_ref()
            .is_none_or(is_null);
        let version = match self.signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V1,
            SignerIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V3,
        };
        if !plain || self.signer.version != version {
            return Err(StampError::Malformed {
                what: "the token",
                why: "its signer's version or hash function is not written as it must be"
                    .to_owned(),
            });
        }
        let kind: Option<ObjectIdentifier> = self
            .attribute(CONTENT_TYPE)
            .and_then(|value| value.decode_as().ok());
        if kind != Some(self.signed.encap_content_info.econtent_type) {
            return Err(StampError::Attributes(
                "do not name the type of the content",
            ));
        }
        let digest: Option<OctetString> = self
            .attribute(MESSAGE_DIGEST)
            .and_then(|value| value.decode_as().ok());
        if digest.is_none_or(|digest| digest.as_bytes() != hash.digest(&[&self.content])) {
            return Err(StampError::Attributes(
                "have another digest than the content: it was altered",
            ));
        }
        if !self.is_bound(signer)? {
            return Err(StampError::Attributes(
                "name another certificate than the signer's",
            ));
        }
        // RFC 5652 section 5.4: what is signed is the DER of the set, not of the field that holds it.
        let message = attributes.to_der().map_err(malformed("the token"))?;
        signature::verify(
            &self.signer.signature_algorithm,
            Some(hash),
            signer.tbs().subject_public_key_info(),
            &message,
            self.signer.signature.as_bytes(),
        )
    }
}
