//! Whether the files of a package are exactly those of its bag, each with its digest.

use std::io;

use crate::digest::Digest;
use crate::finding::Finding;

use super::bag::{self, BAG_INFO, BAGIT_TXT, MANIFEST, TAGMANIFEST};
use super::item::payload_ern;
use super::report::Findings;
use super::source::{Lines, Source, find, read_small};
use super::threads::{HashJob, Hashed, Unlike, hash_files};

/// A file whose digest is taken while it is read for another purpose.
pub(super) const HASHED_LATER: &str = "comity/events.jsonl";

/// The bag as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Bag {
    /// The payload files, sorted by path.
    pub(super) payload: Vec<HashJob>,
    /// Their sizes.
    pub(super) sizes: Vec<u64>,
    /// What the tag manifest says of [`HASHED_LATER`].
    pub(super) later: Option<Digest>,
    /// SHA-256 of the tag manifest itself.
    pub(super) tagmanifest: Option<Digest>,
}

/// Checks structure and digests.
pub(super) fn check(source: &dyn Source, threads: usize, findings: &mut Findings) -> Bag {
    match read_small(source, "bagit.txt") {
        Ok(bytes) if bytes == BAGIT_TXT.as_bytes() => {}
        Ok(bytes) => {
            let why = match bag::parse_declaration(&bytes) {
                Ok(_) => "is not exactly the declaration of a bag of version 1.0".to_owned(),
                Err(error) => error.to_string(),
            };
            findings.add("bagit.txt", why);
        }
        Err(error) => findings.add("bagit.txt", error),
    }
    let payload = read_manifest(source, MANIFEST, is_payload, findings);
    let is_tag = |name: &str| !is_payload(name) && name != TAGMANIFEST;
    let mut tags = read_manifest(source, TAGMANIFEST, is_tag, findings);
    let mut bag = Bag::default();
    tags.retain(|job| {
        let later = name_of(source, job) == HASHED_LATER;
        if later {
            bag.later = Some(job.expected);
        }
        !later
    });
    bag.tagmanifest = find(source, TAGMANIFEST).and_then(|index| {
        super::threads::hash_file(source, index, &mut vec![0; 64 << 10])
            .ok()
            .map(|(_, digest)| digest)
    });
    let hashed = hash_files(source, &tags, threads);
    report_hashed(source, TAGMANIFEST, &tags, &hashed, findings);
    let hashed = hash_files(source, &payload, threads);
    report_hashed(source, MANIFEST, &payload, &hashed, findings);
    bag.sizes = hashed.sizes;
    bag.payload = payload;
    check_info(source, &bag, findings);
    bag
}

fn is_payload(name: &str) -> bool {
    name.starts_with("data/")
}

fn name_of<'a>(source: &'a dyn Source, job: &HashJob) -> &'a str {
    source
        .names()
        .get(job.file as usize)
        .map_or("", String::as_str)
}

pub(super) fn report_hashed(
    source: &dyn Source,
    manifest: &str,
    jobs: &[HashJob],
    hashed: &Hashed,
    findings: &mut Findings,
) {
    for (place, unlike) in &hashed.wrong {
        let what = match unlike {
            Unlike::Digest => format!("was altered: its digest is not the one in {manifest}"),
            Unlike::Unread(error) => format!("cannot be read: {error}"),
        };
        let name = jobs.get(*place).map_or("", |job| name_of(source, job));
        match payload_ern(name) {
            Some(ern) => findings.add(ern.to_string(), format!("{name} {what}")),
            None => findings.add(name, what),
        }
    }
}

/// Reads a manifest and walks along the names that it should list, both in the order of bytes.
pub(super) fn read_manifest(
    source: &dyn Source,
    manifest: &str,
    lists: impl Fn(&str) -> bool,
    findings: &mut Findings,
) -> Vec<HashJob> {
    let mut jobs = Vec::new();
    let Some(index) = find(source, manifest) else {
        findings.add(manifest, "is missing");
        return jobs;
    };
    let mut names = source
        .names()
        .iter()
        .enumerate()
        .filter(|(_, name)| lists(name))
        .peekable();
    let unlisted = |name: &str, findings: &mut Findings| {
        findings.add(name, format!("is not listed in {manifest}"));
    };
    let read = source.read(index, &mut |reader| {
        let mut lines = Lines::new(reader);
        let mut last = String::new();
        let mut count = 0;
        while let Some(line) = lines.next()? {
            count += 1;
            let (digest, path) =
                parse_line(line).map_err(|why| io::Error::other(format!("line {count}: {why}")))?;
            if path <= last.as_str() {
                findings.add(
                    manifest,
                    format!("line {count}: {path} is listed twice or out of order"),
                );
                continue;
            }
            path.clone_into(&mut last);
            if !lists(path) {
                findings.add(
                    manifest,
                    format!("line {count}: {path} does not belong into it"),
                );
                continue;
            }
            while let Some((_, name)) = names.next_if(|(_, name)| name.as_str() < path) {
                unlisted(name, findings);
            }
            match names.next_if(|(_, name)| name.as_str() == path) {
                Some((file, _)) => jobs.push(HashJob {
                    file: u32::try_from(file).unwrap_or(u32::MAX),
                    expected: digest,
                }),
                None => add_missing(path, findings),
            }
        }
        Ok(())
    });
    match read {
        Ok(()) => {
            for (_, name) in names {
                unlisted(name, findings);
            }
        }
        Err(error) => findings.add(manifest, error.to_string()),
    }
    jobs
}

fn add_missing(path: &str, findings: &mut Findings) {
    let finding = match payload_ern(path) {
        Some(ern) => Finding::new(ern.to_string(), format!("its file {path} is missing")),
        None => Finding::new(path, "is missing"),
    };
    findings.add(finding.place, finding.what);
}

/// A line exactly as [`bag::manifest_line`] writes it, for names that need no encoding.
fn parse_line(line: &[u8]) -> Result<(Digest, &str), &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "is not UTF-8")?;
    let (digest, path) = text.split_once("  ").ok_or("is not '<digest>  <path>'")?;
    let digest = digest
        .parse()
        .map_err(|_| "its digest is not 64 lower-case hex digits")?;
    match super::source::refused_name(path) {
        None => Ok((digest, path)),
        Some(why) => Err(why),
    }
}

fn check_info(source: &dyn Source, bag: &Bag, findings: &mut Findings) {
    let fields = match read_small(source, BAG_INFO) {
        Ok(bytes) => bag::parse_info(&bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let fields = match fields {
        Ok(fields) => fields,
        Err(error) => return findings.add(BAG_INFO, error),
    };
    let oxum = format!("{}.{}", bag.sizes.iter().sum::<u64>(), bag.payload.len());
    let mut said = fields
        .iter()
        .filter(|(label, _)| label.eq_ignore_ascii_case("Payload-Oxum"));
    match (said.next(), said.next()) {
        (Some((_, said)), None) if *said == oxum => {}
        (Some((_, said)), None) => findings.add(
            BAG_INFO,
            format!("its Payload-Oxum is {said}, and the payload's is {oxum}"),
        ),
        _ => findings.add(BAG_INFO, "does not have one Payload-Oxum"),
    }
}
