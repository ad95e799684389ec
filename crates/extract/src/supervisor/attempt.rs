//! One attempt at one item: the conversation, and the limits that the worker is held to.

use super::process::Process;
use crate::{
    ExtractError, Found, Limits, Outcome, Sink, Source, State,
    protocol::{ASK_MAX, Asked, Job, Said, parse_said, read_frame, write_bytes, write_job},
};
use std::{io, time::Instant};

pub struct Attempt<'a, S: ?Sized, K> {
    process: &'a mut Process,
    limits: &'a Limits,
    source: &'a S,
    size: u64,
    /// Bytes of the item, and of the files that may follow it in its image.
    total: u64,
    sink: &'a mut K,
    text_bytes: u64,
    children_bytes: u64,
    children: u32,
    in_child: bool,
    picture_bytes: u64,
    /// Bytes of the open picture that still come.
    picture_left: u64,
}

/// What follows from one frame.
enum Next {
    GoOn,
    Answer { offset: u64, length: u32 },
    Ended(Outcome),
}

impl<'a, S: Source + ?Sized, K: Sink> Attempt<'a, S, K> {
    pub fn new(
        process: &'a mut Process,
        limits: &'a Limits,
        source: &'a S,
        sink: &'a mut K,
    ) -> Result<Self, ExtractError> {
        let size = source.size().map_err(ExtractError::Source)?;
        let total = source.more().iter().fold(size, |a, b| a.saturating_add(*b));
        process.line.get_mut().deadline = Instant::now() + limits.time_for(total);
        Ok(Attempt {
            process,
            limits,
            source,
            size,
            total,
            sink,
            text_bytes: 0,
            children_bytes: 0,
            children: 0,
            in_child: false,
            picture_bytes: 0,
            picture_left: 0,
        })
    }

    /// How the item ended, or `None` when the worker ended first.
    pub fn run(mut self, asked: Asked, name: &str) -> Result<Option<Outcome>, ExtractError> {
        let job = Job {
            asked,
            size: self.size,
            text_bytes: self.limits.text_bytes,
            children_bytes: self.limits.children_bytes_for(self.total),
            children: self.limits.children,
            more: self.source.more().to_vec(),
            name: name.chars().take(4096).collect(),
        };
        if let Err(error) = write_job(self.process.line.get_mut(), &job) {
            return Ok(self.broken(error));
        }
        let (mut body, mut answer) = (Vec::new(), Vec::new());
        loop {
            let kind = match read_frame(&mut self.process.line, &mut body) {
                Ok(Some(kind)) => kind,
                Ok(None) => return Ok(None),
                Err(error) => return Ok(self.broken(error)),
            };
            let next = match parse_said(kind, &body, |said| self.hear(said)) {
                Ok(next) => next?,
                Err(error) => return Ok(self.broken(error)),
            };
            match next {
                Next::GoOn => {}
                Next::Ended(outcome) => return Ok(Some(outcome)),
                Next::Answer { offset, length } => {
                    let length = u64::from(length).min(self.total.saturating_sub(offset));
                    answer.resize(length as usize, 0);
                    if length > 0 {
                        self.source
                            .read_exact_at(&mut answer, offset)
                            .map_err(ExtractError::Source)?;
                    }
                    if let Err(error) = write_bytes(self.process.line.get_mut(), &answer) {
                        return Ok(self.broken(error));
                    }
                }
            }
        }
    }

    /// The conversation cannot go on: by the clock, by the worker's end, or by what it said.
    fn broken(&mut self, error: io::Error) -> Option<Outcome> {
        let limit = self.limits.time_for(self.total).as_secs();
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                self.process.kill();
                Some(Outcome::new(
                    State::TimedOut,
                    format!("it took more than {limit} seconds"),
                ))
            }
            io::ErrorKind::InvalidData => {
                self.process.kill();
                Some(Outcome::new(
                    State::Crashed,
                    format!("the reader no longer keeps to the protocol: {error}"),
                ))
            }
            _ => None,
        }
    }

    fn hear(&mut self, said: Said<'_>) -> Result<Next, ExtractError> {
        match said {
            Said::Ask { offset, length } if (1..=ASK_MAX).contains(&length) => {
                Ok(Next::Answer { offset, length })
            }
            Said::Ask { .. } => Ok(self.stop(
                State::Crashed,
                "the reader asked for a range that nobody may ask for",
            )),
            Said::Ready { .. } => Ok(self.stop(State::Crashed, "the reader began anew")),
            Said::End(_) if self.in_child || self.picture_left > 0 => Ok(self.stop(
                State::Crashed,
                "the reader left what it had begun unfinished",
            )),
            Said::End(outcome) => Ok(Next::Ended(outcome)),
            Said::Found(found) => self.found(found),
        }
    }

    fn found(&mut self, found: Found<'_>) -> Result<Next, ExtractError> {
        let child_goes_on = matches!(found, Found::ChildBytes(_) | Found::ChildEnd(_));
        if child_goes_on != self.in_child {
            return Ok(self.stop(
                State::Crashed,
                "the reader mixed a child with what is not of it",
            ));
        }
        let picture_goes_on = matches!(found, Found::PictureBytes(_));
        if picture_goes_on != (self.picture_left > 0) {
            return Ok(self.stop(
                State::Crashed,
                "the reader mixed a picture with what is not of it",
            ));
        }
        match &found {
            Found::Text { text, .. } => self.text_bytes += text.len() as u64 + 16,
            Found::Field { name, value, from } => {
                self.text_bytes += (name.len() + value.len() + from.len()) as u64 + 16;
            }
            Found::Type { media, name } => {
                self.text_bytes += (media.len() + name.len()) as u64 + 16
            }
            Found::Missing(what) => self.text_bytes += what.len() as u64 + 16,
            Found::Child(child) => {
                self.in_child = true;
                self.children += 1;
                self.text_bytes += (child.path.len() + child.path_bytes.len()) as u64 + 16;
            }
            Found::ChildBytes(bytes) => self.children_bytes += bytes.len() as u64,
            Found::ChildEnd(_) => self.in_child = false,
            Found::Picture(picture) => {
                if picture.size > Limits::PICTURE {
                    return Ok(self.stop(State::OverLimit, "the reader drew too large a picture"));
                }
                self.picture_left = picture.size;
                self.picture_bytes += picture.size + 1024;
            }
            Found::PictureBytes(bytes) => match self.picture_left.checked_sub(bytes.len() as u64) {
                Some(left) if !bytes.is_empty() => self.picture_left = left,
                _ => {
                    return Ok(self.stop(
                        State::Crashed,
                        "the reader sent another picture than it had said",
                    ));
                }
            },
        }
        // The worker knows these limits and stops before them. One that does not is no longer itself. It may say a
        // little more than the text counted, because it counts text alone.
        if self.text_bytes
            > self
                .limits
                .text_bytes
                .saturating_mul(2)
                .saturating_add(1 << 20)
            || self.children_bytes > self.limits.children_bytes_for(self.total)
            || self.children > self.limits.children
            || self.picture_bytes > self.limits.picture_bytes
        {
            return Ok(self.stop(State::OverLimit, "the reader sent more than it may"));
        }
        // What becomes of a finding is no time of the worker's.
        let before = Instant::now();
        self.sink.take(found).map_err(ExtractError::Sink)?;
        self.process.line.get_mut().deadline += before.elapsed();
        Ok(Next::GoOn)
    }

    fn stop(&mut self, state: State, reason: &str) -> Next {
        self.process.kill();
        Next::Ended(Outcome::new(state, reason))
    }
}
