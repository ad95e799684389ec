//! The signature of a domain over a WACZ (WACZ Signing and Verification 0.1.0): by the key of the certificate that the
//! domain has for its pages, with a time stamp. Checked are the signature, and that the certificate is of the domain and
//! was valid at that time; whom its issuer is trusted by is not, and the time stamp is a child that is read as such.

use crate::{Out, Stop, out::child, read::signed, time};
use comity_extract::Relation;
use der::Encode;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256, Sha384};
use x509_cert::{
    Certificate,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

pub fn check(signed: &serde_json::Value, out: &mut Out) -> Result<(), Stop> {
    let text = |name: &str| signed[name].as_str().unwrap_or_default();
    let (domain, created) = (text("domain"), text("created"));
    out.field("author", domain, "signedData domain")?;
    let base64 = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).ok();
    if let Some(stamp) = base64(text("timeSignature")).filter(|stamp| !stamp.is_empty()) {
        let token = token(&stamp).unwrap_or(&stamp);
        out.child(child(Relation::Embedded, "time stamp.tst"), &mut &*token)?;
    }
    let chain = Certificate::load_pem_chain(text("domainCert").as_bytes()).unwrap_or_default();
    let Some(certificate) = chain.first() else {
        out.missing("the certificate of the domain that signed the package cannot be read");
        return Ok(());
    };
    if !is_of(certificate, domain) {
        out.missing(&format!(
            "the certificate of the signature is not one of {domain}"
        ));
    }
    if !was_valid(certificate, created) {
        out.missing(&format!(
            "the certificate of {domain} was not valid on {created}"
        ));
    }
    let signature = base64(text("signature")).unwrap_or_default();
    match verifies(certificate, text("hash").as_bytes(), &signature) {
        Some(true) => {
            let words = format!(
                "signed on {created} by the domain {domain}; the signature holds; the certificate by {} is not checked \
                 against a trust list",
                certificate.tbs_certificate().issuer()
            );
            out.field("comment", &words, "signedData signature")
        }
        Some(false) => {
            out.missing("the signature over the package does not hold");
            Ok(())
        }
        None => {
            out.missing("the signature over the package is of a kind that is not known");
            Ok(())
        }
    }
}

/// The token in an answer of a time-stamping authority: after its status.
fn token(answer: &[u8]) -> Option<&[u8]> {
    if signed::is(answer) {
        return Some(answer);
    }
    let (inside, _) = value(answer)?;
    let (_, token) = value(inside)?;
    Some(token)
}

/// The content of a value in DER, and what follows it.
fn value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = (usize::from(*bytes.get(1)?), bytes.get(2..)?);
    let (length, rest) = match first {
        0..0x80 => (first, rest),
        _ => {
            let (digits, rest) = rest
                .split_at_checked(first & 0x7f)
                .filter(|(digits, _)| digits.len() <= 4)?;
            (
                digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit)),
                rest,
            )
        }
    };
    rest.split_at_checked(length)
}

/// Whether one of its names is the domain, or stands for all below the one above it.
fn is_of(certificate: &Certificate, domain: &str) -> bool {
    let above = domain
        .split_once('.')
        .map(|(_, above)| format!("*.{above}"));
    let fits = |name: &str| name.eq_ignore_ascii_case(domain) || above.as_deref() == Some(name);
    let about = certificate.tbs_certificate();
    match about.get_extension::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().any(|name| match name {
            GeneralName::DnsName(name) => fits(name.as_str()),
            _ => false,
        }),
        _ => about.subject().to_string() == format!("CN={domain}"),
    }
}

fn was_valid(certificate: &Certificate, moment: &str) -> bool {
    let validity = certificate.tbs_certificate().validity();
    let [from, to] = [validity.not_before, validity.not_after].map(|time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
        seconds.and_then(time::unix).unwrap_or_default()
    });
    // Both are written the same way, so that their letters have their order; a fraction goes unseen.
    let moment = moment.get(..19).unwrap_or_default();
    from.get(..19).is_some_and(|from| from <= moment) && to.get(..19).is_some_and(|to| moment <= to)
}

/// ECDSA over the words of the digest, by the certificate's key. `None` for keys of other kinds.
fn verifies(certificate: &Certificate, words: &[u8], signature: &[u8]) -> Option<bool> {
    let key = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .ok()?;
    // The point of a key stands at its end (RFC 5480).
    let point = |length: usize| key.get(key.len().checked_sub(length)?..);
    let (of_256, of_384) = (Sha256::digest(words), Sha384::digest(words));
    if let Some(Ok(key)) = point(65).map(p256::ecdsa::VerifyingKey::from_sec1_bytes) {
        let signature = p256::ecdsa::Signature::from_der(signature).ok();
        return Some(
            signature.is_some_and(|signature| key.verify_prehash(&of_256, &signature).is_ok()),
        );
    }
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point(97)?).ok()?;
    let holds = |digest: &[u8], signature: &p384::ecdsa::Signature| {
        key.verify_prehash(digest, signature).is_ok()
    };
    let signature = p384::ecdsa::Signature::from_der(signature).ok();
    Some(
        signature.is_some_and(|signature| holds(&of_256, &signature) || holds(&of_384, &signature)),
    )
}
