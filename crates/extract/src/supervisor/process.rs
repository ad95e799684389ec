//! One worker process: how it is started, and what is learnt from its death.

use crate::{
    ExtractError, Limits, Outcome, State,
    protocol::{Said, VERSION, parse_said, read_frame},
    tool::last_words,
};
use rustix::pipe::{PipeFlags, pipe_with};
use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a worker may take to lock itself in.
const START: Duration = Duration::from_secs(20);

/// The socket to a worker, on which nothing waits beyond a deadline.
#[derive(Debug)]
pub struct Line {
    socket: UnixStream,
    pub deadline: Instant,
}

impl Line {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(Some(left))
        }
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(buffer)
    }
}

impl Write for Line {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A running worker. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub line: BufReader<Line>,
    words: File,
    reader: String,
    /// How many items it was given.
    pub items: u32,
    usable: bool,
}

impl Process {
    /// Starts a worker, and waits until it has locked itself in.
    pub fn start(program: &Path, limits: &Limits) -> Result<Process, ExtractError> {
        let failed = |source: io::Error| ExtractError::Start {
            program: program.to_owned(),
            source,
        };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        // A pipe that is full refuses more, so that no worker waits for ever to be heard.
        let (words, out) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|error| failed(error.into()))?;
        let child = Command::new(program)
            .args([
                "read",
                &limits.memory_bytes.to_string(),
                &limits.cpu_secs.to_string(),
            ])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(out.try_clone().map_err(failed)?))
            .stderr(Stdio::from(out))
            .spawn()
            .map_err(failed)?;
        let line = BufReader::with_capacity(
            64 << 10,
            Line {
                socket: ours,
                deadline: Instant::now() + START,
            },
        );
        let words = File::from(words);
        let mut process = Process {
            child,
            line,
            words,
            reader: String::new(),
            items: 0,
            usable: true,
        };
        process.greet()?;
        Ok(process)
    }

    fn greet(&mut self) -> Result<(), ExtractError> {
        let mut body = Vec::new();
        let said = match read_frame(&mut self.line, &mut body) {
            Ok(Some(kind)) => parse_said(kind, &body, |said| match said {
                Said::Ready { version, reader } => Some((version, reader.to_owned())),
                _ => None,
            }),
            Ok(None) | Err(_) => Ok(None),
        };
        match said {
            Ok(Some((VERSION, reader))) => {
                self.reader = reader;
                Ok(())
            }
            Ok(Some((other, _))) => Err(ExtractError::Version(other)),
            Ok(None) | Err(_) => {
                self.kill();
                let words = last_words(&mut self.words);
                let words = if words.is_empty() {
                    "it ended without a word".to_owned()
                } else {
                    words
                };
                Err(ExtractError::Sandbox(words))
            }
        }
    }

    /// Name and version of what reads.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// Whether it may be given another item.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Ends it; it is given no other item.
    pub fn kill(&mut self) {
        self.usable = false;
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Says how the process ended that left an item unfinished.
    pub fn post_mortem(&mut self, limits: &Limits) -> Outcome {
        self.usable = false;
        let status = self.ended_by_itself();
        self.kill();
        let words = last_words(&mut self.words);
        if words.contains("memory allocation of") {
            let limit = limits.memory_bytes >> 20;
            return Outcome::new(
                State::OverLimit,
                format!("reading it needs more than {limit} MiB of memory"),
            );
        }
        let signal = status.and_then(|status| status.signal());
        if signal == Some(libc::SIGXCPU) {
            let limit = limits.cpu_secs;
            return Outcome::new(
                State::TimedOut,
                format!("it took more than {limit} seconds of processor time"),
            );
        }
        let how = match signal {
            Some(libc::SIGSYS) => {
                "the reader tried what is forbidden to it, and was ended by the kernel".to_owned()
            }
            Some(number) => format!("the reader was ended by signal {number}"),
            None => "the reader ended without an answer".to_owned(),
        };
        let said = if words.is_empty() {
            String::new()
        } else {
            format!(": {words}")
        };
        Outcome::new(State::Crashed, how + &said)
    }

    /// Waits a moment for a process that has closed its socket and is about to be gone.
    fn ended_by_itself(&mut self) -> Option<std::process::ExitStatus> {
        let patience = Instant::now() + Duration::from_secs(2);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < patience => {
                    std::thread::sleep(Duration::from_millis(2))
                }
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
