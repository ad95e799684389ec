//! The signature over a claim, in the form of COSE (RFC 9052, C2PA 2.1, section 13.2): what is protected, the
//! certificates, and the signature itself.

use crate::read::cbor::{self, Value};
use der::{Decode, Encode};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{Pss, PublicKey, pkcs1::DecodeRsaPublicKey, traits::PublicKeyParts};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::Certificate;

/// Bits of an RSA key: fewer are not accepted by C2PA (2.1, section 13.2.1), and more cost too much to check.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;
/// Ed25519 (RFC 8410): what stands before the 32 bytes of the key.
const ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

pub struct Signature {
    protected: Vec<u8>,
    algorithm: i128,
    certificate: Certificate,
    signature: Vec<u8>,
}

impl Signature {
    pub fn read(content: &[u8]) -> Option<Signature> {
        let whole = Value::read(content)?;
        let [protected, open, _, signature] = whole.items() else {
            return None;
        };
        let protected = protected.bytes()?.to_vec();
        let about = Value::read(&protected)?;
        let chain = about
            .at(33)
            .or_else(|| about.get("x5chain"))
            .or_else(|| open.at(33))
            .or_else(|| open.get("x5chain"))?;
        let first = chain.items().first().unwrap_or(chain).bytes()?;
        Some(Signature {
            algorithm: about.at(1)?.number()?,
            certificate: Certificate::from_der(first).ok()?,
            signature: signature.bytes()?.to_vec(),
            protected,
        })
    }

    /// The name in the certificate.
    pub fn signer(&self) -> String {
        self.certificate.tbs_certificate().subject().to_string()
    }

    /// Whether it holds over the claim; `None` for kinds of keys and signatures that are not checked here.
    pub fn holds(&self, claim: &[u8]) -> Option<bool> {
        let string = |kind: u8, bytes: &[u8]| {
            [cbor::head(kind, bytes.len() as u64), bytes.to_vec()].concat()
        };
        let signed = [
            cbor::head(4, 4),
            string(3, b"Signature1"),
            string(2, &self.protected),
            string(2, b""),
            string(2, claim),
        ]
        .concat();
        match self.algorithm {
            -7 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(self.bits()?).ok()?;
                let signature = p256::ecdsa::Signature::from_slice(&self.signature);
                Some(signature.is_ok_and(|signature| {
                    key.verify_prehash(&Sha256::digest(&signed), &signature)
                        .is_ok()
                }))
            }
            -35 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(self.bits()?).ok()?;
                let signature = p384::ecdsa::Signature::from_slice(&self.signature);
                Some(signature.is_ok_and(|signature| {
                    key.verify_prehash(&Sha384::digest(&signed), &signature)
                        .is_ok()
                }))
            }
            -36 => {
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(self.bits()?).ok()?;
                let signature = p521::ecdsa::Signature::from_slice(&self.signature);
                Some(signature.is_ok_and(|signature| {
                    key.verify_prehash(&Sha512::digest(&signed), &signature)
                        .is_ok()
                }))
            }
            // The salt is as long as the digest (RFC 8230, section 2).
            -37 => self.pss(Pss::<Sha256>::new_with_salt(32), &Sha256::digest(&signed)),
            -38 => self.pss(Pss::<Sha384>::new_with_salt(48), &Sha384::digest(&signed)),
            -39 => self.pss(Pss::<Sha512>::new_with_salt(64), &Sha512::digest(&signed)),
            // EdDSA, and as RFC 9864 names it.
            -8 | -19 => {
                let key = self.certificate.tbs_certificate();
                let key = key.subject_public_key_info().to_der().ok()?;
                let key: &[u8; 32] = key.strip_prefix(&ED25519)?.try_into().ok()?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(key).ok()?;
                let signature = ed25519_dalek::Signature::from_slice(&self.signature);
                Some(
                    signature.is_ok_and(|signature| key.verify_strict(&signed, &signature).is_ok()),
                )
            }
            _ => None,
        }
    }

    fn pss<S: rsa::traits::SignatureScheme>(&self, scheme: S, digest: &[u8]) -> Option<bool> {
        let key = PublicKey::from_pkcs1_der(self.bits()?).ok()?;
        let size = key.n().bit_width();
        RSA_BITS
            .contains(&size)
            .then(|| key.verify(scheme, digest, &self.signature).is_ok())
    }

    /// The key itself: the point of a curve, or the numbers of RSA.
    fn bits(&self) -> Option<&[u8]> {
        let key = self.certificate.tbs_certificate().subject_public_key_info();
        key.subject_public_key.as_bytes()
    }
}
