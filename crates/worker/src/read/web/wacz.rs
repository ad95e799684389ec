//! WACZ 1.1.1: a ZIP of captures with a list of what it holds, a list of pages, and perhaps a signature.
//!
//! The members are children, as of any ZIP; the captures among them are read as such. What the package says of its own
//! members is checked: each digest, the digest of the list, and the signature over that.

use super::{
    domain,
    record::{Checked, Recorded},
};
use crate::{Input, Out, Stop};
use comity_extract::{Anchor, Place};
use p384::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
use sha2::Digest;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use zip::ZipArchive;

/// The most bytes of a list that is held in memory, and the most bytes of a line of pages.
const LIST_MAX: u64 = 64 << 20;
const LINE_MAX: u64 = 4 << 20;

const LIST: &str = "datapackage.json";
const DIGEST: &str = "datapackage-digest.json";

/// What stands before the point in a key of this curve (RFC 5480).
const KEY_HEAD: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";

type Archive = ZipArchive<Input>;

/// Reads what the package says of itself, when the ZIP is one: whether it is.
pub fn read(input: &Input, out: &mut Out) -> Result<bool, Stop> {
    let mut archive = ZipArchive::new(input.rewound())?;
    let is_capture = |name: &String| name.starts_with("archive/") && name.contains(".warc");
    let names = names(&archive);
    if archive.index_for_name(LIST).is_none() || !names.iter().any(is_capture) {
        return Ok(false);
    }
    out.field("comment", "web capture (WACZ)", LIST)?;
    let list = whole(&mut archive, LIST)?;
    let about: serde_json::Value = serde_json::from_slice(&list)?;
    let text = |name: &str| {
        let value = about[name].as_str().or(about["metadata"][name].as_str());
        value.unwrap_or_default()
    };
    for (name, field) in [
        ("title", "title"),
        ("description", "comment"),
        ("created", "created"),
        ("modified", "modified"),
        ("software", "software"),
        ("mainPageUrl", "link"),
    ] {
        out.field(field, text(name), &format!("{LIST} {name}"))?;
    }
    resources(&mut archive, &about, out)?;
    signature(&mut archive, &list, out)?;
    pages(&mut archive, out)?;
    Ok(true)
}

/// The members by name. One whose name cannot be read is told with the members.
fn names(archive: &Archive) -> Vec<String> {
    let names = archive.file_names();
    names.flatten().map(|name| name.into_owned()).collect()
}

fn whole(archive: &mut Archive, name: &str) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    archive
        .by_name(name)?
        .take(LIST_MAX + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LIST_MAX {
        true => Err(Stop::OverLimit(format!(
            "{name} is larger than {LIST_MAX} bytes"
        ))),
        false => Ok(bytes),
    }
}

/// Every member against the list.
fn resources(archive: &mut Archive, about: &serde_json::Value, out: &mut Out) -> Result<(), Stop> {
    let mut listed = BTreeSet::from([LIST.to_owned(), DIGEST.to_owned()]);
    for resource in about["resources"].as_array().into_iter().flatten() {
        let Some(path) = resource["path"].as_str() else {
            out.missing("its list names a member without a path");
            continue;
        };
        listed.insert(path.to_owned());
        // Before version 1.1 kind and value of the digest stood apart.
        let apart = || {
            let value = resource["stats"]["hash"].as_str()?;
            Some(format!(
                "{}:{value}",
                resource["hashing"].as_str().unwrap_or("md5")
            ))
        };
        let said = resource["hash"].as_str().map(str::to_owned).or_else(apart);
        let said = said.unwrap_or_default();
        let said = said.as_str();
        let found = match archive.by_name(path) {
            Ok(member) if Recorded::parse(said).is_some() => {
                let mut member = Checked::new(member, Some(said));
                member.drain()?;
                member.recorded.and_then(Recorded::end)
            }
            Ok(_) => Some(format!(
                "no digest of a known kind is listed of it ({said})"
            )),
            Err(_) => Some("it is listed and not there".to_owned()),
        };
        if let Some(what) = found {
            out.missing(&format!("member {path}: {what}"));
        }
    }
    for name in names(archive) {
        if name.ends_with('/') || listed.contains(&name) {
            continue;
        }
        out.missing(&format!(
            "member {name}: the list of the package does not name it"
        ));
    }
    Ok(())
}

/// The digest of the list, and who signed it (WACZ Signing and Verification 0.1.0).
fn signature(archive: &mut Archive, list: &[u8], out: &mut Out) -> Result<(), Stop> {
    if archive.index_for_name(DIGEST).is_none() {
        return out.field("comment", "the package is not signed", DIGEST);
    }
    let digest: serde_json::Value = serde_json::from_slice(&whole(archive, DIGEST)?)?;
    let said = digest["hash"].as_str().unwrap_or_default();
    let mut recorded = Recorded::parse(said);
    if let Some(recorded) = &mut recorded {
        recorded.update(list);
    }
    match recorded.map(Recorded::end) {
        Some(None) => {}
        Some(Some(what)) => out.missing(&format!("{LIST}: {what}")),
        None => out.missing(&format!(
            "{LIST}: no digest of a known kind is recorded of it"
        )),
    }
    let signed = &digest["signedData"];
    if signed.is_null() {
        return out.field("comment", "the package is not signed", DIGEST);
    }
    let text = |name: &str| signed[name].as_str().unwrap_or_default();
    out.field("software", text("software"), "signedData software")?;
    if text("hash") != said {
        out.missing("the signature is over another digest than the recorded one");
    }
    if !text("domain").is_empty() {
        return domain::check(signed, out);
    }
    match by_key(text("publicKey"), text("hash"), text("signature")) {
        Some(true) => {
            let words = format!(
                "signed on {} by the key {}; the signature holds",
                text("created"),
                text("publicKey")
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

/// ECDSA with P-384 over the words of the digest, as browsers make it. `None` for keys and signatures of other kinds.
fn by_key(key: &str, words: &str, signature: &str) -> Option<bool> {
    let base64 = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).ok();
    let key = base64(key)?;
    let key = VerifyingKey::from_sec1_bytes(key.strip_prefix(KEY_HEAD)?).ok()?;
    let signature = base64(signature)?;
    let signature = Signature::from_slice(&signature)
        .or_else(|_| Signature::from_der(&signature))
        .ok()?;
    let holds = |hash: &[u8]| key.verify_prehash(hash, &signature).is_ok();
    Some(holds(&sha2::Sha256::digest(words)) || holds(&sha2::Sha384::digest(words)))
}

/// The lists of pages: address, time and title of each.
fn pages(archive: &mut Archive, out: &mut Out) -> Result<(), Stop> {
    let mut number = 0;
    for name in names(archive) {
        if !name.starts_with("pages/") || !name.ends_with(".jsonl") {
            continue;
        }
        let mut list = BufReader::new(archive.by_name(&name)?);
        loop {
            let mut line = Vec::new();
            (&mut list).take(LINE_MAX).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                break;
            }
            let Ok(page) = serde_json::from_slice::<serde_json::Value>(&line) else {
                out.missing(&format!("{name}: a line that is no page"));
                continue;
            };
            let text = |name: &str| page[name].as_str().unwrap_or_default();
            if text("url").is_empty() {
                continue;
            }
            number += 1;
            let words = [text("ts"), text("url"), text("title"), text("text")];
            out.text(
                &Anchor::at(&[(Place::Record, number)]),
                words.join(" ").trim(),
            )?;
        }
    }
    Ok(())
}
