//! A frame of a film, by ffmpeg. What it gives is as hostile as the film, and goes to a worker as any picture does.

use super::run::{Ran, Tool};
use crate::{Outcome, State, sandbox::ToolWalls};
use std::{io, path::Path, time::Duration};

/// ffmpeg, found on this machine.
#[derive(Clone, Debug)]
pub struct Films {
    tool: Tool,
    version: String,
}

/// Where Debian has it.
const PROGRAM: &str = "/usr/bin/ffmpeg";
const MEMORY_BYTES: u64 = 2 << 30;
const CPU_SECS: u64 = 120;
const TIME: Duration = Duration::from_secs(180);
const OUTPUT_BYTES: u64 = 32 << 20;
/// The frame that is most like the first hundred, and no larger than it is looked at.
const FILTER: &str = "thumbnail=100,scale=w='min(1600,iw)':h=-2";

impl Films {
    /// The largest film that is held in memory for a frame of it.
    pub const MAX: u64 = 256 << 20;

    /// Looks for ffmpeg. What is not there is said in words.
    pub fn find(launcher: &Path) -> Result<Films, String> {
        if !Path::new(PROGRAM).is_file() {
            return Err(format!("there is no {PROGRAM} (Debian: ffmpeg)"));
        }
        let mut films = Films {
            tool: Tool {
                launcher: launcher.to_owned(),
                walls: ToolWalls {
                    program: PROGRAM.into(),
                    data: Vec::new(),
                    memory_bytes: MEMORY_BYTES,
                    cpu_secs: CPU_SECS,
                    output_bytes: OUTPUT_BYTES,
                },
                time: TIME,
            },
            version: String::new(),
        };
        let said = match films.tool.run(&["-version"], &[]) {
            Ok(Ran::Done(said)) => String::from_utf8_lossy(&said).into_owned(),
            Ok(Ran::Failed(outcome)) => return Err(outcome.reason),
            Err(error) => return Err(error.to_string()),
        };
        let version = said.split_whitespace().nth(2).unwrap_or_default();
        let plain = version.chars().filter(|c| c.is_ascii_graphic()).take(40);
        films.version = format!("ffmpeg {}", plain.collect::<String>());
        Ok(films)
    }

    /// Name and version of the program.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A frame of a film, as a PNG file.
    ///
    /// # Errors
    /// The program cannot be started. What is wrong with the film is an outcome.
    pub fn frame(&self, film: &[u8]) -> io::Result<Result<Vec<u8>, Outcome>> {
        // The one descriptor that is open for reading is the film, by a name under which it can be sought in.
        let input = [
            "-nostdin",
            "-v",
            "error",
            "-threads",
            "1",
            "-i",
            "/proc/self/fd/0",
        ];
        let output = [
            "-frames:v",
            "1",
            "-vf",
            FILTER,
            "-f",
            "image2pipe",
            "-c:v",
            "png",
            "pipe:1",
        ];
        Ok(
            match self.tool.run(&[&input[..], &output].concat(), film)? {
                Ran::Done(frame) if frame.is_empty() => {
                    Err(Outcome::new(State::Empty, "it has no frame"))
                }
                Ran::Done(frame) => Ok(frame),
                Ran::Failed(outcome) => Err(outcome),
            },
        )
    }
}
