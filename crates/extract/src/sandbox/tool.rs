//! The walls around a program of the system: closed by a process that then becomes that program.

use super::{NoWall, close_from, filter, no, restrict};
use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr};
use rustix::process::{Resource, Signal, set_parent_process_death_signal, setrlimit};
use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// What a program of the system may have. It reads from descriptor 0 and writes to descriptors 1 and 2; no path can be
/// written to.
#[derive(Clone, Debug)]
pub struct ToolWalls {
    /// The program.
    pub program: PathBuf,
    /// Files and folders of its own that it reads, besides its libraries.
    pub data: Vec<PathBuf>,
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// Processor time, in seconds.
    pub cpu_secs: u64,
    /// The most bytes that it may write.
    pub output_bytes: u64,
}

/// Where Debian keeps libraries, and what finds them.
const LIBRARIES: [&str; 5] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
];
/// The programs that load every other one.
const LOADERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
/// All of the environment that a tool has: threads of OpenMP wait for each other more than they work.
const ENVIRONMENT: [(&str, &str); 1] = [("OMP_THREAD_LIMIT", "1")];
/// Open files: its libraries and data, a few at a time.
const FILES: u64 = 128;

/// Closes the walls and becomes the program; comes back only when that could not be done.
pub fn become_tool(walls: &ToolWalls, arguments: &[OsString]) -> NoWall {
    match close(walls) {
        Ok(()) => no("the program")(
            Command::new(&walls.program)
                .args(arguments)
                .env_clear()
                .envs(ENVIRONMENT)
                .exec(),
        ),
        Err(no_wall) => no_wall,
    }
}

fn close(walls: &ToolWalls) -> Result<(), NoWall> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(no("ending with its parent"))?;
    close_from(3).map_err(no("closing what was inherited"))?;
    rustix::thread::set_no_new_privs(true).map_err(no("giving up new privileges"))?;
    restrict(|rules| open_own(rules, walls))?;
    limits(walls)?;
    filter::close_around_tool().map_err(no("seccomp"))
}

/// The program and its loader may be started, its libraries and data read, and nothing else.
fn open_own(
    mut rules: landlock::RulesetCreated,
    walls: &ToolWalls,
) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    let run = AccessFs::Execute | AccessFs::ReadFile;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let programs = [walls.program.as_path()].into_iter();
    let programs = programs.chain(LOADERS.iter().map(Path::new));
    let libraries = LIBRARIES.iter().map(Path::new);
    let data = walls.data.iter().map(PathBuf::as_path);
    let all = programs.map(|path| (path, run));
    for (path, access) in all.chain(libraries.chain(data).map(|path| (path, read))) {
        // What is not there needs no right.
        let Ok(place) = PathFd::new(path) else {
            continue;
        };
        let access = if path.is_dir() {
            access
        } else {
            access & AccessFs::from_file(super::ABI)
        };
        rules = rules.add_rule(PathBeneath::new(place, access))?;
    }
    Ok(rules)
}

fn limits(walls: &ToolWalls) -> Result<(), NoWall> {
    for (resource, limit) in [
        (Resource::As, walls.memory_bytes),
        (Resource::Cpu, walls.cpu_secs),
        (Resource::Fsize, walls.output_bytes),
        (Resource::Nofile, FILES),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ] {
        setrlimit(resource, super::limit(resource, limit)).map_err(no("limits"))?;
    }
    Ok(())
}
