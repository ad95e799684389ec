//! The program, run and asked what it answered.

use std::path::Path;
use std::process::{Command, Output};

/// What the program answered.
pub struct Answer {
    pub code: i32,
    pub text: String,
}

impl Answer {
    pub fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.text);
        for word in words {
            assert!(
                self.text.contains(word),
                "{word:?} is not in:\n{}",
                self.text
            );
        }
    }
}

pub fn verify(args: &[&Path]) -> Answer {
    answer(Command::new(env!("CARGO_BIN_EXE_comity-verify")).args(args))
}

/// With an address space of 200 MB, stacks and all.
pub fn verify_in_little_memory(path: &Path) -> Answer {
    let program = env!("CARGO_BIN_EXE_comity-verify");
    let limited = "ulimit -v 200000; exec \"$@\"";
    // Each further arena of the C library would reserve 64 MB that it does not use.
    let mut command = Command::new("bash");
    answer(
        command
            .env("MALLOC_ARENA_MAX", "1")
            .args(["-c", limited, "bash", program])
            .arg(path),
    )
}

fn answer(command: &mut Command) -> Answer {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let code = status.code().expect("the program was killed");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    assert!(!text.contains("panicked"), "{text}");
    Answer { code, text }
}

pub fn verify_with(path: &Path, options: &[&str]) -> Answer {
    let mut args = vec![path];
    args.extend(options.iter().map(Path::new));
    verify(&args)
}
