//! One PostgreSQL server for the test process, one database for each call.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::guard::Guard;

const INSTALL: &str = "install PostgreSQL to run these tests: apt-get install postgresql";
/// The account that Debian's package makes.
const ACCOUNT: &str = "postgres";

/// The address of a fresh, empty database on a real PostgreSQL server that flushes its writes.
///
/// The server listens on a Unix socket only. It starts with the first call and ends with the process.
///
/// # Panics
///
/// With a sentence that says what to do, if PostgreSQL is not installed or does not start.
pub fn postgres() -> String {
    shared(|server| server.database(None))
}

/// The address of another database on the same server, with what is in the one at `url`, which nobody works on.
///
/// # Panics
///
/// As [`postgres`].
pub fn postgres_copy(url: &str) -> String {
    shared(|server| server.database(Some(url)))
}

fn shared(make: impl FnOnce(&Server) -> Result<String, String>) -> String {
    static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(Server::start);
    let made = SERVER.as_ref().map_err(String::clone).and_then(make);
    made.unwrap_or_else(|reason| panic!("no PostgreSQL for this test: {reason}"))
}

/// A server that a test has for itself, so that it may be brought down.
pub struct Postgres {
    server: Server,
}

impl Postgres {
    /// Starts one, which ends when this is dropped.
    ///
    /// # Panics
    ///
    /// As [`postgres`].
    pub fn of_its_own() -> Postgres {
        let server = Server::start();
        Postgres {
            server: server.unwrap_or_else(|reason| panic!("no PostgreSQL for this test: {reason}")),
        }
    }

    /// The address of a fresh, empty database on it.
    ///
    /// # Panics
    ///
    /// As [`postgres`].
    pub fn database(&self) -> String {
        let database = self.server.database(None);
        database.unwrap_or_else(|reason| panic!("no PostgreSQL for this test: {reason}"))
    }

    /// One of its processes ends as by kill -9: the server throws out every session, whatever it was doing, recovers
    /// from its log, and takes connections again. On return it does.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn crash(&self) {
        let crashed = self.server.crash();
        crashed.unwrap_or_else(|reason| panic!("PostgreSQL did not come back: {reason}"));
    }
}

struct Server {
    programs: PathBuf,
    folder: PathBuf,
    databases: AtomicU64,
    _guard: Guard,
}

impl Server {
    fn start() -> Result<Server, String> {
        let programs = programs()?;
        let folder = tempfile::Builder::new()
            .prefix("comity-postgres-")
            .tempdir()
            .map_err(|error| format!("no temporary folder: {error}"))?
            .keep();
        let shown = folder
            .to_str()
            .ok_or("the temporary folder's path is not UTF-8")?
            .to_owned();
        let become_account = if is_root(&folder)? {
            drop_to_account(&folder)?
        } else {
            Vec::new()
        };
        let data = format!("{shown}/data");
        let initdb = programs.join("initdb").display().to_string();
        let mut command = become_account.clone();
        let options = [
            "--no-sync",
            "-A",
            "trust",
            "-U",
            ACCOUNT,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-D",
        ];
        command.push(initdb);
        command.extend(options.map(str::to_owned));
        command.push(data.clone());
        run(&command)?;

        let mut command = become_account;
        // The second bond, should the guard itself be killed; it does not survive the change of account before it.
        command.extend(["setpriv", "--pdeathsig", "QUIT", "--"].map(str::to_owned));
        command.push(programs.join("postgres").display().to_string());
        command.extend(["-D".to_owned(), data, "-k".to_owned(), shown.clone()]);
        for setting in [
            "listen_addresses=",
            "fsync=on",
            "max_connections=200",
            "shared_buffers=64MB",
        ] {
            command.extend(["-c".to_owned(), setting.to_owned()]);
        }
        let (guard, mut child) =
            Guard::start(&shown, &command).map_err(|error| format!("sh: {error}"))?;
        let log = child.stderr.take().ok_or("the server has no log")?;
        wait_until_ready(BufReader::new(log))?;
        Ok(Server {
            programs,
            folder,
            databases: AtomicU64::new(0),
            _guard: guard,
        })
    }

    fn crash(&self) -> Result<(), String> {
        // A process of the server that has no session: its death alone makes the server start anew.
        let before = self.wal_writer(None);
        run(&["kill".to_owned(), "-KILL".to_owned(), before.to_string()])?;
        // Until the server has noticed it may still answer, and then it refuses for a while.
        self.wal_writer(Some(before));
        Ok(())
    }

    /// The server's process that writes its log, once there is one, and one other than `former`.
    fn wal_writer(&self, former: Option<u32>) -> u32 {
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'";
        loop {
            let answer = self.ask(sql).unwrap_or_default();
            match answer.trim().parse() {
                Ok(pid) if pid > 1 && Some(pid) != former => return pid,
                _ => thread::yield_now(),
            }
        }
    }

    fn ask(&self, sql: &str) -> Result<String, String> {
        let folder = self.folder.display().to_string();
        let output = Command::new(self.programs.join("psql"))
            .args(["-qtAX", "-h", &folder, "-U", ACCOUNT, "-c", sql, "postgres"])
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("psql: {error}"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn database(&self, like: Option<&str>) -> Result<String, String> {
        let name = format!("comity_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder.display().to_string();
        let program = self.programs.join("createdb").display().to_string();
        let mut command = vec![program];
        command.extend(["-h", &folder, "-U", ACCOUNT, &name].map(str::to_owned));
        if let Some(url) = like {
            let source = url
                .split(['/', '?'])
                .nth(3)
                .ok_or("not an address of ours")?;
            command.extend(["-T".to_owned(), source.to_owned()]);
            // Whoever worked on it has just ended, and the server may not have noticed yet.
            let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{source}'");
            while self.ask(&sql)?.trim() != "0" {
                thread::yield_now();
            }
        }
        run(&command)?;
        Ok(format!(
            "postgres://{ACCOUNT}@localhost/{name}?host={folder}"
        ))
    }
}

/// The folder of the newest version that is installed.
fn programs() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").map_err(|_| INSTALL)?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            let programs = path.join("bin");
            (programs.join("initdb").exists() && programs.join("postgres").exists())
                .then_some((version, programs))
        })
        .collect();
    found.sort();
    found
        .pop()
        .map(|(_, programs)| programs)
        .ok_or_else(|| INSTALL.to_owned())
}

fn is_root(own: &Path) -> Result<bool, String> {
    let metadata = fs::metadata(own).map_err(|error| format!("{}: {error}", own.display()))?;
    Ok(metadata.uid() == 0)
}

/// PostgreSQL does not run as root: gives the folder to its account, and returns how to become that account.
fn drop_to_account(folder: &Path) -> Result<Vec<String>, String> {
    let accounts =
        fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    let line = accounts.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> = line
        .ok_or_else(|| format!("there is no account {ACCOUNT}; {INSTALL}"))?
        .split(':')
        .collect();
    let id = |field: usize| fields.get(field).and_then(|text| text.parse::<u32>().ok());
    let (user, group) = id(2)
        .zip(id(3))
        .ok_or("the account postgres has no numbers in /etc/passwd")?;
    chown(folder, Some(user), Some(group))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let arguments = [
        format!("--reuid={user}"),
        format!("--regid={group}"),
        "--clear-groups".to_owned(),
        "--".to_owned(),
    ];
    Ok(["setpriv".to_owned()]
        .into_iter()
        .chain(arguments)
        .collect())
}

fn run(command: &[String]) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let output = Command::new(program)
        .args(arguments)
        .current_dir("/")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{} failed: {}",
        command.join(" "),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Reads the server's log until it takes connections, then goes on reading so that it never blocks.
fn wait_until_ready(mut log: impl BufRead + Send + 'static) -> Result<(), String> {
    let mut seen = String::new();
    loop {
        let before = seen.len();
        match log.read_line(&mut seen) {
            Ok(0) | Err(_) => return Err(format!("the server ended before it was ready: {seen}")),
            Ok(_) if seen[before..].contains("database system is ready to accept connections") => {
                break;
            }
            Ok(_) => {}
        }
    }
    thread::spawn(move || log.lines().map_while(Result::ok).for_each(drop));
    Ok(())
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn each_call_gives_an_empty_database_of_its_own() {
        let (first, second) = (postgres(), postgres());
        assert_ne!(first, second);
        assert_eq!(
            ask(
                &first,
                "create table kept (n int); insert into kept values (7); select n from kept"
            ),
            "7"
        );
        assert_eq!(
            ask(
                &second,
                "select count(*) from pg_tables where tablename = 'kept'"
            ),
            "0"
        );
        assert_eq!(ask(&second, "show fsync"), "on");
    }

    fn ask(url: &str, sql: &str) -> String {
        let psql = programs()
            .map(|programs| programs.join("psql"))
            .expect("psql");
        let output = Command::new(psql)
            .args(["-qtAX", "-c", sql, url])
            .output()
            .expect("psql runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }
}
