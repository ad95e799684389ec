//! What a file says of where it comes from, signed (C2PA 2.1): who signed, with what it was made, what was done to
//! it. Checked are the signature, the digests of what it says, and the digest of the file. Whether the signer is to
//! be trusted is not: that is a matter of lists, which a reader has none of.

mod binding;
mod bmff;
mod carrier;
mod digest;
mod jumbf;
mod signature;

use super::cbor::Value;
use crate::{Input, Out, Stop};
use binding::Verdict;
use carrier::Found;
use jumbf::Part;
use signature::Signature;

/// A manifest that adds to another one, which adds to another one.
const DEPTH_MAX: u32 = 8;
/// Statements of one manifest; real ones have some ten.
const STATEMENTS_MAX: usize = 1000;

/// Reads the manifest of a file, if there is one. `what` it is, is for people: a picture, a film.
pub fn read(input: &Input, out: &mut Out, what: &str) -> Result<(), Stop> {
    carrier::find(input).map_or(Ok(()), |found| of(&found, input, out, what))
}

/// As [`read`], for a picture in SVG; other text has none.
pub fn read_svg(input: &Input, out: &mut Out) -> Result<(), Stop> {
    carrier::in_svg(input).map_or(Ok(()), |found| of(&found, input, out, "picture"))
}

/// As [`read`], for a PDF, all of it and the file within that is its manifest.
pub fn read_document(input: &Input, all: &[u8], store: Vec<u8>, out: &mut Out) -> Result<(), Stop> {
    of(&carrier::in_document(all, store), input, out, "document")
}

fn of(found: &Found, input: &Input, out: &mut Out, what: &str) -> Result<(), Stop> {
    let stores = found.stores.iter().map(|store| Part::read(store));
    let stores: Option<Vec<Part<'_>>> = stores.collect();
    let Some(stores) = stores.filter(|all| all.iter().all(|store| store.label == "c2pa")) else {
        out.missing("its C2PA manifest: it is damaged");
        return Ok(());
    };
    let told = Told {
        manifests: stores.iter().flat_map(|store| &store.parts).collect(),
        found,
        input,
        what,
    };
    // The last one is that of the file as it is; those before are of what it was made from.
    told.manifest(told.manifests.last().copied(), 0, out)
}

struct Told<'a> {
    manifests: Vec<&'a Part<'a>>,
    found: &'a Found,
    input: &'a Input,
    what: &'a str,
}

impl Told<'_> {
    fn manifest(&self, manifest: Option<&Part<'_>>, depth: u32, out: &mut Out) -> Result<(), Stop> {
        let Some((manifest, claim_bytes, claim, signature)) = manifest.and_then(opened) else {
            out.missing("its C2PA manifest: it has no claim and signature that can be read");
            return Ok(());
        };
        let holds = signature.holds(claim_bytes);
        let doubt = match holds {
            Some(true) => "",
            Some(false) => ", whose signature does not hold",
            None => ", whose signature is not checked",
        };
        shown(&claim, doubt, out)?;
        signed(&signature.signer(), holds, out)?;
        let usual = claim.get("alg").and_then(Value::text).unwrap_or("sha256");
        let statements = statements(&claim, usual);
        let parts = manifest
            .part("c2pa.assertions")
            .map_or(&[][..], |list| &list.parts);
        if parts.len().max(statements.len()) > STATEMENTS_MAX {
            out.missing(&format!(
                "a C2PA manifest with more than {STATEMENTS_MAX} statements: none of them is shown"
            ));
            return Ok(());
        }
        let mut parent = None;
        let mut bound = 0;
        for statement in &statements {
            bound += u32::from(binding::is(&statement.label));
            let part = parts.iter().find(|part| part.label == statement.label);
            let Some(part) = part.filter(|part| statement.is(part.body)) else {
                out.missing(&format!(
                    "the C2PA statement {} is not what was signed",
                    statement.label
                ));
                continue;
            };
            if part.label.starts_with("c2pa.actions") {
                actions(part, doubt, out)?;
            } else if part.label.starts_with("c2pa.ingredient") {
                parent = parent.or_else(|| parent_of(part, usual));
            } else if binding::is(&part.label) && bound == 1 {
                self.binding(part, usual, holds == Some(true), out)?;
            }
        }
        if bound > 1 {
            out.missing(&format!(
                "its C2PA manifest names {bound} digests of the {}: the first alone is checked",
                self.what
            ));
        }
        for (place, part) in parts.iter().enumerate() {
            let named = statements
                .iter()
                .any(|statement| statement.label == part.label);
            if !named || parts[..place].iter().any(|known| known.label == part.label) {
                out.missing(&format!(
                    "the C2PA statement {} is not among what was signed",
                    part.label
                ));
            }
        }
        match parent {
            _ if bound > 0 => Ok(()),
            Some(parent) if depth < DEPTH_MAX => self.added_to(&parent, depth, out),
            _ => {
                out.missing(&format!(
                    "its C2PA manifest names no digest of the {}",
                    self.what
                ));
                Ok(())
            }
        }
    }

    /// The digest of the file is said by the manifest that this one adds to.
    fn added_to(&self, parent: &Statement, depth: u32, out: &mut Out) -> Result<(), Stop> {
        let known = self
            .manifests
            .iter()
            .find(|manifest| manifest.label == parent.label)
            .filter(|manifest| parent.is(manifest.body));
        let Some(known) = known else {
            out.missing(
                "the C2PA manifest that its last one adds to is not there as it was signed for",
            );
            return Ok(());
        };
        let words = format!("it adds to the manifest {}, which says:", parent.label);
        out.field("comment", &words, "C2PA ingredient")?;
        self.manifest(Some(known), depth + 1, out)
    }

    fn binding(
        &self,
        part: &Part<'_>,
        usual: &str,
        is_signed: bool,
        out: &mut Out,
    ) -> Result<(), Stop> {
        let what = self.what;
        match binding::check(&part.label, part.content, usual, self.found, self.input) {
            Verdict::Same(left) => {
                let left = left.words();
                let words = match is_signed {
                    true => {
                        format!("the {what} is the one that the manifest was signed for{left}")
                    }
                    false => format!(
                        "the {what} has the digest that the manifest names{left}; no signature that was found to hold is over it"
                    ),
                };
                out.field("comment", &words, &format!("C2PA {}", part.label))?;
            }
            Verdict::Differs => out.missing(&format!(
                "the {what} is not the one that its C2PA manifest was signed for"
            )),
            Verdict::Unchecked(why) => out.missing(&format!(
                "the digest of the {what} in its C2PA manifest is not checked: {why}"
            )),
        }
        Ok(())
    }
}

/// A manifest with its claim, as bytes and as what they say, and the signature.
fn opened<'a>(manifest: &'a Part<'a>) -> Option<(&'a Part<'a>, &'a [u8], Value, Signature)> {
    let claim_bytes = manifest
        .part("c2pa.claim.v2")
        .or_else(|| manifest.part("c2pa.claim"))?
        .content;
    let claim = Value::read(claim_bytes)?;
    let signature = Signature::read(manifest.part("c2pa.signature")?.content)?;
    Some((manifest, claim_bytes, claim, signature))
}

fn shown(claim: &Value, doubt: &str, out: &mut Out) -> Result<(), Stop> {
    let from = format!("C2PA claim{doubt}");
    let text = |value: Option<&Value>| value.and_then(Value::text).unwrap_or_default().to_owned();
    out.field("title", &text(claim.get("dc:title")), &from)?;
    out.field("software", &text(claim.get("claim_generator")), &from)?;
    let about = claim.get("claim_generator_info");
    // One, or in the older form a list.
    let about = about.map(|about| about.items().first().unwrap_or(about));
    let name = text(about.and_then(|about| about.get("name")));
    let version = text(about.and_then(|about| about.get("version")));
    out.field("software", &format!("{name} {version}"), &from)
}

/// Who signed, and whether the signature holds over the claim.
fn signed(signer: &str, holds: Option<bool>, out: &mut Out) -> Result<(), Stop> {
    let from = match holds {
        Some(true) => "C2PA signer, not checked against a trust list",
        Some(false) => "C2PA certificate, whose signature does not hold",
        None => "C2PA certificate, whose signature is not checked",
    };
    out.field("author", signer, from)?;
    match holds {
        Some(true) => {
            let words = format!(
                "signed by {signer}; the signature holds; the signer is not checked against a trust list"
            );
            out.field("comment", &words, "C2PA signature")?;
        }
        Some(false) => out.missing("the signature of its C2PA manifest does not hold"),
        None => {
            out.missing("the signature of its C2PA manifest is of a kind that is not checked here")
        }
    }
    Ok(())
}

/// What is bound by its digest, by a claim or another statement.
struct Statement {
    label: String,
    hash: Vec<u8>,
    algorithm: String,
}

impl Statement {
    fn of(entry: &Value, usual: &str) -> Option<Statement> {
        let address = entry.get("url")?.text()?;
        let algorithm = entry.get("alg").and_then(Value::text).unwrap_or(usual);
        Some(Statement {
            label: address.rsplit('/').next()?.to_owned(),
            hash: entry.get("hash")?.bytes()?.to_vec(),
            algorithm: algorithm.to_owned(),
        })
    }

    fn is(&self, body: &[u8]) -> bool {
        digest::of(&self.algorithm, body).as_deref() == Some(&self.hash)
    }
}

/// The statements that the claim binds by their digests.
fn statements(claim: &Value, usual: &str) -> Vec<Statement> {
    let lists = ["assertions", "created_assertions", "gathered_assertions"];
    let entries = lists.iter().filter_map(|list| claim.get(list));
    let mut all: Vec<Statement> = Vec::new();
    for entry in entries.flat_map(Value::items) {
        // A label is held against its bytes once.
        if let Some(statement) = Statement::of(entry, usual)
            && all.len() <= STATEMENTS_MAX
            && all.iter().all(|known| known.label != statement.label)
        {
            all.push(statement);
        }
    }
    all
}

/// The manifest of what a file is a later state of, as a statement about that says.
fn parent_of(part: &Part<'_>, usual: &str) -> Option<Statement> {
    let about = Value::read(part.content)?;
    let manifest = about
        .get("activeManifest")
        .or_else(|| about.get("c2pa_manifest"))?;
    (about.get("relationship")?.text()? == "parentOf")
        .then(|| Statement::of(manifest, usual))
        .flatten()
}

/// What was done, as a statement says.
fn actions(part: &Part<'_>, doubt: &str, out: &mut Out) -> Result<(), Stop> {
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
        out.field("comment", &words.join(" "), &format!("C2PA action{doubt}"))?;
    }
    Ok(())
}
