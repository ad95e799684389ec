//! What a bag lists, held against what it holds (RFC 8493, section 3).

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use comity_core::digest::hex;
use comity_core::shown::shown;
use unicode_normalization::UnicodeNormalization;

use super::BagVersion;
use super::finding::Found;
use super::paths::{Spelled, decode, refuse};
use super::source::{BagReader, Contents, Present};
use super::tags::{Declaration, INFO, TagLines};
use crate::intake::manifest::algorithm::{Algorithm, HashingReader};
use crate::intake::manifest::table::DigestTable;

const FETCH: &str = "fetch.txt";

/// The manifests of one kind: those of the payload, or those of the tag files.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) table: DigestTable,
    /// The algorithm and file name of each.
    pub(super) files: Vec<(Algorithm, Vec<u8>)>,
}

impl Manifests {
    fn place(&self, algorithm: Algorithm) -> &[u8] {
        let file = self.files.iter().find(|(known, _)| *known == algorithm);
        file.map(|(_, name)| name.as_slice()).unwrap_or_default()
    }
}

/// Whether a file at the top of a bag is a manifest: of tag files or not, and its algorithm's
/// name.
fn manifest_name(path: &[u8]) -> Option<(bool, &str)> {
    let name = std::str::from_utf8(path).ok()?.strip_suffix(".txt")?;
    let tags = name.strip_prefix("tagmanifest-").map(|name| (true, name));
    tags.or_else(|| name.strip_prefix("manifest-").map(|name| (false, name)))
}

/// Reads all manifests: those of the payload, and those of the tag files.
pub(super) fn manifests(
    contents: &Contents,
    declared: Declaration,
    found: &mut Found,
) -> io::Result<[Manifests; 2]> {
    let strict = declared.version == BagVersion::V1_0;
    let mut all = [Manifests::default(), Manifests::default()];
    for file in &contents.files {
        let Some((of_tags, name)) = manifest_name(&file.path) else {
            continue;
        };
        let Some(algorithm) = Algorithm::from_name(name) else {
            found.finding(
                &file.path,
                format!("the algorithm {name:?} is not known, so it cannot be checked"),
            );
            continue;
        };
        if algorithm.name() != name {
            found.breach(
                strict,
                &file.path,
                format!("its algorithm is to be written {:?}", algorithm.name()),
            );
        }
        let Some(manifests) = all.get_mut(usize::from(of_tags)) else {
            continue;
        };
        if manifests.files.iter().any(|(known, _)| *known == algorithm) {
            found.finding(
                &file.path,
                format!("it is a second manifest by {algorithm}"),
            );
            continue;
        }
        manifests.files.push((algorithm, file.path.clone()));
        match contents.source.open(file) {
            Ok(reader) => {
                let reading = Reading {
                    contents,
                    declared,
                    file,
                    algorithm,
                    of_tags,
                };
                reading.read(reader, &mut manifests.table, found)?;
            }
            Err(error) => found.finding(&file.path, format!("it cannot be read: {error}")),
        }
    }
    for manifests in &mut all {
        for twice in manifests.table.sort() {
            let place = manifests.place(twice.algorithm).to_vec();
            let (line, first) = (twice.line, twice.first_line);
            match twice.same_digest {
                true => found.breach(strict, place, format!("line {line} repeats line {first}")),
                false => found.finding(place, format!("line {line} contradicts line {first}")),
            }
        }
    }
    if all.first().is_some_and(|payload| payload.files.is_empty()) {
        found.finding("the bag", "it has no manifest of its payload");
    }
    Ok(all)
}

struct Reading<'a> {
    contents: &'a Contents,
    declared: Declaration,
    file: &'a Present,
    algorithm: Algorithm,
    of_tags: bool,
}

impl Reading<'_> {
    fn read(
        &self,
        reader: BagReader,
        table: &mut DigestTable,
        found: &mut Found,
    ) -> io::Result<()> {
        let place = &self.file.path;
        let (reader, has_mark) = self.declared.encoding.decode(reader)?;
        if has_mark {
            found.finding(
                place,
                "it begins with a byte order mark, which UTF-8 must not have here",
            );
        }
        let mut lines = TagLines::new(reader);
        let mut odd: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
        while let Some((number, line)) = lines.next()? {
            if line.trim_ascii().is_empty() {
                odd.entry("it is blank").or_default().push(number);
                continue;
            }
            match self.line(&line) {
                Ok((spelled, digest)) => {
                    if let Some(remark) = spelled.remark {
                        odd.entry(remark).or_default().push(number);
                    }
                    if let Some(breach) = spelled.breach {
                        found.finding(place, format!("line {number}: {breach}"));
                    }
                    if table
                        .push(&spelled.path, self.algorithm, &digest, number)
                        .is_err()
                    {
                        found.finding(
                            place,
                            "it is too large: more than 4 GiB of names or digests",
                        );
                        return Ok(());
                    }
                }
                Err(what) => found.finding(place, format!("line {number}: {what}")),
            }
        }
        for (remark, lines) in odd {
            let first = lines.first().copied().unwrap_or_default();
            match lines.len() {
                1 => found.remark(place, format!("line {first}: {remark}")),
                count => found.remark(
                    place,
                    format!("line {first} and {} more: {remark}", count - 1),
                ),
            }
        }
        Ok(())
    }

    /// The path and the digest of one line.
    fn line(&self, line: &[u8]) -> Result<(Spelled, Vec<u8>), String> {
        const SHAPE: &str = "it is not a digest, white space and a path";
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
        let digits = line.iter().take_while(|byte| !is_space(byte)).count();
        let (digest, rest) = line.split_at_checked(digits).ok_or(SHAPE)?;
        let text = rest
            .get(rest.iter().take_while(|byte| is_space(byte)).count()..)
            .ok_or(SHAPE)?;
        if text.is_empty() {
            return Err(SHAPE.into());
        }
        if std::str::from_utf8(text).is_err() {
            return Err("its path is not in the encoding that the bag declares".into());
        }
        let digest = std::str::from_utf8(digest)
            .ok()
            .map(str::to_ascii_lowercase);
        let digest = digest.and_then(|digest| comity_core::digest::unhex(&digest));
        let digest = digest.filter(|digest| digest.len() == self.algorithm.len_bytes());
        let digest = digest.ok_or_else(|| format!("its digest is none by {}", self.algorithm))?;
        let mut spelled = decode(text, self.declared.version)?;
        if self.declared.version == BagVersion::V0_97 && spelled.path != text {
            // Before 1.0 not all tools encoded: a file that bears the written name is meant.
            let has = |path: &[u8]| position(&self.contents.files, path).is_some();
            if !has(&spelled.path) && has(text) {
                spelled = Spelled {
                    path: text.to_vec(),
                    remark: None,
                    breach: None,
                };
            }
        }
        match (self.of_tags, spelled.path.starts_with(b"data/")) {
            (false, false) => Err("its path lies outside the payload".into()),
            (true, true) => {
                Err("its path lies in the payload, which is not for tag manifests".into())
            }
            _ => Ok((spelled, digest)),
        }
    }
}

/// The file with this path among those in order.
pub(super) fn position(files: &[Present], path: &[u8]) -> Option<usize> {
    use crate::intake::manifest::table::path_order;
    files
        .binary_search_by(|file| path_order(&file.path, path))
        .ok()
}

/// Holds the payload against its manifests. Gives, for each payload file in order, its rows.
pub(super) fn completeness(
    contents: &Contents,
    payload: &mut Manifests,
    declared: Declaration,
    found: &mut Found,
) -> io::Result<Vec<(usize, std::ops::Range<usize>)>> {
    let mut matched = Vec::new();
    let mut unlisted = Vec::new();
    for (index, file) in contents.files.iter().enumerate() {
        if !file.path.starts_with(b"data/") {
            continue;
        }
        let rows = payload.table.find(&file.path);
        payload.table.mark(rows.clone());
        match rows.is_empty() {
            true => unlisted.push(index),
            false => matched.push((index, rows)),
        }
    }
    let mut to_fetch = fetch(contents, payload, declared, found)?;
    rename(contents, payload, &mut unlisted, &mut matched, found);
    for index in unlisted {
        if let Some(file) = contents.files.get(index) {
            found.finding(&file.path, "it is in the payload and listed in no manifest");
        }
    }
    for (path, rows) in payload.table.paths() {
        let mut rows = payload.table.rows(rows);
        if rows.next().is_none_or(|row| row.seen) {
            continue;
        }
        match to_fetch.remove(path) {
            Some(url) => found.finding(
                path,
                format!("its bytes are not here: fetch.txt says to fetch it from {url}, and nothing is fetched"),
            ),
            None => found.finding(path, "it is listed and not there"),
        }
    }
    matched.sort_by_key(|(index, _)| *index);
    if declared.version == BagVersion::V1_0 {
        listed_in_all(contents, payload, &matched, found);
    }
    Ok(matched)
}

/// From 1.0 on every payload file is listed in every payload manifest.
fn listed_in_all(
    contents: &Contents,
    payload: &Manifests,
    matched: &[(usize, std::ops::Range<usize>)],
    found: &mut Found,
) {
    for (index, rows) in matched {
        let Some(file) = contents.files.get(*index) else {
            continue;
        };
        for (algorithm, name) in &payload.files {
            if !payload
                .table
                .rows(rows.clone())
                .any(|row| row.algorithm == *algorithm)
            {
                found.finding(
                    &file.path,
                    format!("it is not listed in {}, which must list all", shown(name)),
                );
            }
        }
    }
}

/// Files that a system renamed to another Unicode normalisation on the way: listed under the one,
/// there under the other. Their bytes are checked all the same.
fn rename(
    contents: &Contents,
    payload: &mut Manifests,
    unlisted: &mut Vec<usize>,
    matched: &mut Vec<(usize, std::ops::Range<usize>)>,
    found: &mut Found,
) {
    if unlisted.is_empty() {
        return;
    }
    let mut missing: HashMap<String, Option<std::ops::Range<usize>>> = HashMap::new();
    for (path, rows) in payload.table.paths() {
        if payload.table.rows(rows.clone()).any(|row| row.seen) {
            continue;
        }
        if let Some(name) = normal(path) {
            // Two listed names with one normal form stand for neither.
            missing
                .entry(name)
                .and_modify(|rows| *rows = None)
                .or_insert(Some(rows));
        }
    }
    unlisted.retain(|index| {
        let Some(file) = contents.files.get(*index) else {
            return false;
        };
        let rows = normal(&file.path)
            .and_then(|name| missing.remove(&name))
            .flatten();
        let Some(rows) = rows else { return true };
        payload.table.mark(rows.clone());
        matched.push((*index, rows));
        found.remark(
            &file.path,
            "the manifests list it under another Unicode normalisation of its name",
        );
        false
    });
}

fn normal(path: &[u8]) -> Option<String> {
    Some(std::str::from_utf8(path).ok()?.nfc().collect())
}

/// A path as systems see it that mind neither case nor normalisation.
pub(super) fn folded(path: &[u8]) -> String {
    shown(path)
        .nfc()
        .collect::<String>()
        .to_lowercase()
        .nfc()
        .collect()
}

/// Reads `fetch.txt`: where to fetch each path.
fn fetch(
    contents: &Contents,
    payload: &Manifests,
    declared: Declaration,
    found: &mut Found,
) -> io::Result<HashMap<Vec<u8>, String>> {
    let mut to_fetch = HashMap::new();
    let Some(file) =
        position(&contents.files, FETCH.as_bytes()).and_then(|at| contents.files.get(at))
    else {
        return Ok(to_fetch);
    };
    let reader = match contents.source.open(file) {
        Ok(reader) => reader,
        Err(error) => {
            found.finding(FETCH, format!("it cannot be read: {error}"));
            return Ok(to_fetch);
        }
    };
    let (reader, has_mark) = declared.encoding.decode(reader)?;
    if has_mark {
        found.finding(
            FETCH,
            "it begins with a byte order mark, which UTF-8 must not have here",
        );
    }
    let mut lines = TagLines::new(reader);
    while let Some((number, line)) = lines.next()? {
        if line.trim_ascii().is_empty() {
            found.remark(FETCH, format!("line {number} is blank"));
            continue;
        }
        match fetch_line(&line, declared) {
            Ok((url, path)) => {
                if payload.table.find(&path).is_empty() {
                    found.finding(
                        FETCH,
                        format!("line {number}: {:?} is listed in no manifest", shown(&path)),
                    );
                }
                to_fetch.insert(path, url);
            }
            Err(what) => found.finding(FETCH, format!("line {number}: {what}")),
        }
    }
    Ok(to_fetch)
}

fn fetch_line(line: &[u8], declared: Declaration) -> Result<(String, Vec<u8>), String> {
    const SHAPE: &str = "it is not an address, a length and a path";
    let mut rest = line;
    let mut word = || {
        let len = rest
            .iter()
            .take_while(|byte| !matches!(byte, b' ' | b'\t'))
            .count();
        let (word, after) = rest.split_at_checked(len)?;
        rest = after.trim_ascii_start();
        (!word.is_empty()).then_some(word)
    };
    let url = word().ok_or(SHAPE)?;
    let len = word().ok_or(SHAPE)?;
    if len != b"-" && !len.iter().all(u8::is_ascii_digit) {
        return Err(format!("its length {:?} is no number", shown(len)));
    }
    let path = rest.trim_ascii_end();
    refuse(path)?;
    let path = decode(path, declared.version)?.path;
    if !path.starts_with(b"data/") {
        return Err("its path lies outside the payload".into());
    }
    Ok((shown(url), path))
}

/// Holds every listed tag file against its digests.
pub(super) fn tag_files(
    contents: &Contents,
    payload: &Manifests,
    tags: &Manifests,
    declared: Declaration,
    found: &mut Found,
) -> io::Result<()> {
    let strict = declared.version == BagVersion::V1_0;
    for (path, rows) in tags.table.paths() {
        if manifest_name(path).is_some_and(|(of_tags, _)| of_tags) {
            found.breach(
                strict,
                path,
                "a tag manifest lists it, which is not for tag manifests",
            );
        }
        let Some(file) = position(&contents.files, path).and_then(|at| contents.files.get(at))
        else {
            found.finding(path, "a tag manifest lists it and it is not there");
            continue;
        };
        let algorithms: Vec<Algorithm> = tags
            .table
            .rows(rows.clone())
            .map(|row| row.algorithm)
            .collect();
        match contents
            .source
            .open(file)
            .and_then(|reader| digests(reader, &algorithms))
        {
            Ok((digests, _)) => {
                for row in tags.table.rows(rows) {
                    if digests.get(row.algorithm) != Some(row.digest) {
                        found.finding(path, differs(row.algorithm, row.digest, &digests));
                    }
                }
            }
            Err(error) => found.finding(path, format!("it cannot be read: {error}")),
        }
        if algorithms.len() < tags.files.len() {
            found.remark(path, "not every tag manifest lists it");
        }
    }
    for (_, tag_manifest) in &tags.files {
        let algorithm = tags
            .files
            .iter()
            .find(|(_, name)| name == tag_manifest)
            .map(|(a, _)| *a);
        for (_, name) in &payload.files {
            let rows = tags.table.find(name);
            if !tags
                .table
                .rows(rows)
                .any(|row| Some(row.algorithm) == algorithm)
            {
                found.breach(
                    strict,
                    tag_manifest,
                    format!("it does not list {}, as it must", shown(name)),
                );
            }
        }
    }
    Ok(())
}

/// Reads to the end and digests.
pub(super) fn digests(
    reader: impl Read,
    algorithms: &[Algorithm],
) -> io::Result<(crate::intake::manifest::algorithm::Digests, u64)> {
    let mut reader = HashingReader::new(reader, algorithms);
    let mut buffer = vec![0; 256 * 1024];
    while reader.read(&mut buffer)? > 0 {}
    Ok(reader.finish())
}

/// Says that a digest is another one.
pub(super) fn differs(
    algorithm: Algorithm,
    listed: &[u8],
    found: &crate::intake::manifest::algorithm::Digests,
) -> String {
    let found = found.hex(algorithm).unwrap_or_default();
    format!(
        "its {algorithm} is {found} and not {}, which is listed",
        hex(listed)
    )
}

/// Holds `Payload-Oxum` against the payload: bytes, a full stop, files.
pub(super) fn oxum(
    info: &[(String, String)],
    payload: impl Iterator<Item = u64>,
    declared: Declaration,
    found: &mut Found,
) {
    let stated: Vec<&str> = info
        .iter()
        .filter(|(label, _)| label.eq_ignore_ascii_case("Payload-Oxum"))
        .map(|(_, value)| value.as_str())
        .collect();
    if stated.len() > 1 {
        let strict = declared.version == BagVersion::V1_0;
        found.breach(strict, INFO, "Payload-Oxum is there more than once");
    }
    let (bytes, files) = payload.fold((0u64, 0u64), |(bytes, files), size| {
        (bytes.saturating_add(size), files + 1)
    });
    for value in stated {
        let number = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| text.parse::<u64>().ok())
                .flatten()
        };
        let parts = value
            .split_once('.')
            .and_then(|(b, f)| Some((number(b)?, number(f)?)));
        match parts {
            None => found.finding(INFO, format!("Payload-Oxum {value:?} is not bytes, a full stop and files")),
            Some((b, f)) if (b, f) != (bytes, files) => found.finding(
                INFO,
                format!("Payload-Oxum says {b} bytes in {f} files; here are {bytes} bytes in {files} files"),
            ),
            Some(_) => {}
        }
    }
}

/// Remarks on names that other systems take for one.
pub(super) fn collisions(contents: &Contents, found: &mut Found) {
    let mut names: Vec<(String, usize)> = contents
        .files
        .iter()
        .enumerate()
        .map(|(at, file)| (folded(&file.path), at))
        .collect();
    names.sort();
    for pair in names.windows(2) {
        let [(first, a), (second, b)] = pair else {
            continue;
        };
        if let (true, Some(a), Some(b)) = (
            first == second,
            contents.files.get(*a),
            contents.files.get(*b),
        ) {
            found.remark(
                &b.path,
                format!(
                    "some systems take its name and {:?} for one",
                    shown(&a.path)
                ),
            );
        }
    }
}
