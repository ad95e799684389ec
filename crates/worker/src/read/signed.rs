//! Files within signatures and time stamps (CMS, RFC 5652; RFC 5544; RFC 3274): the file as a child, and whose
//! certificates came with it. Whether a signature holds is not judged here: who is to be trusted is no matter of a
//! reader.

use super::ber::{OBJECT, OCTETS, Octets, SEQUENCE, SET, Value};
use crate::{Input, Out, Stop, out::child};
use comity_extract::{Child, Relation};
use der::{Decode, Encode, oid::ObjectIdentifier};
use flate2::read::ZlibDecoder;
use x509_cert::Certificate;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ENVELOPED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const ENCRYPTED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const COMPRESSED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.9");
const STAMPED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.31");
const STAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// Certificates and statements of time are far smaller.
const PART_MAX: u64 = 1 << 20;

/// Whether the file begins as one of these does: a sequence, and the name of its kind.
pub fn is(head: &[u8]) -> bool {
    let kinds: [&[u8]; 2] = [
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7],
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1],
    ];
    let begins = |at: usize| {
        let name = head.get(at..).filter(|name| name.first() == Some(&OBJECT));
        name.is_some_and(|name| {
            kinds
                .iter()
                .any(|kind| name.get(2..).is_some_and(|rest| rest.starts_with(kind)))
        })
    };
    let length = head.get(1).copied().unwrap_or(0);
    let after = if length > 0x80 {
        usize::from(length & 0x7f) + 2
    } else {
        2
    };
    head.first() == Some(&SEQUENCE) && begins(after)
}

pub fn read(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let whole = Value::at(input, 0, input.size())?;
    let (kind, content) = typed(input, whole)?;
    let content = content.ok_or_else(|| Stop::Damaged("it has no content".to_owned()))?;
    let stem = ["p7m", "p7s", "p7c", "p7z", "tsd", "tst"];
    let stem = name
        .rsplit_once('.')
        .filter(|(_, ending)| stem.contains(&ending.to_ascii_lowercase().as_str()));
    let path = stem.map_or("content", |(stem, _)| stem);
    match kind {
        DATA => octets(input, content, path, out),
        SIGNED => signed(input, content, path, out),
        STAMPED => stamped(input, content, path, out),
        COMPRESSED => compressed(input, content, path, out),
        ENVELOPED | ENCRYPTED => Err(Stop::Encrypted(
            "it is encrypted for the holders of certain keys".to_owned(),
        )),
        other => Err(Stop::Unsupported(format!(
            "a signed container of the kind {other}"
        ))),
    }
}

/// A name of a kind, and what is of it.
fn typed(input: &Input, value: Value) -> Result<(ObjectIdentifier, Option<Value>), Stop> {
    let parts = value.within(input)?;
    let kind = parts.first().filter(|part| part.tag == OBJECT);
    let kind = kind.and_then(|part| ObjectIdentifier::from_bytes(&part.content(input, 64)).ok());
    let kind = kind.ok_or_else(|| Stop::Damaged("it does not name its kind".to_owned()))?;
    let content = parts.get(1).filter(|part| part.is_context(0));
    Ok((kind, content.map(|part| part.first(input)).transpose()?))
}

fn octets(input: &Input, value: Value, path: &str, out: &mut Out) -> Result<(), Stop> {
    if value.tag & 0xdf != OCTETS {
        return Err(Stop::Damaged(
            "its content is no string of bytes".to_owned(),
        ));
    }
    let stated_size = (value.tag == OCTETS).then_some(value.end - value.start);
    let whole = Child {
        stated_size,
        ..child(Relation::Content, path)
    };
    out.child(whole, &mut Octets::new(input, value))
}

fn signed(input: &Input, value: Value, path: &str, out: &mut Out) -> Result<(), Stop> {
    let parts = value.within(input)?;
    let content = parts.iter().find(|part| part.tag == SEQUENCE);
    let (kind, content) = match content {
        Some(content) => typed(input, *content)?,
        None => return Err(Stop::Damaged("it does not say what it signs".to_owned())),
    };
    let certificates: Vec<Certificate> = match parts.iter().find(|part| part.is_context(0)) {
        Some(list) => certificates(input, *list)?,
        None => Vec::new(),
    };
    // The last set is that of the signers; each is named by its certificate's issuer and number.
    if let Some(signers) = parts.iter().skip(2).rev().find(|part| part.tag == SET) {
        for signer in signers.within(input)? {
            let named = signer.within(input)?.get(1).copied();
            let said = named.map(|named| named.whole(input, PART_MAX));
            let known = |certificate: &&Certificate| {
                names(certificate, said.as_deref().unwrap_or_default())
            };
            let words = match certificates.iter().find(known) {
                Some(certificate) => certificate.tbs_certificate().subject().to_string(),
                None => "a signer whose certificate is not in the file".to_owned(),
            };
            out.field("author", &words, "signer, not checked against a trust list")?;
        }
    }
    match content {
        None => out.field(
            "comment",
            "it holds the signature alone, and not the file that was signed",
            "CMS",
        ),
        Some(content) if kind == STAMP => stamp(input, content, out),
        Some(content) => octets(input, content, path, out),
    }
}

/// Whether a signer's issuer and number, in DER, are those of this certificate.
fn names(certificate: &Certificate, said: &[u8]) -> bool {
    let about = certificate.tbs_certificate();
    let (Ok(issuer), Ok(number)) = (about.issuer().to_der(), about.serial_number().to_der()) else {
        return false;
    };
    said.ends_with(&[issuer, number].concat())
}

fn certificates(input: &Input, list: Value) -> Result<Vec<Certificate>, Stop> {
    let list = list.within(input)?;
    let certificate = |value: &Value| Certificate::from_der(&value.whole(input, PART_MAX)).ok();
    Ok(list.iter().filter_map(certificate).collect())
}

/// When a time stamp was given: the only value of its kind in what it signs.
fn stamp(input: &Input, content: Value, out: &mut Out) -> Result<(), Stop> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(
        &mut std::io::Read::take(Octets::new(input, content), PART_MAX),
        &mut bytes,
    )?;
    let digits = bytes
        .windows(2)
        .position(|pair| pair[0] == 0x18 && pair[1] >= 15);
    let digits = digits.and_then(|at| bytes.get(at + 2..at + 16));
    let digits = digits
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .unwrap_or_default();
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse().ok());
    let time = match (
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14),
    ) {
        (Some(y), Some(mo), Some(d), Some(h), Some(mi), Some(s)) => {
            crate::time::civil(y, mo, d, h, mi, s)
        }
        _ => None,
    };
    out.field(
        "created",
        &time.map_or_else(String::new, |time| time + "Z"),
        "time stamp, genTime",
    )
}

/// A file with the time stamps that were given to it.
fn stamped(input: &Input, value: Value, path: &str, out: &mut Out) -> Result<(), Stop> {
    let parts = value.within(input)?;
    for part in &parts {
        match part.tag {
            // IA5String: where the file lies.
            0x16 => out.field(
                "link",
                &String::from_utf8_lossy(&part.content(input, 4096)),
                "dataUri",
            )?,
            tag if tag & 0xdf == OCTETS => octets(input, *part, path, out)?,
            _ => {}
        }
    }
    let mut number = 0;
    // Evidence in the form of stamps: each with what was known of revocations.
    for evidence in parts.iter().filter(|part| part.is_context(0)) {
        for entry in evidence.within(input)? {
            number += 1;
            let path = format!("time stamp {number}.tst");
            let bytes = entry.first(input)?.whole(input, PART_MAX);
            out.child(child(Relation::Embedded, &path), &mut bytes.as_slice())?;
        }
    }
    Ok(())
}

fn compressed(input: &Input, value: Value, path: &str, out: &mut Out) -> Result<(), Stop> {
    let content = value
        .within(input)?
        .into_iter()
        .rev()
        .find(|part| part.tag == SEQUENCE);
    let content = content.ok_or_else(|| Stop::Damaged("it has no content".to_owned()))?;
    let (_, content) = typed(input, content)?;
    let content = content.ok_or_else(|| Stop::Damaged("it has no content".to_owned()))?;
    out.child(
        child(Relation::Content, path),
        &mut ZlibDecoder::new(Octets::new(input, content)),
    )
}
