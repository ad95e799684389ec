//! The program that reads hostile files, built when it is first asked for: tests of other crates have no other way to
//! it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The `extract-worker` of this workspace.
///
/// # Panics
/// When it cannot be built.
pub fn extract_worker() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        // With a test of its crate, in the whole workspace, as `cargo test` builds it: alone it would have dependencies
        // with fewer features, and all of them would be compiled a second time.
        .args(["test", "-q", "--workspace", "--no-run", "--test", "walls"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let done = done.unwrap_or_else(|e| panic!("extract-worker cannot be built: {e}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "extract-worker cannot be built: {said}"
    );
    // Tests lie in `deps`, beside the programs' folder.
    let test = std::env::current_exe().unwrap_or_else(|e| panic!("where am I? {e}"));
    let folder = test.ancestors().find(|folder| folder.ends_with("debug"));
    let folder = folder.unwrap_or_else(|| panic!("{} is in no folder of a build", test.display()));
    folder.join("extract-worker")
}
