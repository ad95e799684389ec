//! Whole packages and receipts, as the verifier reads them, of which one file is other bytes.
//!
//! An input is the name of a file, a line feed, and its bytes. What lies in the package under that name is replaced; the
//! lists of digests over it are made anew, unless it is one of them, so that the bytes behind them are read. Names that
//! begin with `beside/` and `tree/` are the files beside the package and the log that it is held against.

use std::io::{self, Read};

use comity_core::package::bag::{MANIFEST, ManifestWriter, TAGMANIFEST};
use comity_core::package::{
    Beside, PackageOptions, RECEIPT_SUMS, ReceiptOptions, Source, check_package, check_receipt,
};
use comity_core::{Digest, Finding};

macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../../../testdata/", $folder, "/", $name)))),*]
    };
}

const PACKAGE: &[(&str, &[u8])] = files!("package/1/NAME":
    "bag-info.txt" "bagit.txt" "comity/case.jsonld" "comity/events.jsonl" "comity/format/disclosure.md"
    "comity/items.jsonl" "comity/keys" "comity/log/checkpoint" "comity/log/tile/0/000"
    "comity/log/tile/0/001.p/43" "comity/log/tile/1/000.p/1" "comity/package.json" "data/UKR-000123-0000001.txt"
    "data/UKR-000123-0000002.eml" "data/UKR-000123-0000003" "data/UKR-000123-0000006.jpg" "index.html"
    "manifest-sha256.txt" "tagmanifest-sha256.txt");
const TREE: &[(&str, &[u8])] = files!("package/1/tree":
    "checkpoint" "keys" "tile/0/000" "tile/0/001.p/53" "tile/1/000.p/1" "tile/entries/000" "tile/entries/001.p/53");
const PROOF: &[u8] = include_bytes!("../../../../testdata/package/1/NAME.disclosure.tlog-proof");
const CONSISTENCY: &[u8] = include_bytes!("../../../../testdata/package/1/NAME.consistency");
const RECEIPT: &[(&str, &[u8])] = files!("receipt/1":
    "SHA256SUMS" "differences.jsonl" "index.html" "keys" "log/checkpoint" "log/tile/0/000" "log/tile/0/001.p/56"
    "log/tile/1/000.p/1" "manifest.jsonl" "receipt.json");

/// Files in memory, sorted by their names.
struct Memory {
    names: Vec<String>,
    files: Vec<Vec<u8>>,
}

impl Memory {
    fn new(files: &[(&str, &[u8])]) -> Memory {
        Memory {
            names: files.iter().map(|(name, _)| (*name).to_owned()).collect(),
            files: files.iter().map(|(_, bytes)| bytes.to_vec()).collect(),
        }
    }

    fn put(&mut self, name: &str, bytes: &[u8]) {
        let known = self
            .names
            .binary_search_by(|known| known.as_str().cmp(name));
        let at = known.unwrap_or_else(|at| {
            self.names.insert(at, name.to_owned());
            self.files.insert(at, Vec::new());
            at
        });
        self.files[at] = bytes.to_vec();
    }

    /// Makes the list `sums` of the files that `covers` anew.
    fn list(&mut self, sums: &str, covers: impl Fn(&str) -> bool) {
        let mut writer = ManifestWriter::new();
        for (name, bytes) in self.names.iter().zip(&self.files) {
            if name != sums && covers(name) {
                writer.add(name.clone(), Digest::of(bytes));
            }
        }
        self.put(sums, &writer.finish());
    }
}

impl Source for Memory {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn refused(&self) -> &[Finding] {
        &[]
    }

    fn read(
        &self,
        index: usize,
        visit: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let file = self.files.get(index).ok_or(io::ErrorKind::NotFound)?;
        visit(&mut file.as_slice())
    }
}

/// The name and the bytes of an input.
fn parts(input: &[u8]) -> Option<(&str, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&input[..end]).ok()?, &input[end + 1..]))
}

pub fn package(input: &[u8]) {
    let Some((name, bytes)) = parts(input) else {
        return;
    };
    let (mut package, mut tree) = (Memory::new(PACKAGE), Memory::new(TREE));
    let mut beside = Beside {
        proof: Some(PROOF.to_vec()),
        consistency: Some(CONSISTENCY.to_vec()),
    };
    match (name, name.strip_prefix("tree/")) {
        ("beside/proof", _) => beside.proof = Some(bytes.to_vec()),
        ("beside/consistency", _) => beside.consistency = Some(bytes.to_vec()),
        (_, Some(name)) => tree.put(name, bytes),
        _ => package.put(name, bytes),
    }
    let in_data = |name: &str| name.starts_with("data/");
    if name != MANIFEST && name != TAGMANIFEST {
        package.list(MANIFEST, in_data);
    }
    if name != TAGMANIFEST {
        package.list(TAGMANIFEST, |name| !in_data(name));
    }
    let options = PackageOptions {
        keys: None,
        beside,
        log: Some(&tree),
        threads: 1,
    };
    let _ = check_package(&package, &options);
}

pub fn receipt(input: &[u8]) {
    let Some((name, bytes)) = parts(input) else {
        return;
    };
    let mut receipt = Memory::new(RECEIPT);
    receipt.put(name, bytes);
    if name != RECEIPT_SUMS {
        receipt.list(RECEIPT_SUMS, |_| true);
    }
    let _ = check_receipt(&receipt, &ReceiptOptions::default());
}
