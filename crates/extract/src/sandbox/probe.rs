//! Trying from inside what the walls must hold. Each probe runs in a locked-in process of its own: many end it.

use rustix::{
    fs::{Mode, OFlags},
    net::{AddressFamily, SocketType},
    process::{Resource, Rlimit, Signal},
};
use std::{io, os::unix::process::CommandExt, process::Command};

/// One thing that a locked-in worker must not be able to do.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it tries, in words.
    pub what: &'static str,
    attempt: fn() -> io::Result<()>,
}

/// All of them.
pub const PROBES: &[Probe] = &[
    Probe {
        name: "open-file",
        what: "open a file",
        attempt: || open("/etc/passwd", OFlags::RDONLY),
    },
    Probe {
        name: "list-folder",
        what: "list a folder",
        attempt: || open("/", OFlags::RDONLY | OFlags::DIRECTORY),
    },
    Probe {
        name: "write-file",
        what: "make a file",
        attempt: || open("/tmp/comity-probe", OFlags::CREATE | OFlags::WRONLY),
    },
    Probe {
        name: "read-environment",
        what: "read an environment",
        attempt: read_environment,
    },
    Probe {
        name: "read-parent",
        what: "read the supervisor's memory by its file",
        attempt: read_parent,
    },
    Probe {
        name: "socket",
        what: "make a socket",
        attempt: || socket(AddressFamily::INET),
    },
    Probe {
        name: "local-socket",
        what: "make a local socket",
        attempt: || socket(AddressFamily::UNIX),
    },
    Probe {
        name: "fork",
        what: "make a process",
        attempt: fork,
    },
    Probe {
        name: "thread",
        what: "make a thread",
        attempt: thread,
    },
    Probe {
        name: "exec",
        what: "become another program",
        attempt: || Err(Command::new("/bin/true").exec()),
    },
    Probe {
        name: "ptrace",
        what: "trace the supervisor",
        attempt: || {
            call(
                libc::SYS_ptrace,
                [libc::PTRACE_ATTACH as i64, parent(), 0, 0],
            )
        },
    },
    Probe {
        name: "signal",
        what: "signal the supervisor",
        attempt: signal,
    },
    Probe {
        name: "peek",
        what: "read the supervisor's memory",
        attempt: peek,
    },
    Probe {
        name: "run-memory",
        what: "get memory to run code in",
        attempt: run_memory,
    },
    Probe {
        name: "make-runnable",
        what: "make its memory run code",
        attempt: make_runnable,
    },
    Probe {
        name: "raise-limit",
        what: "raise its limits",
        attempt: raise_limit,
    },
    Probe {
        name: "more-memory",
        what: "get more memory than its limit",
        attempt: more_memory,
    },
    Probe {
        name: "namespace",
        what: "make a namespace",
        attempt: || call(libc::SYS_unshare, [i64::from(libc::CLONE_NEWUSER), 0, 0, 0]),
    },
    Probe {
        name: "mount",
        what: "mount a file system",
        attempt: || call(libc::SYS_mount, [0; 4]),
    },
    Probe {
        name: "io-uring",
        what: "open a ring to the kernel",
        attempt: || call(libc::SYS_io_uring_setup, [1, 0, 0, 0]),
    },
    Probe {
        name: "bpf",
        what: "load a program into the kernel",
        attempt: || call(libc::SYS_bpf, [0; 4]),
    },
    Probe {
        name: "inherited",
        what: "use a descriptor that it was not given",
        attempt: inherited,
    },
];

/// What a program of the system must not be able to do behind its walls. Each of these succeeds without them.
pub const TOOL_PROBES: &[&str] = &[
    "open-file",
    "list-folder",
    "write-file",
    "read-environment",
    "socket",
    "local-socket",
    "fork",
    "exec",
    "signal",
    "run-memory",
    "make-runnable",
    "raise-limit",
    "more-memory",
    "namespace",
    "io-uring",
];

/// Makes the attempt: `Ok` means that the walls did not hold.
pub fn probe(probe: &Probe) -> io::Result<()> {
    (probe.attempt)()
}

/// Whether an error is the walls' own: no permission, or no memory.
pub fn is_refusal(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPERM) || error.kind() == io::ErrorKind::OutOfMemory
}

/// Whether an error is that of the walls around a program of the system: Landlock refuses with another one.
pub fn is_tool_refusal(error: &io::Error) -> bool {
    is_refusal(error) || error.raw_os_error() == Some(libc::EACCES)
}

fn open(path: &str, flags: OFlags) -> io::Result<()> {
    rustix::fs::open(path, flags, Mode::RUSR)?;
    Ok(())
}

fn read_environment() -> io::Result<()> {
    // A program of the system is told how many threads are of use, and nothing else.
    if std::env::vars_os().any(|(name, _)| name != "OMP_THREAD_LIMIT") {
        return Ok(());
    }
    open("/proc/self/environ", OFlags::RDONLY)
}

fn read_parent() -> io::Result<()> {
    open(&format!("/proc/{}/mem", parent()), OFlags::RDONLY)
}

fn socket(family: AddressFamily) -> io::Result<()> {
    rustix::net::socket(family, SocketType::STREAM, None)?;
    Ok(())
}

fn thread() -> io::Result<()> {
    std::thread::Builder::new().spawn(|| ())?;
    Ok(())
}

fn signal() -> io::Result<()> {
    let parent = rustix::process::Pid::from_raw(parent() as i32).ok_or(io::ErrorKind::NotFound)?;
    Ok(rustix::process::kill_process(parent, Signal::CONT)?)
}

fn raise_limit() -> io::Result<()> {
    let limit = Rlimit {
        current: Some(64),
        maximum: Some(64),
    };
    Ok(rustix::process::setrlimit(Resource::Nofile, limit)?)
}

fn more_memory() -> io::Result<()> {
    let mut memory: Vec<u8> = Vec::new();
    memory
        .try_reserve_exact(1 << 40)
        .map_err(|_| io::ErrorKind::OutOfMemory.into())
}

/// The standard streams are all that was left open, so 3 must be closed; reading it is not even allowed to be tried.
fn inherited() -> io::Result<()> {
    call(libc::SYS_read, [3, 0, 0, 0])
}

/// Process 1 stands for the supervisor where that cannot be asked for.
fn parent() -> i64 {
    1
}

fn fork() -> io::Result<()> {
    call(libc::SYS_clone, [i64::from(libc::SIGCHLD), 0, 0, 0])
}

fn run_memory() -> io::Result<()> {
    map(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC).map(|_| ())
}

#[allow(unsafe_code)]
fn make_runnable() -> io::Result<()> {
    let page = map(libc::PROT_READ | libc::PROT_WRITE)?;
    // SAFETY: the page was mapped a line above, and nothing points into it.
    let result = unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[allow(unsafe_code)]
fn map(protection: i32) -> io::Result<*mut libc::c_void> {
    // SAFETY: a new anonymous mapping at a place that the kernel chooses touches no memory that is in use.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            protection,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(page)
    }
}

fn peek() -> io::Result<()> {
    call(libc::SYS_process_vm_readv, [parent(), 0, 0, 0])
}

/// A system call that has no safe form, with arguments that point at nothing.
#[allow(unsafe_code)]
fn call(number: i64, arguments: [i64; 4]) -> io::Result<()> {
    let [a, b, c, d] = arguments;
    // SAFETY: every pointer among the arguments is null, so the kernel writes nowhere. Should `clone` succeed, the
    // child goes on with a copy of this process, reports the same result, and ends.
    let result = unsafe { libc::syscall(number, a, b, c, d) };
    if result >= 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
