//! The walls: a worker closes them around itself before it asks for the first byte of a file.
//!
//! What each wall holds is tried from inside by [`probe()`], in tests and by operators.

mod filter;
mod probe;
mod tool;

pub use probe::{PROBES, Probe, TOOL_PROBES, is_refusal, is_tool_refusal, probe};
pub use tool::{ToolWalls, become_tool};

use landlock::{
    ABI as LandlockAbi, Access, AccessFs, AccessNet, Compatible, Ruleset, RulesetAttr,
    RulesetCreated, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use std::fmt;

/// A wall that could not be had. The worker then reads nothing.
#[derive(Debug, thiserror::Error)]
#[error("{wall} cannot be had here: {reason}")]
pub struct NoWall {
    wall: &'static str,
    reason: String,
}

fn no<E: fmt::Display>(wall: &'static str) -> impl FnOnce(E) -> NoWall {
    move |reason| NoWall {
        wall,
        reason: reason.to_string(),
    }
}

/// The signal by which the kernel ends a process that calls what is forbidden.
pub const KILLED_BY_FILTER: i32 = libc::SIGSYS;

/// Stack of the thread that reads, in bytes. Address space only, until it is used.
pub const STACK_BYTES: usize = 64 << 20;

/// Locks the process in and runs `read` there, on a thread with [`STACK_BYTES`] of stack. Only the calling thread may
/// exist. `memory_bytes` is address space, `cpu_secs` processor time of the process.
///
/// Landlock holds for a thread and those that it makes, so it comes before the reading thread; making a thread is what
/// the last filter forbids, so that one comes after it, and is set for both.
pub fn locked_in<T: Send>(
    memory_bytes: u64,
    cpu_secs: u64,
    read: impl FnOnce() -> T + Send,
) -> Result<T, NoWall> {
    // A reader that is busy when its supervisor is killed would not notice before it asks for more.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(no("ending with its parent"))?;
    close_from(3).map_err(no("closing what was inherited"))?;
    rustix::thread::set_no_new_privs(true).map_err(no("giving up new privileges"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(no("giving up core dumps"))?;
    restrict(Ok)?;
    std::thread::scope(|scope| {
        let inner = std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, move || {
                limits(memory_bytes, cpu_secs)?;
                filter::close().map_err(no("seccomp"))?;
                Ok(read())
            });
        match inner.map_err(no("a thread to read in"))?.join() {
            Ok(result) => result,
            // The panic's message has gone to the pipe; the process ends as one that panicked.
            Err(_) => std::process::exit(101),
        }
    })
}

/// The newest rights of Landlock that are asked for.
const ABI: LandlockAbi = LandlockAbi::V6;

/// Handles every right that this kernel's Landlock knows, and grants none but those that `grant` adds.
fn restrict(
    grant: impl FnOnce(RulesetCreated) -> Result<RulesetCreated, RulesetError>,
) -> Result<(), NoWall> {
    let abi = ABI;
    let status = Ruleset::default()
        .set_compatibility(landlock::CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(|rules| rules.create())
        .and_then(grant)
        .and_then(|rules| rules.restrict_self())
        .map_err(no("Landlock"))?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(no("Landlock")(
            "the kernel does not have it, or it is switched off",
        )),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

/// A limit that nothing lifts. Of processor time the hard one is a little higher: at the soft one the kernel sends a
/// signal that says why, and at the hard one any that kills.
fn limit(resource: Resource, value: u64) -> Rlimit {
    let spare = u64::from(resource == Resource::Cpu);
    Rlimit {
        current: Some(value),
        maximum: Some(value + spare),
    }
}

fn limits(memory_bytes: u64, cpu_secs: u64) -> Result<(), NoWall> {
    for (resource, value) in [
        (Resource::As, memory_bytes),
        (Resource::Cpu, cpu_secs),
        (Resource::Nofile, 0),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ] {
        setrlimit(resource, limit(resource, value)).map_err(no("limits"))?;
    }
    Ok(())
}

#[allow(unsafe_code)]
fn close_from(first: u32) -> std::io::Result<()> {
    // SAFETY: nothing in this process owns a descriptor from `first` on: it has just started, and has opened none.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if closed == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}
