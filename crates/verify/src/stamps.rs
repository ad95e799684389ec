//! What is said about time stamps.

use comity_core::digest::Digest;
use comity_core::json::{Value, json};
use comity_core::package::StampReport;
use comity_core::stamp::Certificates;

use crate::time::utc;

/// The roots that the reader trusts, when there are any, and the time now.
pub struct Trust {
    /// SHA-256 of the DER of each root given.
    pub roots: Option<Vec<Digest>>,
    /// Seconds since 1970.
    pub now_secs: u64,
}

impl Trust {
    /// With the roots of a file of certificates.
    pub fn new(given: Option<&Certificates>, now_secs: u64) -> Trust {
        Trust {
            roots: given.map(|all| all.roots().map(|(_, sha256, _)| sha256).collect()),
            now_secs,
        }
    }

    /// Whether the roots of a stamp are among those given; `None` when none were.
    fn trusts(&self, stamp: &StampReport) -> Option<bool> {
        let roots = self.roots.as_ref()?;
        Some(roots.contains(&stamp.root_sha256) && roots.contains(&stamp.newest_root_sha256))
    }
}

/// A stamp in words. `size` is that of the checkpoint of the package or receipt.
pub fn lines(stamp: &StampReport, size: u64, trust: &Trust) -> Vec<String> {
    let covered = match stamp.size == size {
        true => format!("all {size} events of the log's checkpoint"),
        false => format!("the first {} of {size} events of the log", stamp.size),
    };
    let qualified = match stamp.qualified {
        true => "qualified by the centre's configuration",
        false => "not qualified",
    };
    let mut lines = vec![format!(
        "{covered} existed before {}, according to {} ({qualified})",
        utc(stamp.time_secs),
        stamp.authority
    )];
    if stamp.renewals > 0 {
        lines.push(format!("- renewed {} times", stamp.renewals));
    }
    lines.push(match trust.trusts(stamp) {
        Some(true) => format!("- its root {} is among those that you gave", stamp.root),
        Some(false) => format!(
            "- NOT COUNTED: its root {} is not among those that you gave",
            stamp.root
        ),
        None => format!(
            "- compare its root with what the authority publishes: {}, SHA-256 {}",
            stamp.root, stamp.root_sha256
        ),
    });
    if stamp.valid_until_secs < trust.now_secs {
        lines.push(format!(
            "- its certificates ended {} and it was not renewed before: since then only the authority's care of its old key speaks for it",
            utc(stamp.valid_until_secs)
        ));
    }
    lines
}

/// The same in JSON.
pub fn json_of(stamps: &[StampReport], trust: &Trust) -> Value {
    stamps
        .iter()
        .map(|stamp| {
            json!({
                "authority": stamp.name,
                "according_to": stamp.authority,
                "existed_before": utc(stamp.time_secs),
                "size": stamp.size,
                "qualified": stamp.qualified,
                "root": stamp.root,
                "root_sha256": stamp.root_sha256.to_string(),
                "trusted": trust.trusts(stamp),
                "renewals": stamp.renewals,
                "valid_until": utc(stamp.valid_until_secs),
            })
        })
        .collect()
}
