//! A deliverer's own files held against a receipt.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use comity_core::package::{Source, receipt_entries};
use comity_core::shown::{escape_for_terminal, shown};
use comity_core::{Digest, Finding, Sha256Hasher};

/// What the comparison found.
pub struct Compared {
    /// Missing, different and extra files, by path.
    pub findings: Vec<Finding>,
    /// How many files are as the receipt says.
    pub same: u64,
    /// How many are there, and the receipt has no digest for them.
    pub without_digest: u64,
    /// How many the receipt lists that lay under another folder than the one compared.
    pub elsewhere: u64,
}

struct Listed {
    sha256: Option<Digest>,
    seen: bool,
}

/// Compares the files below `folder` with what the receipt lists. `folder` is the one in which the delivered
/// folders lie, or one of them itself.
///
/// # Errors
/// A folder that cannot be listed; the receipt cannot be read.
pub fn compare(receipt: &dyn Source, folder: &Path, threads: usize) -> Result<Compared, String> {
    let prefix = prefix(receipt, folder)?;
    let mut listed: HashMap<Digest, Listed> = HashMap::new();
    let mut elsewhere = 0;
    receipt_entries(receipt, &mut |entry| {
        if !entry.path.starts_with(&prefix) {
            elsewhere += 1;
            return;
        }
        listed.insert(
            Digest::of(&entry.path),
            Listed {
                sha256: entry.sha256,
                seen: false,
            },
        );
    })
    .map_err(|error| format!("cannot read the receipt: {error}"))?;

    let mut files = Vec::new();
    let mut findings = Vec::new();
    let mut unlisted = Vec::new();
    walk(folder, &mut Vec::new(), &mut files, &mut unlisted)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    for path in files
        .iter_mut()
        .chain(unlisted.iter_mut().map(|(path, _)| path))
    {
        path.splice(0..0, prefix.iter().copied());
    }
    for (path, error) in unlisted {
        let what = format!("this folder cannot be listed, and nothing in it was compared: {error}");
        findings.push(found(&path, &what));
    }
    let (mut same, mut without_digest) = (0, 0);
    let mut to_hash = Vec::new();
    for path in files {
        match listed.get_mut(&Digest::of(&path)) {
            None => findings.push(found(&path, "extra: the receipt does not list it")),
            Some(listed) => {
                listed.seen = true;
                match listed.sha256 {
                    Some(sha256) => to_hash.push((path, sha256)),
                    None => without_digest += 1,
                }
            }
        }
    }
    for (path, result) in hash(folder, &prefix, to_hash, threads) {
        match result {
            Ok(true) => same += 1,
            Ok(false) => findings.push(found(
                &path,
                "different: its bytes are not those that were recorded",
            )),
            Err(error) => findings.push(found(&path, &format!("cannot be read: {error}"))),
        }
    }
    receipt_entries(receipt, &mut |entry| {
        if let Some(listed) = listed.get_mut(&Digest::of(&entry.path))
            && !listed.seen
        {
            listed.seen = true;
            let what = format!("missing: the receipt lists it as {}", entry.ern);
            findings.push(found(&entry.path, &what));
        }
    })
    .map_err(|error| format!("cannot read the receipt: {error}"))?;
    findings.sort();
    Ok(Compared {
        findings,
        same,
        without_digest,
        elsewhere,
    })
}

/// What the receipt puts before the paths below `folder`: nothing, or the folder's own name when it is one of the
/// delivered folders itself.
fn prefix(receipt: &dyn Source, folder: &Path) -> Result<Vec<u8>, String> {
    let own = std::fs::canonicalize(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let Some(name) = own.file_name().filter(|name| !own.join(name).exists()) else {
        return Ok(Vec::new());
    };
    let prefix = [name.as_bytes(), b"/"].concat();
    let mut is_delivered = false;
    receipt_entries(receipt, &mut |entry| {
        is_delivered |= entry.path.starts_with(&prefix);
    })
    .map_err(|error| format!("cannot read the receipt: {error}"))?;
    Ok(if is_delivered { prefix } else { Vec::new() })
}

fn found(path: &[u8], what: &str) -> Finding {
    Finding::new(escape_for_terminal(&shown(path)), what)
}

/// Lists everything that is no folder, as paths below the root, and the folders that cannot be listed. Links are not
/// followed.
///
/// # Errors
/// The root cannot be listed.
fn walk(
    folder: &Path,
    below: &mut Vec<u8>,
    files: &mut Vec<Vec<u8>>,
    unlisted: &mut Vec<(Vec<u8>, io::Error)>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder.join(OsStr::from_bytes(below)))? {
        let entry = entry?;
        let before = below.len();
        if before > 0 {
            below.push(b'/');
        }
        below.extend_from_slice(entry.file_name().as_bytes());
        if entry.file_type()?.is_dir() {
            if let Err(error) = walk(folder, below, files, unlisted) {
                unlisted.push((below.clone(), error));
            }
        } else {
            files.push(below.clone());
        }
        below.truncate(before);
    }
    Ok(())
}

type HashResult = (Vec<u8>, io::Result<bool>);

/// Whether each file has the digest given for it.
fn hash(
    folder: &Path,
    prefix: &[u8],
    files: Vec<(Vec<u8>, Digest)>,
    threads: usize,
) -> Vec<HashResult> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(files.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut buffer = vec![0; 128 << 10];
                while let Some((path, expected)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let below = path.get(prefix.len()..).unwrap_or_default();
                    let file = folder.join(OsStr::from_bytes(below));
                    let result = hash_file(file, &mut buffer).map(|digest| digest == *expected);
                    let mut results = results
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner());
                    results.push((path.clone(), result));
                }
            });
        }
    });
    results
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn hash_file(path: PathBuf, buffer: &mut [u8]) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256Hasher::new();
    loop {
        match file.read(buffer)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&buffer[..count]),
        }
    }
}
