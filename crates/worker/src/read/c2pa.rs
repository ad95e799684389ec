//! What a picture says of where it comes from, signed (C2PA 2.1): who signed, with what it was made, what was done to
//! it. Checked are the signature, the digests of what it says, and the digest of the picture. Whether the signer is to
//! be trusted is not: that is a matter of lists, which a reader has none of.

use super::cbor::{self, Value};
use crate::{
    Input, Out, Stop,
    ints::{be16_at, be32_at},
};
use der::{Decode, Encode};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io::{Read, Seek, SeekFrom};
use x509_cert::Certificate;

/// Manifests hold thumbnails; more bytes than these are not of them.
const STORE_MAX: usize = 64 << 20;
const PARTS_MAX: u32 = 100_000;
const DEPTH_MAX: u32 = 8;

/// Reads the manifest of a JPEG or PNG, if there is one.
pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let store = match input.bytes_at(0, 8)[..] {
        [0xff, 0xd8, ..] => in_jpeg(input),
        [0x89, b'P', b'N', b'G', ..] => in_png(input),
        _ => return Ok(()),
    };
    if store.is_empty() {
        return Ok(());
    }
    let Some(store) = Part::read(&store, 0).filter(|store| store.label == "c2pa") else {
        out.missing("its C2PA manifest: it is damaged");
        return Ok(());
    };
    // The last one is that of the picture as it is; those before are of what it was made from.
    match store.parts.last().map(|manifest| one(manifest, input, out)) {
        Some(Some(result)) => result,
        _ => {
            out.missing("its C2PA manifest: it has no claim and signature that can be read");
            Ok(())
        }
    }
}

/// The segments of JPEG that carry it. Each but the first repeats eight bytes of the beginning.
fn in_jpeg(input: &Input) -> Vec<u8> {
    let (mut at, mut store) = (2, Vec::new());
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 12);
        let [0xff, kind, _, _, mark @ ..] = &head[..] else {
            break;
        };
        if matches!(kind, 0xd9 | 0xda) || store.len() > STORE_MAX {
            break;
        }
        let length = usize::from(be16_at(&head, 2)).max(2);
        if *kind == 0xeb && mark.starts_with(b"JP") {
            let repeated = if be32_at(&head, 8) > 1 { 8 } else { 0 };
            let start = 12 + repeated;
            store.extend(input.bytes_at(at + start as u64, (length + 2).saturating_sub(start)));
        }
        at += 2 + length as u64;
    }
    store
}

fn in_png(input: &Input) -> Vec<u8> {
    let mut at = 8;
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 8);
        if head.len() < 8 {
            break;
        }
        let length = be32_at(&head, 0) as usize;
        if &head[4..] == b"caBX" && length <= STORE_MAX {
            return input.bytes_at(at + 8, length);
        }
        at += 12 + length as u64;
    }
    Vec::new()
}

/// A box of boxes (JUMBF, ISO 19566-5) with its label.
struct Part<'a> {
    label: String,
    /// Its bytes after the head, over which digests go.
    body: &'a [u8],
    parts: Vec<Part<'a>>,
    /// The first content that is no box of boxes.
    content: &'a [u8],
}

impl<'a> Part<'a> {
    fn read(bytes: &'a [u8], depth: u32) -> Option<Part<'a>> {
        let (kind, body, _) = single(bytes)?;
        let (about, description, mut rest) = single(body)?;
        if kind != *b"jumb" || about != *b"jumd" || depth == DEPTH_MAX {
            return None;
        }
        let label = description.get(17..)?;
        let end = label.iter().position(|byte| *byte == 0)?;
        let label = String::from_utf8_lossy(&label[..end]).into_owned();
        let mut part = Part {
            label,
            body,
            parts: Vec::new(),
            content: &[],
        };
        while let Some((kind, inside, after)) = single(rest) {
            match kind {
                _ if &kind == b"jumb" => part.parts.extend(Part::read(rest, depth + 1)),
                _ if part.content.is_empty() => part.content = inside,
                _ => {}
            }
            rest = after;
        }
        Some(part)
    }

    fn part(&self, label: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.label == label)
    }
}

/// A box: its kind, its content, and what follows it.
fn single(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let kind = *bytes.get(4..)?.first_chunk()?;
    let (length, head) = match be32_at(bytes, 0) as usize {
        0 => (bytes.len(), 8),
        1 => (
            usize::try_from(u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)).ok()?,
            16,
        ),
        length => (length, 8),
    };
    let (whole, rest) = bytes.split_at_checked(length)?;
    Some((kind, whole.get(head..)?, rest))
}

/// One manifest; `None` where claim or signature cannot be read.
fn one(manifest: &Part<'_>, input: &Input, out: &mut Out) -> Option<Result<(), Stop>> {
    let named = |name: &str| manifest.part(name);
    let claim_bytes = named("c2pa.claim.v2")
        .or_else(|| named("c2pa.claim"))?
        .content;
    let claim = Value::read(claim_bytes)?;
    let signature = Signature::read(named("c2pa.signature")?.content)?;
    let said = |out: &mut Out| {
        shown(&claim, out)?;
        signature.told(claim_bytes, out)?;
        for assertion in statements(&claim) {
            if !holds(&assertion, manifest) {
                out.missing(&format!(
                    "the C2PA statement {} is not what was signed",
                    assertion.label
                ));
            }
        }
        for part in named("c2pa.assertions").iter().flat_map(|part| &part.parts) {
            told(part, input, out)?;
        }
        Ok(())
    };
    Some(said(out))
}

fn shown(claim: &Value, out: &mut Out) -> Result<(), Stop> {
    let text = |value: Option<&Value>| value.and_then(Value::text).unwrap_or_default().to_owned();
    out.field("title", &text(claim.get("dc:title")), "C2PA claim")?;
    out.field(
        "software",
        &text(claim.get("claim_generator")),
        "C2PA claim",
    )?;
    let about = claim.get("claim_generator_info");
    // One, or in the older form a list.
    let about = about.map(|about| about.items().first().unwrap_or(about));
    let name = text(about.and_then(|about| about.get("name")));
    let version = text(about.and_then(|about| about.get("version")));
    out.field("software", &format!("{name} {version}"), "C2PA claim")
}

struct Statement {
    label: String,
    hash: Vec<u8>,
    algorithm: String,
}

/// The statements that the claim binds by their digests.
fn statements(claim: &Value) -> Vec<Statement> {
    let usual = claim.get("alg").and_then(Value::text).unwrap_or("sha256");
    let lists = ["assertions", "created_assertions", "gathered_assertions"];
    let all = lists
        .iter()
        .filter_map(|list| claim.get(list))
        .flat_map(Value::items);
    let one = |entry: &Value| {
        let address = entry.get("url")?.text()?;
        Some(Statement {
            label: address.rsplit('/').next()?.to_owned(),
            hash: entry.get("hash")?.bytes()?.to_vec(),
            algorithm: entry
                .get("alg")
                .and_then(Value::text)
                .unwrap_or(usual)
                .to_owned(),
        })
    };
    all.filter_map(one).collect()
}

fn holds(statement: &Statement, manifest: &Part<'_>) -> bool {
    let part = manifest
        .part("c2pa.assertions")
        .and_then(|list| list.part(&statement.label));
    part.is_some_and(|part| {
        let digest = Hash::new(&statement.algorithm).map(|mut hash| {
            hash.update(part.body);
            hash.end()
        });
        digest.as_deref() == Some(&statement.hash)
    })
}

/// What a statement says: what was done, or what the picture's digest is.
fn told(part: &Part<'_>, input: &Input, out: &mut Out) -> Result<(), Stop> {
    if part.label.starts_with("c2pa.actions") {
        let actions = Value::read(part.content);
        for action in actions
            .as_ref()
            .and_then(|list| list.get("actions"))
            .map_or(&[][..], Value::items)
        {
            let names = ["action", "when", "digitalSourceType", "softwareAgent"];
            let words: Vec<&str> = names
                .iter()
                .filter_map(|name| action.get(name)?.text())
                .collect();
            out.field("comment", &words.join(" "), "C2PA action")?;
        }
    } else if part.label == "c2pa.hash.data" {
        let same = Value::read(part.content).and_then(|said| is_content(&said, input));
        match same {
            Some(true) => out.field(
                "comment",
                "the picture is the one that the manifest was signed for",
                "C2PA c2pa.hash.data",
            )?,
            Some(false) => {
                out.missing("the picture is not the one that its C2PA manifest was signed for")
            }
            None => {
                out.missing("the digest of the picture in its C2PA manifest is of no known kind")
            }
        }
    } else if part.label.starts_with("c2pa.hash.") {
        out.missing(&format!(
            "a digest of the picture of the kind {} is not checked",
            part.label
        ));
    }
    Ok(())
}

/// The digest of the file without the ranges that are named, among which the manifest is.
fn is_content(said: &Value, input: &Input) -> Option<bool> {
    let mut hash = Hash::new(said.get("alg").and_then(Value::text).unwrap_or("sha256"))?;
    let mut at = 0;
    for range in said.get("exclusions").map_or(&[][..], Value::items) {
        let number = |name: &str| u64::try_from(range.get(name)?.number()?).ok();
        let start = number("start")?;
        add(input, at, start, &mut hash)?;
        at = start.checked_add(number("length")?)?;
    }
    add(input, at, input.size(), &mut hash)?;
    Some(hash.end() == said.get("hash")?.bytes()?)
}

fn add(input: &Input, from: u64, to: u64, hash: &mut Hash) -> Option<()> {
    let length = to.checked_sub(from)?;
    let mut file = input.rewound();
    file.seek(SeekFrom::Start(from)).ok()?;
    let (mut file, mut buffer) = (file.take(length), vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(()),
            count => hash.update(&buffer[..count]),
        }
    }
}

enum Hash {
    Of256(Sha256),
    Of384(Sha384),
    Of512(Sha512),
}

impl Hash {
    fn new(name: &str) -> Option<Hash> {
        Some(match name {
            "sha256" => Hash::Of256(Sha256::new()),
            "sha384" => Hash::Of384(Sha384::new()),
            "sha512" => Hash::Of512(Sha512::new()),
            _ => return None,
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hash::Of256(hash) => hash.update(bytes),
            Hash::Of384(hash) => hash.update(bytes),
            Hash::Of512(hash) => hash.update(bytes),
        }
    }

    fn end(self) -> Vec<u8> {
        match self {
            Hash::Of256(hash) => hash.finalize().to_vec(),
            Hash::Of384(hash) => hash.finalize().to_vec(),
            Hash::Of512(hash) => hash.finalize().to_vec(),
        }
    }
}

/// A signature in the form of COSE (RFC 9052): what is protected, the certificates, and the signature itself.
struct Signature {
    protected: Vec<u8>,
    algorithm: i128,
    certificate: Certificate,
    signature: Vec<u8>,
}

impl Signature {
    fn read(content: &[u8]) -> Option<Signature> {
        let whole = Value::read(content)?;
        let [protected, open, _, signature] = whole.items() else {
            return None;
        };
        let protected = protected.bytes()?.to_vec();
        let about = Value::read(&protected)?;
        let chain = about
            .at(33)
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

    /// Who signed, and whether the signature holds over the claim.
    fn told(&self, claim: &[u8], out: &mut Out) -> Result<(), Stop> {
        let signer = self.certificate.tbs_certificate().subject().to_string();
        out.field(
            "author",
            &signer,
            "C2PA signer, not checked against a trust list",
        )?;
        match self.verifies(claim) {
            Some(true) => {
                let words = format!(
                    "signed by {signer}; the signature holds; the signer is not checked against a trust list"
                );
                out.field("comment", &words, "C2PA signature")?;
            }
            Some(false) => out.missing("the signature of its C2PA manifest does not hold"),
            None => out.missing(
                "the signature of its C2PA manifest is of a kind that is not checked here",
            ),
        }
        Ok(())
    }

    fn verifies(&self, claim: &[u8]) -> Option<bool> {
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
        let key = self
            .certificate
            .tbs_certificate()
            .subject_public_key_info()
            .to_der()
            .ok()?;
        // The point of a key stands at its end (RFC 5480).
        let point = |length: usize| key.get(key.len().checked_sub(length)?..);
        match self.algorithm {
            -7 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point(65)?).ok()?;
                let signature = p256::ecdsa::Signature::from_slice(&self.signature).ok()?;
                Some(
                    key.verify_prehash(&Sha256::digest(&signed), &signature)
                        .is_ok(),
                )
            }
            -35 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point(97)?).ok()?;
                let signature = p384::ecdsa::Signature::from_slice(&self.signature).ok()?;
                Some(
                    key.verify_prehash(&Sha384::digest(&signed), &signature)
                        .is_ok(),
                )
            }
            _ => None,
        }
    }
}
