//! Signatures over tokens, certificates and revocation lists: which are accepted, and whether they hold.

use der::asn1::ObjectIdentifier;
use der::{Any, Decode, Encode, Sequence};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, Pss, PublicKey};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{HashKind, StampError};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = oid("1.2.840.113549.1.1.8");
const RSA_WITH: [(ObjectIdentifier, HashKind); 3] = [
    (oid("1.2.840.113549.1.1.11"), HashKind::Sha256),
    (oid("1.2.840.113549.1.1.12"), HashKind::Sha384),
    (oid("1.2.840.113549.1.1.13"), HashKind::Sha512),
];
const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
const ECDSA_WITH: [(ObjectIdentifier, HashKind); 3] = [
    (oid("1.2.840.10045.4.3.2"), HashKind::Sha256),
    (oid("1.2.840.10045.4.3.3"), HashKind::Sha384),
    (oid("1.2.840.10045.4.3.4"), HashKind::Sha512),
];
const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = oid("1.3.132.0.34");
const P521: ObjectIdentifier = oid("1.3.132.0.35");
const ED25519: ObjectIdentifier = oid("1.3.101.112");

const MIN_RSA_BITS: u32 = 2048;
const MAX_RSA_BITS: u32 = 8192;

/// `RSASSA-PSS-params`, RFC 4055 section 3.1. Its defaults are SHA-1, which is refused, so all must be there.
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

/// Verifies `signature` over `message`. `digest` is the hash function that the signer names beside the algorithm,
/// for algorithms that name none (`rsaEncryption` in CMS, RFC 3370 section 3.2).
pub(super) fn verify(
    algorithm: &AlgorithmIdentifierOwned,
    digest: Option<HashKind>,
    key: &SubjectPublicKeyInfoOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), StampError> {
    let named = |table: &[(ObjectIdentifier, HashKind)]| {
        table
            .iter()
            .find(|(oid, _)| *oid == algorithm.oid)
            .map(|(_, kind)| *kind)
    };
    let bits = key.subject_public_key.as_bytes().unwrap_or_default();
    let held = if algorithm.oid == RSA_PSS {
        let (kind, scheme) = pss(algorithm)?;
        let hashed = kind.digest(&[message]);
        let key = rsa_key(key, bits)?;
        match scheme {
            PssOf::Sha256(scheme) => key.verify(scheme, &hashed, signature).is_ok(),
            PssOf::Sha384(scheme) => key.verify(scheme, &hashed, signature).is_ok(),
            PssOf::Sha512(scheme) => key.verify(scheme, &hashed, signature).is_ok(),
        }
    } else if let Some(kind) = named(&RSA_WITH).or(match digest {
        Some(kind) if algorithm.oid == RSA => Some(kind),
        _ => None,
    }) {
        let scheme = match kind {
            HashKind::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
            HashKind::Sha384 => Pkcs1v15Sign::new::<sha2::Sha384>(),
            HashKind::Sha512 => Pkcs1v15Sign::new::<sha2::Sha512>(),
        };
        rsa_key(key, bits)?
            .verify(scheme, &kind.digest(&[message]), signature)
            .is_ok()
    } else if let Some(kind) = named(&ECDSA_WITH) {
        ecdsa(key, bits, &kind.digest(&[message]), signature)?
    } else if algorithm.oid == ED25519 {
        ed25519(key, bits, message, signature)
    } else {
        return Err(not_accepted("its signature algorithm", &algorithm.oid));
    };
    if held {
        Ok(())
    } else {
        Err(StampError::WrongSignature)
    }
}

fn not_accepted(what: &'static str, oid: &ObjectIdentifier) -> StampError {
    StampError::NotAccepted {
        what,
        name: oid.to_string(),
    }
}

fn rsa_key(key: &SubjectPublicKeyInfoOwned, bits: &[u8]) -> Result<PublicKey, StampError> {
    if ![RSA, RSA_PSS].contains(&key.algorithm.oid) {
        return Err(StampError::WrongSignature);
    }
    let refused = |name: String| StampError::NotAccepted {
        what: "an RSA key",
        name,
    };
    let parsed = PublicKey::from_pkcs1_der(bits).map_err(|error| refused(error.to_string()))?;
    let size = parsed.n().bit_width();
    if (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&size) {
        Ok(parsed)
    } else {
        Err(refused(format!("it has {size} bits")))
    }
}

enum PssOf {
    Sha256(Pss<sha2::Sha256>),
    Sha384(Pss<sha2::Sha384>),
    Sha512(Pss<sha2::Sha512>),
}

fn pss(algorithm: &AlgorithmIdentifierOwned) -> Result<(HashKind, PssOf), StampError> {
    let refused = || not_accepted("its RSA-PSS parameters", &algorithm.oid);
    let parameters = algorithm.parameters.as_ref().ok_or_else(refused)?;
    let parameters: PssParameters = decode(parameters).ok_or_else(refused)?;
    let hash = parameters
        .hash
        .and_then(|hash| HashKind::of_oid(&hash.oid))
        .ok_or_else(refused)?;
    let mask = parameters.mask.ok_or_else(refused)?;
    let mask_hash: Option<AlgorithmIdentifierOwned> = mask.parameters.as_ref().and_then(decode);
    let same = mask_hash.and_then(|of| HashKind::of_oid(&of.oid)) == Some(hash);
    if mask.oid != MGF1 || !same || parameters.trailer.unwrap_or(1) != 1 {
        return Err(refused());
    }
    let salt = usize::from(parameters.salt_length.unwrap_or(20));
    let scheme = match hash {
        HashKind::Sha256 => PssOf::Sha256(Pss::new_with_salt(salt)),
        HashKind::Sha384 => PssOf::Sha384(Pss::new_with_salt(salt)),
        HashKind::Sha512 => PssOf::Sha512(Pss::new_with_salt(salt)),
    };
    Ok((hash, scheme))
}

fn decode<T: for<'a> Decode<'a>>(any: &Any) -> Option<T> {
    T::from_der(&any.to_der().ok()?).ok()
}

fn ecdsa(
    key: &SubjectPublicKeyInfoOwned,
    bits: &[u8],
    hashed: &[u8],
    signature: &[u8],
) -> Result<bool, StampError> {
    if key.algorithm.oid != EC {
        return Ok(false);
    }
    let curve: ObjectIdentifier = key
        .algorithm
        .parameters
        .as_ref()
        .and_then(decode)
        .ok_or_else(|| not_accepted("an elliptic curve", &EC))?;
    Ok(match curve {
        P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(bits)
            .and_then(|key| {
                let signature = p256::ecdsa::Signature::from_der(signature)?;
                key.verify_prehash(hashed, &signature)
            })
            .is_ok(),
        P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(bits)
            .and_then(|key| {
                let signature = p384::ecdsa::Signature::from_der(signature)?;
                key.verify_prehash(hashed, &signature)
            })
            .is_ok(),
        P521 => {
            // The crate refuses a digest of less than half the field, which FIPS 186-5 allows: it is the same number
            // with zeros before it.
            let mut padded = vec![0; 64_usize.saturating_sub(hashed.len())];
            padded.extend_from_slice(hashed);
            p521::ecdsa::VerifyingKey::from_sec1_bytes(bits)
                .and_then(|key| {
                    let signature = p521::ecdsa::Signature::from_der(signature)?;
                    key.verify_prehash(&padded, &signature)
                })
                .is_ok()
        }
        other => return Err(not_accepted("an elliptic curve", &other)),
    })
}

fn ed25519(key: &SubjectPublicKeyInfoOwned, bits: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(bits), Ok(signature)) = (bits.try_into(), signature.try_into()) else {
        return false;
    };
    key.algorithm.oid == ED25519
        && ed25519_dalek::VerifyingKey::from_bytes(bits).is_ok_and(|key| {
            key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature))
                .is_ok()
        })
}
