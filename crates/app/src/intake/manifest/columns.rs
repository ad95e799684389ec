//! The columns of a manifest in CSV.

use csv::ByteRecord;

use super::algorithm::Algorithm;
use super::sums::{Sum, digest_of};
use super::text::column_key;
use comity_core::shown::shown;

/// Which column says what.
pub(super) struct Columns {
    count: usize,
    path: usize,
    digests: Vec<(usize, Algorithm)>,
    /// A column of digests whose algorithm another column says, or else their length.
    hash: Option<usize>,
    algorithm: Option<usize>,
}

const PATHS: [&str; 9] = [
    "path",
    "file_path",
    "filepath",
    "full_path",
    "fullpath",
    "file",
    "filename",
    "file_name",
    "name",
];
const HASHES: [&str; 4] = ["hash", "digest", "checksum", "hash_value"];
const ALGORITHMS: [&str; 3] = ["algorithm", "hash_algorithm", "hash_type"];

impl Columns {
    /// Reads a header; `None` when it names no path or no digest.
    pub(super) fn read(header: &ByteRecord) -> Option<Columns> {
        let keys: Vec<String> = header
            .iter()
            .map(|name| column_key(shown(name).trim()))
            .collect();
        let first = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| keys.iter().position(|key| key == name))
        };
        let digests: Vec<_> = keys
            .iter()
            .enumerate()
            .filter_map(|(index, key)| Some((index, algorithm_of(key)?)))
            .collect();
        let hash = first(&HASHES);
        if digests.is_empty() && hash.is_none() {
            return None;
        }
        let path = first(&PATHS)?;
        Some(Columns {
            count: keys.len(),
            path,
            digests,
            hash,
            algorithm: first(&ALGORITHMS),
        })
    }

    /// Reads one row.
    pub(super) fn parse(&self, row: &ByteRecord) -> Result<Vec<Sum>, String> {
        if row.len() != self.count {
            return Err(format!(
                "it has {} columns where the header has {}",
                row.len(),
                self.count
            ));
        }
        let name = row.get(self.path).unwrap_or_default();
        if name.is_empty() {
            return Err("it names no file".into());
        }
        let mut sums = Vec::new();
        for (index, algorithm) in &self.digests {
            self.add(row.get(*index), Some(*algorithm), name, &mut sums)?;
        }
        if let Some(hash) = self.hash {
            let stated = self
                .algorithm
                .and_then(|index| row.get(index))
                .map(|name| shown(name.trim_ascii()));
            let algorithm = match stated.filter(|name| !name.is_empty()) {
                Some(name) => Some(
                    Algorithm::from_name(&name)
                        .ok_or_else(|| format!("the algorithm {name:?} is not known"))?,
                ),
                None => None,
            };
            self.add(row.get(hash), algorithm, name, &mut sums)?;
        }
        if sums.is_empty() {
            return Err("it has no digest".into());
        }
        Ok(sums)
    }

    fn add(
        &self,
        field: Option<&[u8]>,
        algorithm: Option<Algorithm>,
        name: &[u8],
        sums: &mut Vec<Sum>,
    ) -> Result<(), String> {
        let text = field.unwrap_or_default().trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let algorithm = algorithm
            .or_else(|| Algorithm::from_len(text.len() / 2))
            .ok_or_else(|| {
                format!(
                    "{} hex digits are the length of no digest that is known",
                    text.len()
                )
            })?;
        sums.push(Sum {
            name: name.to_vec(),
            algorithm,
            digest: digest_of(algorithm, text)?,
        });
        Ok(())
    }
}

/// The algorithm that a column's name says: `sha256`, `sha_256`, `md5_hash`, `sha1sum`.
fn algorithm_of(key: &str) -> Option<Algorithm> {
    let endings = ["", "_hash", "_checksum", "_digest", "_sum", "hash", "sum"];
    endings
        .iter()
        .filter_map(|end| key.strip_suffix(end))
        .find_map(Algorithm::from_name)
}
