//! The hash functions of imprints, signatures and certificates.

use der::asn1::ObjectIdentifier;

/// A hash function that is accepted in tokens and certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashKind {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

const OIDS: [(HashKind, ObjectIdentifier, &str); 3] = [
    (
        HashKind::Sha256,
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
        "sha256",
    ),
    (
        HashKind::Sha384,
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
        "sha384",
    ),
    (
        HashKind::Sha512,
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
        "sha512",
    ),
];

impl HashKind {
    /// The function of a name as `<N>.json` has it.
    #[must_use]
    pub fn of_name(name: &str) -> Option<HashKind> {
        OIDS.iter()
            .find(|(_, _, known)| *known == name)
            .map(|(kind, ..)| *kind)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HashKind::Sha256 => "sha256",
            HashKind::Sha384 => "sha384",
            HashKind::Sha512 => "sha512",
        }
    }

    pub(crate) fn of_oid(oid: &ObjectIdentifier) -> Option<HashKind> {
        OIDS.iter()
            .find(|(_, known, _)| known == oid)
            .map(|(kind, ..)| *kind)
    }

    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            HashKind::Sha256 => OIDS[0].1,
            HashKind::Sha384 => OIDS[1].1,
            HashKind::Sha512 => OIDS[2].1,
        }
    }

    /// The digest of the concatenation of `parts`.
    #[must_use]
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            HashKind::Sha256 => hash::<sha2::Sha256>(parts),
            HashKind::Sha384 => hash::<sha2::Sha384>(parts),
            HashKind::Sha512 => hash::<sha2::Sha512>(parts),
        }
    }
}

fn hash<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().to_vec()
}
