//! `extract-worker`: reads hostile files for Comity, which starts it. `read MEMORY CPU` is for Comity alone; `probe`
//! is for people: it tries what a reader must not be able to do, and says whether the walls hold on this machine.

use comity_extract::sandbox::{self, PROBES, TOOL_PROBES, ToolWalls};
use std::{
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command, ExitCode, Output, Stdio},
};

/// Memory in bytes and processor time in seconds that a probe gets.
const PROBE_LIMITS: (u64, u64) = (512 << 20, 10);
/// No wall could be had; nothing was read.
const NO_WALL: u8 = 3;
/// The attempt that a probe made succeeded.
const BREACH: u8 = 4;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["read", memory, cpu] => match (memory.parse(), cpu.parse()) {
            (Ok(memory), Ok(cpu)) => locked_in(memory, cpu, || {
                comity_worker::serve();
                ExitCode::SUCCESS
            }),
            _ => usage(),
        },
        ["tool", ..] => tool(std::env::args_os().skip(2).collect()),
        ["attempt", name] => attempt(name),
        ["probe"] => probe_all(),
        ["probe", name] => probe_one(name),
        ["--version"] => {
            println!("extract-worker {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!(
        "extract-worker is started by Comity. By hand: `extract-worker probe` shows whether its walls hold here."
    );
    ExitCode::from(2)
}

fn locked_in(memory: u64, cpu: u64, work: impl FnOnce() -> ExitCode + Send) -> ExitCode {
    match sandbox::locked_in(memory, cpu, || u8::from(work() != ExitCode::SUCCESS)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(BREACH),
        Err(no_wall) => {
            eprintln!("{no_wall}");
            ExitCode::from(NO_WALL)
        }
    }
}

/// `tool MEMORY CPU OUTPUT PROGRAM DATA… -- ARGUMENT…`: closes the walls of a tool, and becomes it.
fn tool(words: Vec<OsString>) -> ExitCode {
    let Some(middle) = words.iter().position(|word| word == "--") else {
        return usage();
    };
    let (walls, arguments) = (&words[..middle], &words[middle + 1..]);
    let number = |at: usize| walls.get(at)?.to_str()?.parse().ok();
    let (Some(memory_bytes), Some(cpu_secs), Some(output_bytes), Some(program)) =
        (number(0), number(1), number(2), walls.get(3))
    else {
        return usage();
    };
    let walls = ToolWalls {
        program: program.into(),
        data: walls[4..].iter().map(PathBuf::from).collect(),
        memory_bytes,
        cpu_secs,
        output_bytes,
    };
    eprintln!("{}", sandbox::become_tool(&walls, arguments));
    ExitCode::from(NO_WALL)
}

/// Makes one attempt with whatever walls there are: this program as the tool of a probe.
fn attempt(name: &str) -> ExitCode {
    let Some(probe) = PROBES.iter().find(|probe| probe.name == name) else {
        return usage();
    };
    match sandbox::probe(probe) {
        Err(refused) if sandbox::is_tool_refusal(&refused) => {
            println!("{refused}");
            ExitCode::SUCCESS
        }
        Err(other) => {
            eprintln!("not refused, but failed: {other}");
            ExitCode::FAILURE
        }
        Ok(()) => {
            eprintln!("it succeeded");
            ExitCode::FAILURE
        }
    }
}

/// Makes one attempt, and says on standard output what came of it.
fn probe_one(name: &str) -> ExitCode {
    let Some(probe) = PROBES.iter().find(|probe| probe.name == name) else {
        return usage();
    };
    locked_in(PROBE_LIMITS.0, PROBE_LIMITS.1, || {
        match sandbox::probe(probe) {
            // Any other error would come without walls too, and proves nothing.
            Err(refused) if sandbox::is_refusal(&refused) => {
                println!("{refused}");
                ExitCode::SUCCESS
            }
            Err(other) => {
                eprintln!("not refused, but failed: {other}");
                ExitCode::FAILURE
            }
            Ok(()) => {
                eprintln!("it succeeded");
                ExitCode::FAILURE
            }
        }
    })
}

/// Whether the walls held, and how.
fn verdict(ran: io::Result<Output>) -> (bool, String) {
    let output = match ran {
        Ok(output) => output,
        Err(error) => return (false, error.to_string()),
    };
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => (
            true,
            format!(
                "refused: {}",
                String::from_utf8_lossy(&output.stdout).trim()
            ),
        ),
        (_, Some(sandbox::KILLED_BY_FILTER)) => (true, "ended by the kernel".to_owned()),
        _ => (
            false,
            format!(
                "{}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        ),
    }
}

/// This program, in a process of its own.
fn again(words: &[&str]) -> io::Result<Output> {
    Command::new(std::env::current_exe()?)
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .output()
}

/// This program as a tool that makes an attempt.
fn as_tool(name: &str) -> io::Result<Output> {
    let program = std::env::current_exe()?;
    let (memory, cpu) = (PROBE_LIMITS.0.to_string(), PROBE_LIMITS.1.to_string());
    let walls = ["tool", &memory, &cpu, "65536", &program.to_string_lossy()];
    again(&[&walls[..], &["--", "attempt", name]].concat())
}

/// Makes every attempt, each in a process of its own: as a reader, and as a tool.
fn probe_all() -> ExitCode {
    let mut breaches = 0;
    let mut tried = |what: &str, ran: io::Result<Output>| {
        let (held, how) = verdict(ran);
        breaches += usize::from(!held);
        let held = if held { "holds" } else { "BREACH" };
        println!("{held}  {what:<52} {how}");
    };
    for probe in PROBES {
        tried(probe.what, again(&["probe", probe.name]));
    }
    let of_tools = PROBES.iter().filter(|p| TOOL_PROBES.contains(&p.name));
    for probe in of_tools {
        tried(&format!("tool: {}", probe.what), as_tool(probe.name));
    }
    let attempts = PROBES.len() + TOOL_PROBES.len();
    println!("{attempts} attempts, {breaches} that were not held");
    if breaches == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(BREACH)
    }
}
