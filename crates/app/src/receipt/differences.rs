//! `differences.jsonl`: how what was handed over fits the deliverer's own list, written as the events are read.

use comity_core::json::Value;
use comity_core::package::{Difference, DifferenceLine, Differences};

use super::Intake;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::handover::{Growing, Handover, Written};
use crate::read::OpenedEvent;
use crate::sql::Session;

/// The file in the making.
pub struct DifferencesFile {
    out: Growing,
    different: u64,
    extra: u64,
    missing: u64,
}

impl DifferencesFile {
    /// Begins it, when the deliverer gave a list.
    pub fn begin(intake: &Intake, out: &Handover) -> Result<Option<DifferencesFile>> {
        match intake.closed.value("compared") {
            None => Ok(None),
            Some(_) => Ok(Some(DifferencesFile {
                out: out.growing("differences.jsonl")?,
                different: 0,
                extra: 0,
                missing: 0,
            })),
        }
    }

    /// What an event of an item says of the list. Of one that was delivered again, its first event has the path.
    pub fn item(
        &mut self,
        centre: &Centre,
        session: &mut Session,
        event: &OpenedEvent,
    ) -> Result<()> {
        let Some(listed) = event.value("listed") else {
            return Ok(());
        };
        let finding = match listed.get("as").and_then(Value::as_str) {
            Some("different") => Difference::Different,
            Some("not_listed") => Difference::Extra,
            _ => return Ok(()),
        };
        let path = match (event.text("path"), event.text("ern").map(str::parse)) {
            (Some(path), _) => Some(path.to_owned()),
            (None, Some(Ok(ern))) => {
                let first = centre.item(session, &ern)?.first_index;
                centre.read_event(first)?.text("path").map(str::to_owned)
            }
            (None, _) => None,
        };
        let text = |name: &str| listed.get(name).and_then(Value::as_str).map(str::to_owned);
        self.line(finding, path, text("stated"), text("found"))
    }

    /// What is listed and was not handed over, from the intake's own events: those since the last that begins anew.
    pub fn missing(
        &mut self,
        centre: &Centre,
        session: &mut Session,
        intake: &Intake,
    ) -> Result<()> {
        let mut parts = Vec::new();
        for index in centre.chain_indices(session, intake.no)? {
            if index > intake.closed.index {
                break;
            }
            let event = centre.read_event(index)?;
            if event.text("kind") == Some("manifest_missing") {
                if event.value("part").and_then(Value::as_u64) == Some(0) {
                    parts.clear();
                }
                parts.push(index);
            }
        }
        // An intake that was interrupted while it closed may lack nothing by now.
        let count = intake
            .closed
            .value("compared")
            .and_then(|c| c.get("missing"));
        if count.and_then(Value::as_u64) == Some(0) {
            parts.clear();
        }
        for index in parts {
            let event = centre.read_event(index)?;
            let list = event.value("missing").and_then(Value::as_array);
            for entry in list.into_iter().flatten() {
                let path = entry.get("path").and_then(Value::as_str).map(str::to_owned);
                self.line(Difference::Missing, path, None, None)?;
            }
        }
        // Two people sign the count: a receipt that names fewer than the closing event counted is not made.
        match count.and_then(Value::as_u64) {
            Some(counted) if counted != self.missing => Err(AppError::damaged(
                format!(
                    "the record of intake {}-{:06}",
                    intake.opened.text("member").unwrap_or_default(),
                    intake
                        .opened
                        .value("intake")
                        .and_then(Value::as_u64)
                        .unwrap_or_default()
                ),
                format!(
                    "its closing event counts {counted} listed and not handed over, and its events name {}; it may have been recorded by a program older than this format",
                    self.missing
                ),
            )),
            _ => Ok(()),
        }
    }

    fn line(
        &mut self,
        finding: Difference,
        path: Option<String>,
        expected: Option<String>,
        found: Option<String>,
    ) -> Result<()> {
        match finding {
            Difference::Different => self.different += 1,
            Difference::Extra => self.extra += 1,
            Difference::Missing => self.missing += 1,
        }
        let line = DifferenceLine {
            finding,
            path: path.unwrap_or_else(|| "(erased)".to_owned()),
            expected,
            found,
        };
        self.out.write(line.to_line().as_bytes())
    }

    /// Ends the file.
    pub fn end(self) -> Result<(Differences, Written)> {
        let written = self.out.end()?;
        let differences = Differences {
            different: self.different,
            extra: self.extra,
            missing: self.missing,
            sha256: written.sha256,
        };
        Ok((differences, written))
    }
}
