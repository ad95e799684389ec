//! The servers end with the process that asked for them, even if it is killed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    env,
    io::{BufRead, BufReader, Read},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const ROLE: &str = "COMITY_RIG_TEST_ROLE";
const FOLDER_LINE: &str = "folder of a server: ";

/// Not a test of its own: the child's side of the tests below. Without its role it has nothing to do.
#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    let url = comity_rig::postgres();
    let (_, folder) = url.split_once("?host=").unwrap();
    println!("{FOLDER_LINE}{folder}");
    println!(
        "{FOLDER_LINE}{}",
        comity_rig::s3().folder.parent().unwrap().display()
    );
    match role.as_str() {
        "returns" => {}
        "panics" => panic!("as a failing test does"),
        // Waits to be killed: nobody writes to its input.
        _ => drop(std::io::stdin().read(&mut [0])),
    }
}

#[test]
fn the_servers_end_when_the_process_returns() {
    servers_end_when_it("returns");
}

#[test]
fn the_servers_end_when_a_test_panics() {
    servers_end_when_it("panics");
}

#[test]
fn the_servers_end_when_the_process_is_killed() {
    servers_end_when_it("is killed");
}

fn servers_end_when_it(role: &str) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let folders: Vec<PathBuf> = lines
        .filter_map(|line| Some(line.split_once(FOLDER_LINE)?.1.into()))
        .take(2)
        .collect();
    let [postgres, s3] = &folders[..] else {
        panic!("{folders:?}")
    };
    let connection = UnixStream::connect(postgres.join(".s.PGSQL.5432"));
    if role == "is killed" {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    // The server closes its connections when it ends; where it had ended already there was none to make.
    if let Ok(mut connection) = connection {
        connection
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let end = connection.read(&mut [0]);
        assert!(
            !matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "{end:?}"
        );
    }
    assert!(
        disappears(postgres) && disappears(s3),
        "{role}: {folders:?}"
    );
}

/// The guard removes the folder as its last act.
fn disappears(folder: &Path) -> bool {
    let begun = Instant::now();
    while folder.exists() && begun.elapsed() < Duration::from_secs(60) {
        thread::yield_now();
    }
    !folder.exists()
}
