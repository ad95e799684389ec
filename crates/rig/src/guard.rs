//! A shell that outlives the test process just long enough to clean up after it.
//!
//! It waits for the end of its input, whose other end only the test process holds. That end comes with the process,
//! whether it returns, panics or is killed.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
};

/// Holding it keeps the guarded folder and server; dropping it ends them.
pub(crate) struct Guard {
    _input: ChildStdin,
}

/// `$1` is the folder to remove at the end; what follows is the server to run until then.
const SCRIPT: &str = r#"
folder=$1; shift
server=
if [ $# -gt 0 ]; then "$@" & server=$!; fi
exec 2>/dev/null
cat >/dev/null
if [ -n "$server" ]; then kill -QUIT "$server"; wait "$server"; fi
rm -rf "$folder"
"#;

impl Guard {
    /// Starts the guard and, below it, the server. What the server writes to its standard error is in `Child::stderr`.
    pub(crate) fn start(folder: &str, server: &[String]) -> io::Result<(Guard, Child)> {
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "sh", folder])
            .args(server)
            .current_dir("/")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C at the terminal is for the test process alone.
            .process_group(0)
            .spawn()?;
        let input = child
            .stdin
            .take()
            .ok_or_else(|| io::Error::other("the guard has no input"))?;
        Ok((Guard { _input: input }, child))
    }
}
