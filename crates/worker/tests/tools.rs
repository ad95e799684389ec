//! The walls around a program of the system, tried from inside: the program is this one, or one of Debian's.

#![allow(clippy::expect_used)]

use comity_extract::{
    State,
    sandbox::{TOOL_PROBES, ToolWalls},
    tool::{Ran, Tool},
};
use std::{path::Path, time::Duration};

const WORKER: &str = env!("CARGO_BIN_EXE_extract-worker");

fn tool(program: &str) -> Tool {
    Tool {
        launcher: WORKER.into(),
        walls: ToolWalls {
            program: program.into(),
            data: Vec::new(),
            memory_bytes: 512 << 20,
            cpu_secs: 20,
            output_bytes: 64 << 10,
        },
        time: Duration::from_secs(120),
    }
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> Ran {
    tool(program)
        .run(arguments, input)
        .expect("the walls can be closed here")
}

fn failed(ran: Ran) -> (State, String) {
    match ran {
        Ran::Failed(outcome) => (outcome.state, outcome.reason),
        Ran::Done(out) => panic!("it succeeded: {}", String::from_utf8_lossy(&out)),
    }
}

/// The attempt was made, by a process that had become the tool, and was refused.
#[test]
fn a_tool_has_no_files_no_network_no_processes_and_no_environment() {
    for name in TOOL_PROBES {
        match run(WORKER, &["attempt", name], &[]) {
            Ran::Done(said) => assert!(!said.is_empty(), "{name}: nothing was tried"),
            Ran::Failed(outcome) => panic!("{name}: {outcome:?}"),
        }
    }
    assert!(!Path::new("/tmp/comity-probe").exists());
}

/// Without walls the same attempts succeed: that they fail behind them is the walls' doing.
#[test]
fn without_walls_the_same_attempts_succeed() {
    for name in [
        "open-file",
        "list-folder",
        "read-environment",
        "socket",
        "local-socket",
        "run-memory",
    ] {
        let output = std::process::Command::new(WORKER)
            .args(["attempt", name])
            .output()
            .expect("it starts");
        assert!(
            !output.status.success(),
            "{name} is refused here even without walls"
        );
    }
}

#[test]
fn programs_of_debian_get_their_input_from_memory_and_nothing_else() {
    let bytes: Vec<u8> = (0..60_000_u32).map(|n| n as u8).collect();
    match run("/bin/cat", &[], &bytes) {
        Ran::Done(out) => assert_eq!(out, bytes),
        Ran::Failed(outcome) => panic!("{outcome:?}"),
    }
    let (state, why) = failed(run("/bin/cat", &["/etc/passwd"], &[]));
    assert_eq!(state, State::Damaged);
    assert!(why.contains("Permission denied"), "{why}");
    failed(run("/bin/sh", &["-c", "/bin/true"], &[]));
    failed(run(
        "/bin/sh",
        &["-c", "(exit 0) & wait; echo alive; exec /bin/cat"],
        &[],
    ));
    match run("/usr/bin/env", &[], &[]) {
        Ran::Done(out) => assert_eq!(out, b"OMP_THREAD_LIMIT=1\n"),
        Ran::Failed(outcome) => panic!("{outcome:?}"),
    }
}

#[test]
fn a_tool_that_overruns_is_ended_and_its_state_says_by_what() {
    let (state, why) = failed(run("/bin/cat", &[], &[7; 70_000]));
    assert_eq!(state, State::OverLimit, "{why}");
    let mut hurried = tool("/bin/sleep");
    hurried.time = Duration::ZERO;
    let ran = hurried.run(&["1000"], &[]).expect("it starts");
    assert_eq!(failed(ran).0, State::TimedOut);
    let mut busy = tool("/bin/sh");
    busy.walls.cpu_secs = 1;
    let ran = busy
        .run(&["-c", "while :; do :; done"], &[])
        .expect("it starts");
    assert_eq!(failed(ran).0, State::TimedOut);
    let nowhere = tool("/nowhere/tesseract").run(&["-"], &[]);
    let said = nowhere.expect_err("there is no such program").to_string();
    assert!(said.contains("/nowhere/tesseract"), "{said}");
}
