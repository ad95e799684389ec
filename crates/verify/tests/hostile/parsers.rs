//! A package or receipt in a zip, under the name of its corpus. The fuzz target calls the same function.

use std::fs::File;
use std::io::{Seek as _, Write as _};

use comity_core::package::{PackageOptions, ReceiptOptions, check_package, check_receipt};

#[path = "../../src/zipped.rs"]
mod zipped;

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[("package-zip", package_zip)];

pub fn package_zip(bytes: &[u8]) {
    let mut file: File = tempfile::tempfile().expect("a file for the test");
    file.write_all(bytes).expect("a file of the test");
    file.rewind().expect("a file of the test");
    if let Ok(zip) = zipped::Zipped::open(file) {
        let _ = check_package(&zip, &PackageOptions::default());
        let _ = check_receipt(&zip, &ReceiptOptions::default());
    }
}
