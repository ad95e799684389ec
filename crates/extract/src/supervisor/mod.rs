//! Starts workers, answers what they ask, holds them to their limits, and names how each item ended.

mod attempt;
mod process;

use crate::{ExtractError, Limits, Outcome, Sink, Source, State, protocol::Asked};
use attempt::Attempt;
use process::Process;
use std::path::PathBuf;

/// Reads items one after the other, with one worker at a time. All items that one `Readers` is given must be of one
/// originator and case: a worker that one item has taken over may lie about the next.
///
/// One for each core that is to work; they share nothing. A worker ends with the thread that started it: a `Readers`
/// stays on its thread.
#[derive(Debug)]
pub struct Readers {
    program: PathBuf,
    limits: Limits,
    process: Option<Process>,
}

impl Readers {
    /// Readers that start `program`, the `extract-worker` of this release. Nothing is started yet.
    pub fn new(program: PathBuf, limits: Limits) -> Readers {
        Readers {
            program,
            limits,
            process: None,
        }
    }

    /// Reads one item: gives everything that is found to `sink`, and how it ended. `name` is what the file is called.
    pub fn read(
        &mut self,
        name: &str,
        source: &(impl Source + ?Sized),
        sink: &mut impl Sink,
    ) -> Result<Outcome, ExtractError> {
        self.ask(Asked::Read, name, source, sink)
    }

    /// Reads or draws one item.
    ///
    /// After a crash or a timeout it is read once more, by a new process. An error says nothing about the item.
    pub fn ask(
        &mut self,
        asked: Asked,
        name: &str,
        source: &(impl Source + ?Sized),
        sink: &mut impl Sink,
    ) -> Result<Outcome, ExtractError> {
        let mut outcome = self.once(asked, name, source, sink)?;
        if matches!(outcome.state, State::Crashed | State::TimedOut) {
            self.process = None;
            outcome = self.once(asked, name, source, sink)?;
        }
        sink.end(&outcome).map_err(ExtractError::Sink)?;
        Ok(outcome)
    }

    fn once(
        &mut self,
        asked: Asked,
        name: &str,
        source: &(impl Source + ?Sized),
        sink: &mut impl Sink,
    ) -> Result<Outcome, ExtractError> {
        // It is put back only when it ended the item as it should: after anything else another takes its place.
        let mut process = match self.process.take() {
            Some(process) if process.items < self.limits.items_per_process => process,
            _ => Process::start(&self.program, &self.limits)?,
        };
        process.items += 1;
        sink.begin(process.reader()).map_err(ExtractError::Sink)?;
        match Attempt::new(&mut process, &self.limits, source, sink)?.run(asked, name)? {
            Some(outcome) => {
                if outcome.state < State::Crashed && process.is_usable() {
                    self.process = Some(process);
                }
                Ok(outcome)
            }
            None => Ok(process.post_mortem(&self.limits)),
        }
    }
}
