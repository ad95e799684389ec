//! What a locked-in worker may ask the kernel for.
//!
//! Two filters lie over each other, and of their verdicts the kernel takes the stricter. The first kills whoever calls
//! what is on neither list; the second answers what is not on the short list with `EPERM`. So what libraries look up
//! out of habit does no harm and kills no one, and what only an attacker wants ends the process at once.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Allowed whatever their arguments.
const FREE: &[i64] = &[
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Answered with `EPERM`: looked up out of habit by the standard library, an allocator, or a parser.
const REFUSED: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_fstat,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_sched_getaffinity,
    libc::SYS_prlimit64,
    libc::SYS_ioctl,
    libc::SYS_fcntl,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_clock_nanosleep,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_readlink,
    libc::SYS_access,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[i64] = &[];

/// Sets both filters for all threads of the process.
pub fn close() -> Result<(), Box<dyn std::error::Error>> {
    let allowed = allowed()?;
    let mut known = allowed.clone();
    for call in REFUSED.iter().chain(REFUSED_OLD) {
        known.insert(*call, Vec::new());
    }
    // The stricter answer wins, whichever was set first; setting the killing one first keeps the second call allowed
    // only because it is not yet in force for `seccomp` itself, so the gentler one goes first and allows that call.
    let mut gentle = allowed;
    gentle.insert(libc::SYS_seccomp, Vec::new());
    gentle.insert(libc::SYS_prctl, Vec::new());
    apply_filter_all_threads(&compile(gentle, SeccompAction::Errno(libc::EPERM as u32))?)?;
    apply_filter_all_threads(&compile(known, SeccompAction::KillProcess)?)?;
    Ok(())
}

/// What a program of the system needs besides [`FREE`] and [`REFUSED`] to be loaded and to read its own files.
const OF_TOOLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_execve,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_getdents64,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_ppoll,
    libc::SYS_clone3,
];
#[cfg(target_arch = "x86_64")]
const OF_TOOLS_OLD: &[i64] = &[libc::SYS_arch_prctl, libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const OF_TOOLS_OLD: &[i64] = &[];

/// Sets the filter that a program of the system is started under. Whatever is not listed is answered with `EPERM`:
/// the program is not ours, and tries more out of habit than we can name. Threads may be made, and processes not;
/// what may be executed is for Landlock to say.
pub fn close_around_tool() -> Result<(), Box<dyn std::error::Error>> {
    let all = [FREE, REFUSED, REFUSED_OLD, OF_TOOLS, OF_TOOLS_OLD];
    let mut rules: Rules = all
        .iter()
        .flat_map(|calls| calls.iter())
        .map(|call| (*call, Vec::new()))
        .collect();
    let one = |conditions| SeccompRule::new(conditions);
    let thread = (libc::CLONE_THREAD | libc::CLONE_VM) as u64;
    let thread = condition(0, SeccompCmpOp::MaskedEq(thread), thread)?;
    rules.insert(libc::SYS_clone, vec![one(vec![thread])?]);
    // Limits are looked up and not set: the superuser's could be raised.
    rules.insert(libc::SYS_prlimit64, vec![one(vec![condition_64(2, 0)?])?]);
    rules.insert(
        libc::SYS_ioctl,
        vec![one(vec![condition(1, SeccompCmpOp::Eq, libc::TCGETS)?])?],
    );
    // Code comes from files that may be read, and is never memory that was written.
    let no_code = || condition(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0);
    let no_write = condition(2, SeccompCmpOp::MaskedEq(libc::PROT_WRITE as u64), 0)?;
    let of_a_file = condition(3, SeccompCmpOp::MaskedEq(libc::MAP_ANONYMOUS as u64), 0)?;
    rules.insert(
        libc::SYS_mmap,
        vec![one(vec![no_code()?])?, one(vec![no_write, of_a_file])?],
    );
    rules.insert(libc::SYS_mprotect, vec![one(vec![no_code()?])?]);
    let own = u64::from(std::process::id());
    rules.insert(
        libc::SYS_tgkill,
        vec![one(vec![condition(0, SeccompCmpOp::Eq, own)?])?],
    );
    rules.insert(libc::SYS_seccomp, Vec::new());
    rules.insert(libc::SYS_prctl, Vec::new());
    apply_filter_all_threads(&compile(rules, SeccompAction::Errno(libc::EPERM as u32))?)?;
    // A library that is told that there is no `clone3` uses `clone`, whose arguments a filter can see.
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let no_clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let nothing = SeccompAction::Errno(libc::ENOSYS as u32);
    let filter: BpfProgram =
        SeccompFilter::new(no_clone3, SeccompAction::Allow, nothing, arch)?.try_into()?;
    apply_filter_all_threads(&filter)?;
    Ok(())
}

fn condition_64(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value)
}

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
) -> Result<BpfProgram, Box<dyn std::error::Error>> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, otherwise, SeccompAction::Allow, arch)?.try_into()?)
}

fn allowed() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = FREE.iter().map(|call| (*call, Vec::new())).collect();
    // The socket is read, and it and the pipe are written: nothing else is open, and nothing else is asked for.
    let only = |argument, value| condition(argument, SeccompCmpOp::Eq, value);
    for call in [libc::SYS_read, libc::SYS_readv, libc::SYS_recvfrom] {
        rules.insert(call, vec![SeccompRule::new(vec![only(0, 0)?])?]);
    }
    for call in [libc::SYS_write, libc::SYS_writev] {
        rules.insert(
            call,
            vec![SeccompRule::new(vec![condition(0, SeccompCmpOp::Le, 2)?])?],
        );
    }
    // No memory that can be executed, neither new nor made so; and none that is shared or comes from a file.
    let no_execution = condition(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?;
    let anonymous = condition(
        3,
        SeccompCmpOp::MaskedEq(libc::MAP_ANONYMOUS as u64),
        libc::MAP_ANONYMOUS as u64,
    )?;
    rules.insert(
        libc::SYS_mmap,
        vec![SeccompRule::new(vec![no_execution.clone(), anonymous])?],
    );
    rules.insert(
        libc::SYS_mprotect,
        vec![SeccompRule::new(vec![no_execution])?],
    );
    // `abort` signals the own thread; a signal to any other process is an attack.
    let own = u64::from(std::process::id());
    rules.insert(
        libc::SYS_tgkill,
        vec![SeccompRule::new(vec![only(0, own)?])?],
    );
    Ok(rules)
}

fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}
