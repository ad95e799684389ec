//! The walls around a worker, tried from inside by the program itself, each attempt in a process of its own.

#![allow(clippy::expect_used)]

use comity_extract::sandbox::{KILLED_BY_FILTER, PROBES, TOOL_PROBES};
use std::{
    io::Read,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    process::{Command, Output, Stdio},
    time::Duration,
};

fn attempt(name: &str) -> Output {
    assert!(
        PROBES.iter().any(|probe| probe.name == name),
        "no such probe: {name}"
    );
    Command::new(env!("CARGO_BIN_EXE_extract-worker"))
        .args(["probe", name])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("the worker starts")
}

/// Refused by the kernel (the program says so and goes on), or ended by it.
fn assert_held(name: &str) {
    let output = attempt(name);
    let ended = output.status.signal() == Some(KILLED_BY_FILTER);
    assert!(
        ended || output.status.code() == Some(0),
        "{name}: {output:?}"
    );
}

#[test]
fn a_reader_opens_no_file() {
    for name in [
        "open-file",
        "list-folder",
        "write-file",
        "read-parent",
        "inherited",
    ] {
        assert_held(name);
    }
    assert!(!std::path::Path::new("/tmp/comity-probe").exists());
}

#[test]
fn a_reader_has_no_network() {
    assert_held("socket");
    assert_held("local-socket");
}

#[test]
fn a_reader_starts_nothing() {
    for name in ["fork", "thread", "exec", "namespace"] {
        assert_held(name);
    }
}

#[test]
fn a_reader_sees_no_environment() {
    assert_held("read-environment");
}

#[test]
fn a_reader_touches_no_other_process() {
    for name in ["ptrace", "signal", "peek"] {
        assert_held(name);
    }
}

#[test]
fn a_reader_makes_no_code_and_lifts_no_limit() {
    for name in [
        "run-memory",
        "make-runnable",
        "raise-limit",
        "more-memory",
        "mount",
        "io-uring",
        "bpf",
    ] {
        assert_held(name);
    }
}

#[test]
fn every_probe_is_one_of_these_and_operators_can_run_them_all() {
    let output = Command::new(env!("CARGO_BIN_EXE_extract-worker"))
        .arg("probe")
        .output()
        .expect("the worker starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let all = PROBES.len() + TOOL_PROBES.len();
    assert_eq!(said.matches("holds ").count(), all, "{said}");
    assert!(output.status.success());
}

#[test]
fn a_reader_ends_with_the_one_who_started_it() {
    let (mut ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    let limit = Some(Duration::from_secs(30));
    ours.set_read_timeout(limit).expect("a limit");
    let other = theirs.try_clone().expect("the other end");
    let starter = std::thread::spawn(move || {
        let worker = Command::new(env!("CARGO_BIN_EXE_extract-worker"))
            .args(["read", "1073741824", "60"])
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the worker starts");
        // It says that it is ready, and then waits for a word that never comes.
        let mut head = [0; 5];
        ours.read_exact(&mut head).expect("it is ready");
        (worker, ours)
    });
    // The thread that started it is gone, and the socket is open still: nothing but its end would be noticed.
    let (mut worker, _ours) = starter.join().expect("the thread ends");
    let ended = worker.wait().expect("it ends");
    assert_eq!(ended.signal(), Some(9));
    drop(other);
}
