//! Certificates of an authority: read from PEM, and what is asked of each.

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage};
use x509_cert::name::Name;

use super::{StampError, malformed};
use crate::digest::Digest;

/// The most certificates that are read from one file or token.
const MAX_CERTIFICATES: usize = 64;
/// `id-kp-timeStamping`, RFC 3161 section 2.3.
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// `id-kp-OCSPSigning`, RFC 6960 section 4.2.2.2.
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// Critical extensions that are understood: basicConstraints, keyUsage, extKeyUsage, certificatePolicies.
const UNDERSTOOD: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.15"),
    EXTENDED_KEY_USAGE,
    ObjectIdentifier::new_unwrap("2.5.29.32"),
];

/// A certificate with its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub der: Vec<u8>,
    pub certificate: Certificate,
}

impl Known {
    pub fn new(certificate: Certificate) -> Result<Known, StampError> {
        Ok(Known {
            der: certificate.to_der().map_err(malformed("a certificate"))?,
            certificate,
        })
    }

    pub fn tbs(&self) -> &TbsCertificate {
        self.certificate.tbs_certificate()
    }

    pub fn is_root(&self) -> bool {
        self.tbs().subject() == self.tbs().issuer()
    }

    pub fn subject(&self) -> String {
        shown(self.tbs().subject())
    }

    pub fn sha256(&self) -> Digest {
        Digest::of(&self.der)
    }

    pub fn unfit(&self, why: impl Into<String>) -> StampError {
        StampError::Unfit {
            subject: self.subject(),
            why: why.into(),
        }
    }

    /// First and last second of its validity, since 1970.
    pub fn validity(&self) -> (u64, u64) {
        let validity = self.tbs().validity();
        (
            validity.not_before.to_unix_duration().as_secs(),
            validity.not_after.to_unix_duration().as_secs(),
        )
    }

    pub fn valid_at(&self, secs: u64) -> Result<(), StampError> {
        let (from, to) = self.validity();
        if secs < from {
            Err(self.unfit("was not valid yet at the time of the token"))
        } else if secs > to {
            Err(self.unfit("had ended before the time of the token"))
        } else {
            Ok(())
        }
    }

    /// No critical extension that nobody here understands (RFC 5280 section 4.2).
    pub fn understood(&self) -> Result<(), StampError> {
        for extension in self.tbs().extensions().into_iter().flatten() {
            if extension.critical && !UNDERSTOOD.contains(&extension.extn_id) {
                return Err(self.unfit(format!(
                    "has a critical extension that is not understood here ({})",
                    extension.extn_id
                )));
            }
        }
        Ok(())
    }

    fn extension<'a, T>(&'a self) -> Result<Option<(bool, T)>, StampError>
    where
        T: Decode<'a> + der::oid::AssociatedOid,
    {
        self.tbs()
            .get_extension::<T>()
            .map_err(|_| self.unfit("has an extension that cannot be read"))
    }

    /// Whether it may sign time stamps (RFC 3161 section 2.3): the one extended key usage, critical, and a key usage,
    /// if there is one, that allows signing and nothing else.
    pub fn may_stamp(&self) -> Result<(), StampError> {
        match self.extension::<ExtendedKeyUsage>()? {
            None => {
                return Err(self.unfit("is not for time stamping: it has no extended key usage"));
            }
            Some((_, usage)) if usage.0.as_slice() != [TIME_STAMPING] => {
                return Err(self.unfit("is not for time stamping alone"));
            }
            Some((false, _)) => {
                return Err(self.unfit("does not call its extended key usage critical"));
            }
            Some((true, _)) => {}
        }
        if let Some((_, usage)) = self.extension::<KeyUsage>()? {
            let signing = usage.digital_signature() || usage.non_repudiation();
            let other = usage.key_encipherment()
                || usage.data_encipherment()
                || usage.key_agreement()
                || usage.key_cert_sign()
                || usage.crl_sign();
            if !signing || other {
                return Err(self.unfit("has a key usage other than signing"));
            }
        }
        Ok(())
    }

    /// Whether it may issue a certificate with `below` CAs between itself and the signer.
    pub fn may_issue(&self, below: usize) -> Result<(), StampError> {
        let constraints = self.extension::<BasicConstraints>()?.map(|(_, it)| it);
        match constraints {
            Some(it) if it.ca => {
                if it
                    .path_len_constraint
                    .is_some_and(|most| below > usize::from(most))
                {
                    return Err(self.unfit("allows fewer certificates below it"));
                }
            }
            _ => return Err(self.unfit("is not that of a CA")),
        }
        if let Some((_, usage)) = self.extension::<KeyUsage>()?
            && !usage.key_cert_sign()
        {
            return Err(self.unfit("may not sign certificates"));
        }
        if let Some((_, usage)) = self.extension::<ExtendedKeyUsage>()?
            && !usage
                .0
                .iter()
                .any(|oid| [TIME_STAMPING, ANY_USAGE].contains(oid))
        {
            return Err(self.unfit("may not issue certificates for time stamping"));
        }
        Ok(())
    }

    /// Whether `issuer` made it, and made it to answer about certificates, valid at `secs`.
    pub fn may_answer_for(&self, issuer: &Known, secs: u64) -> bool {
        let usage = self.extension::<ExtendedKeyUsage>();
        let is_for_it = usage
            .is_ok_and(|found| found.is_some_and(|(_, usage)| usage.0.contains(&OCSP_SIGNING)));
        is_for_it
            && self.tbs().issuer() == issuer.tbs().subject()
            && self.valid_at(secs).is_ok()
            && self.understood().is_ok()
            && super::chain::is_signed_by(self, issuer).is_ok()
    }

    /// Whether it may sign revocation lists.
    pub fn may_revoke(&self) -> Result<bool, StampError> {
        Ok(self
            .extension::<KeyUsage>()?
            .is_none_or(|(_, usage)| usage.crl_sign()))
    }
}

/// A name as people read it.
pub(super) fn shown(name: &Name) -> String {
    let text = name.to_string();
    if text.is_empty() {
        "(no name)".to_owned()
    } else {
        text
    }
}

/// Certificates that are given: roots, which are trusted, and others, which chains may lead over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    pub(super) list: Vec<Known>,
}

impl Certificates {
    /// Reads PEM: one or more `CERTIFICATE`, at least one of them a root.
    ///
    /// # Errors
    /// What is no PEM, more than 64 certificates, and no root among them.
    pub fn parse_pem(pem: &[u8]) -> Result<Certificates, StampError> {
        let bad = malformed("a file of certificates");
        let list = Certificate::load_pem_chain(pem).map_err(&bad)?;
        if list.len() > MAX_CERTIFICATES {
            return Err(StampError::Malformed {
                what: "a file of certificates",
                why: "it holds more than 64".to_owned(),
            });
        }
        let list = list
            .into_iter()
            .map(Known::new)
            .collect::<Result<Vec<Known>, StampError>>()?;
        if !list.iter().any(Known::is_root) {
            return Err(StampError::Malformed {
                what: "a file of certificates",
                why: "no root is in it, a certificate whose subject is its issuer".to_owned(),
            });
        }
        Ok(Certificates { list })
    }

    /// The roots: subject, SHA-256 of the DER, and the last second of validity since 1970.
    pub fn roots(&self) -> impl Iterator<Item = (String, Digest, u64)> + '_ {
        self.list
            .iter()
            .filter(|known| known.is_root())
            .map(|known| (known.subject(), known.sha256(), known.validity().1))
    }

    pub(super) fn is_trusted_root(&self, root: &Known) -> bool {
        self.list
            .iter()
            .any(|known| known.is_root() && known == root)
    }
}

/// The addresses (`http://…`) of revocation lists that a certificate in DER names.
#[must_use]
pub fn revocation_points(certificate: &[u8]) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let points = certificate
        .tbs_certificate()
        .get_extension::<CrlDistributionPoints>();
    let Ok(Some((_, points))) = points else {
        return Vec::new();
    };
    let mut urls = Vec::new();
    for point in &points.0 {
        if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
            urls.extend(names.iter().filter_map(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
                _ => None,
            }));
        }
    }
    urls.retain(|url| url.starts_with("http://") || url.starts_with("https://"));
    urls
}
