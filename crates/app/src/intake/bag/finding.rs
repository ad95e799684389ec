//! What was found wrong with a bag, and what is only worth a remark.

use comity_core::finding::Finding;
use comity_core::shown::shown;

/// Findings, which make a bag invalid, and remarks, which do not.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    pub(super) remarks: Vec<Finding>,
}

impl Found {
    pub(super) fn finding(&mut self, place: impl AsRef<[u8]>, what: impl Into<String>) {
        self.findings
            .push(Finding::new(shown(place.as_ref()), what));
    }

    pub(super) fn remark(&mut self, place: impl AsRef<[u8]>, what: impl Into<String>) {
        self.remarks.push(Finding::new(shown(place.as_ref()), what));
    }

    /// A finding where `strict`, else a remark.
    pub(super) fn breach(
        &mut self,
        strict: bool,
        place: impl AsRef<[u8]>,
        what: impl Into<String>,
    ) {
        match strict {
            true => self.finding(place, what),
            false => self.remark(place, what),
        }
    }
}
