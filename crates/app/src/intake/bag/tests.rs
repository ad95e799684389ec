use std::error::Error;
use std::fs;
use std::process::Command;

use comity_core::random::TestRandom;

use super::*;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn spill(folder: &Path) -> Spill {
    Spill::new(folder, &TestRandom::new([4; 32]))
}

/// Opens and checks; gives the bag, or all findings as text.
fn read(path: &Path) -> Result<std::result::Result<Bag, Vec<String>>> {
    let folder = tempfile::tempdir()?;
    match Bag::open(path, &Limits::default(), spill(folder.path())) {
        Ok(bag) => {
            let findings = bag.check_payload(2, &|_, _| ());
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            Ok(if findings.is_empty() {
                Ok(bag)
            } else {
                Err(findings)
            })
        }
        Err(BagError::Invalid { findings }) => {
            Ok(Err(findings.iter().map(ToString::to_string).collect()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Every bag of the set that `bagit` is held to as well.
#[test]
fn good_bags_are_read_and_bad_ones_are_named() -> Result {
    let maker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/bags.py");
    let folder = tempfile::tempdir()?;
    let made = Command::new("python3")
        .args(["-W", "ignore"])
        .arg(maker)
        .arg("--make")
        .arg(folder.path())
        .output()?;
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let cases: Value = serde_json::from_slice(&fs::read(folder.path().join("cases.json"))?)?;
    let cases = cases.as_array().ok_or("no cases")?;
    assert!(cases.len() > 100);
    let mut wrong = Vec::new();
    for case in cases {
        let path = case["path"].as_str().ok_or("no path")?;
        let says = case["says"].as_str();
        match (read(&folder.path().join(path))?, says) {
            (Ok(_), None) => {}
            (Ok(_), Some(says)) => wrong.push(format!("{path}: accepted, and not: {says}")),
            (Err(findings), None) => wrong.push(format!("{path}: refused: {findings:?}")),
            (Err(findings), Some(says)) => {
                if !findings.iter().any(|finding| finding.contains(says)) {
                    wrong.push(format!("{path}: {findings:?} do not say: {says}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
