//! One run of a program of the system: how it is started, waited for, and what is learnt from its end.

use crate::{Outcome, State, sandbox::ToolWalls};
use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    pipe::{PipeFlags, pipe_with},
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// A program of the system that the supervisor runs behind walls.
#[derive(Clone, Debug)]
pub struct Tool {
    /// `extract-worker`, which closes the walls around itself and becomes the program.
    pub launcher: PathBuf,
    /// What the program may have.
    pub walls: ToolWalls,
    /// Time by the clock for one run.
    pub time: Duration,
}

/// How one run ended.
#[derive(Debug)]
pub enum Ran {
    /// The program said that it had done its work, and this is what it wrote.
    Done(Vec<u8>),
    /// It did not, and this is what the item's state is.
    Failed(Outcome),
}

/// How often one looks whether a program has ended.
const PAUSE: Duration = Duration::from_millis(3);
/// What the launcher ends with when a wall could not be had.
const NO_WALL: i32 = 3;

impl Tool {
    /// Runs the program on `input`, with these arguments.
    ///
    /// # Errors
    /// The program cannot be started, or the walls around it cannot be closed. It says nothing about the input.
    pub fn run(&self, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> io::Result<Ran> {
        let mut output = memory("output")?;
        let (words, out) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let mut running = Running(
            self.command(arguments)
                .stdin(filled(input)?)
                .stdout(output.try_clone()?)
                .stderr(Stdio::from(out))
                .spawn()?,
        );
        let status = running.wait(self.time)?;
        let said = last_words(&mut File::from(words));
        match status {
            Some(status) if status.success() => {
                // The place at which it stopped writing is shared with this end.
                let length = output.stream_position()?;
                output.seek(SeekFrom::Start(0))?;
                let mut bytes = Vec::new();
                output.take(length).read_to_end(&mut bytes)?;
                Ok(Ran::Done(bytes))
            }
            Some(status) if status.code() == Some(NO_WALL) => Err(io::Error::other(format!(
                "{} could not be locked in: {said}",
                self.walls.program.display()
            ))),
            status => Ok(Ran::Failed(self.post_mortem(status, &said))),
        }
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(&self.launcher);
        let walls = &self.walls;
        command.arg("tool");
        command
            .args([walls.memory_bytes, walls.cpu_secs, walls.output_bytes].map(|n| n.to_string()));
        command.arg(&walls.program);
        command.args(&walls.data).arg("--").args(arguments);
        command.env_clear().current_dir("/");
        command
    }

    fn post_mortem(&self, status: Option<ExitStatus>, said: &str) -> Outcome {
        let name = self.walls.program.file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let Some(status) = status else {
            let limit = self.time.as_secs();
            return Outcome::new(
                State::TimedOut,
                format!("{name} took more than {limit} seconds"),
            );
        };
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        match status.signal() {
            Some(libc::SIGXFSZ) => {
                let limit = self.walls.output_bytes;
                Outcome::new(
                    State::OverLimit,
                    format!("{name} gave more than {limit} bytes"),
                )
            }
            Some(libc::SIGXCPU) => {
                let limit = self.walls.cpu_secs;
                let why = format!("{name} took more than {limit} seconds of processor time");
                Outcome::new(State::TimedOut, why)
            }
            _ if said.contains("bad_alloc") || said.contains("annot allocate memory") => {
                let limit = self.walls.memory_bytes >> 20;
                Outcome::new(
                    State::OverLimit,
                    format!("{name} needs more than {limit} MiB of memory"),
                )
            }
            Some(signal) => Outcome::new(
                State::Crashed,
                format!("{name} was ended by signal {signal}{said}"),
            ),
            None => Outcome::new(State::Damaged, format!("{name} could not use it{said}")),
        }
    }
}

/// A program that runs. Dropping it ends it.
struct Running(Child);

impl Running {
    /// Waits for its end; `None` when that took too long.
    fn wait(&mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file that is in memory alone and has no name.
fn memory(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into())
}

/// Bytes that can be read and sought in, and no longer changed.
fn filled(bytes: &[u8]) -> io::Result<File> {
    let mut file = memory("input")?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )?;
    Ok(file)
}

/// What it wrote before its end: hostile text, so short and of printable characters only.
pub(crate) fn last_words(words: &mut File) -> String {
    let mut bytes = vec![0; 4096];
    let count = words.read(&mut bytes).unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..count]);
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect()
}
