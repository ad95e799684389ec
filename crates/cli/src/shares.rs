//! Shares and desk keys as people hold them: words on paper, files.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{BufRead, IsTerminal, Write, stderr, stdin};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use comity_app::keyring::slip39::{Fit, Gathering, Share};
use comity_app::keyring::{DeskKey, Holder, MemberGroup, Scheme, Sharing};
use comity_core::id::MemberCode;
use comity_core::shown::escape_for_terminal;
use zeroize::Zeroizing;

use crate::world::Failure;

/// Clears a terminal, and what scrolled out of it.
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";

/// Reads shares from files, colons between their names: a share a line; empty lines and those that begin with `#` say
/// nothing.
pub fn of_files(files: &OsStr) -> Result<Gathering, Failure> {
    let mut all = Gathering::default();
    for file in std::env::split_paths(files) {
        let text = read(&file, "file of shares")?;
        let lines = text.lines().map(str::trim).enumerate();
        for (at, line) in lines.filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
            let wrong = |e: &dyn std::fmt::Display| {
                Failure::Usage(format!("{}, line {}: {e}", file.display(), at + 1))
            };
            let share = Share::parse(line).map_err(|e| wrong(&e))?;
            all.add(share).map_err(|e| wrong(&e))?;
        }
    }
    Ok(all)
}

fn read(file: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|e| Failure::Usage(format!("the {what} {} cannot be read: {e}", file.display())))
}

/// The key of a desk, and its member.
pub fn desk_key(file: &Path) -> Result<(MemberCode, DeskKey), Failure> {
    let text = read(file, "desk's key")?;
    DeskKey::parse(&text).map_err(|e| Failure::Usage(format!("{}: {e}", file.display())))
}

/// Writes a secret into a new file that only its owner reads, durably.
pub fn write_secret(file: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut f| {
            f.write_all(text.as_bytes())?;
            f.sync_all()
        });
    written.map_err(|e| Failure::Usage(format!("{} cannot be written: {e}", file.display())))
}

/// Asks for shares, one at a time, until they are enough. Each is told at once whether it fits.
pub fn gather(scheme: &Scheme) -> Result<Gathering, Failure> {
    let mut all = Gathering::default();
    let is_terminal = stdin().is_terminal();
    let mut lines = stdin().lock();
    let mut is_told = false;
    while !all.is_enough() {
        if !std::mem::replace(&mut is_told, true) {
            tell(&format!("Missing: {}.", missing(scheme, &all)));
        }
        if is_terminal {
            let _ = write!(stderr(), "The words of one share: ");
        }
        // Longer than any share, so that the text is not moved in memory.
        let mut line = Zeroizing::new(String::with_capacity(1024));
        let read = lines
            .read_line(&mut line)
            .map_err(|e| Failure::Usage(format!("the share could not be read: {e}")))?;
        if is_terminal {
            let _ = write!(stderr(), "{CLEAR}");
        }
        if read == 0 {
            return Err(Failure::Usage(format!(
                "there are too few shares. Missing: {}",
                missing(scheme, &all)
            )));
        }
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        is_told = false;
        let said = match Share::parse(&line) {
            Err(e) => format!("This is no share: {e}."),
            Ok(share) if share.identifier != scheme.identifier => "It does not fit: it is a whole share, of another sharing than the one that this keyring has now.".to_owned(),
            Ok(share) => {
                let who = holder(scheme, &share);
                match all.add(share) {
                    Ok(Fit::Taken) => format!("It fits: {who}."),
                    Ok(Fit::NotNeeded) => {
                        format!("It fits, and is not needed: {who}; this member has enough.")
                    }
                    Err(e) => format!("It does not fit: {e}."),
                }
            }
        };
        tell(&said);
    }
    Ok(all)
}

fn tell(sentence: &str) {
    let _ = writeln!(stderr(), "comity: {}", escape_for_terminal(sentence));
}

fn holder(scheme: &Scheme, share: &Share) -> String {
    match scheme.groups.get(usize::from(share.group)) {
        Some(MemberGroup {
            member,
            threshold: 1,
            ..
        }) => format!("{member}'s share"),
        Some(group) => format!(
            "{}'s share {} of {}",
            group.member,
            share.member + 1,
            group.count
        ),
        None => "a share of a member that the scheme does not have".to_owned(),
    }
}

/// What is still missing, in words.
fn missing(scheme: &Scheme, all: &Gathering) -> String {
    let states = all.groups();
    let given = |at: usize| {
        let state = states.iter().find(|s| usize::from(s.group) == at);
        state.map_or(0, |s| s.given)
    };
    let groups = || scheme.groups.iter().enumerate();
    let whole = groups().filter(|(at, g)| given(*at) >= g.threshold).count();
    let open: Vec<String> = groups()
        .filter(|(at, g)| given(*at) < g.threshold)
        .map(|(at, g)| format!("{} {} more", g.member, g.threshold - given(at)))
        .collect();
    let members = usize::from(scheme.threshold).saturating_sub(whole);
    format!("of {members} of these members: {}", open.join(", "))
}

/// Gives each holder its words in a file of its own.
pub fn to_folder(sharing: &Sharing, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for holder in sharing.holders() {
        let count = count_of(sharing.scheme(), &holder);
        let file = folder.join(format!(
            "{}-{}-of-{count}.share",
            holder.member, holder.holder
        ));
        let text = Zeroizing::new(format!(
            "# {}, holder {} of {count}. It opens the centre together with shares {}.\n# Print it, hand it to its holder alone, and destroy this file.\n{}\n",
            holder.member,
            holder.holder,
            sharing.scheme().in_words(),
            &*holder.words
        ));
        write_secret(&file, &text)?;
        files.push(file);
    }
    Ok(files)
}

fn count_of(scheme: &Scheme, holder: &Holder) -> u8 {
    let group = scheme.groups.iter().find(|g| g.member == holder.member);
    group.map_or(0, |g| g.count)
}

/// Shows each holder its words on a screen of its own, and asks for two of them.
pub fn on_screen(sharing: &Sharing) -> Result<(), Failure> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Failure::Usage(
            "shares are shown on a terminal, one holder after the other; or give --to-dir DIR for a file a holder".to_owned(),
        ));
    }
    let asked = |e: std::io::Error| {
        Failure::Usage(format!("the terminal went away: {e}; nothing was changed"))
    };
    for (at, holder) in sharing.holders().enumerate() {
        let count = count_of(sharing.scheme(), &holder);
        let who = format!("{}, holder {} of {count}", holder.member, holder.holder);
        let words: Vec<&str> = holder.words.split(' ').collect();
        let mut out = stderr();
        write!(
            out,
            "{CLEAR}{who}: let nobody else see the screen, then press Enter. "
        )
        .map_err(asked)?;
        line()?;
        loop {
            writeln!(
                out,
                "{CLEAR}{who}. Write these {} words down:\n",
                words.len()
            )
            .map_err(asked)?;
            for (row, four) in words.chunks(4).enumerate() {
                let cells: Vec<String> = (1..)
                    .zip(four)
                    .map(|(i, w)| format!("{:>2} {w:<9}", 4 * row + i))
                    .collect();
                writeln!(out, "  {}", cells.join(" ")).map_err(asked)?;
            }
            let (a, b) = (4 + at * 3 % 12, 17 + at * 5 % 14);
            write!(out, "\nPress Enter when they are written down. ").map_err(asked)?;
            line()?;
            write!(
                out,
                "{CLEAR}{who}, from the paper: word {} and word {}: ",
                a + 1,
                b + 1
            )
            .map_err(asked)?;
            let answer = line()?;
            if answer.split_whitespace().eq([words[a], words[b]]) {
                break;
            }
            write!(
                out,
                "These are not the words. Press Enter to see them again. "
            )
            .map_err(asked)?;
            line()?;
        }
        write!(out, "{CLEAR}").map_err(asked)?;
    }
    Ok(())
}

fn line() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    match stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => Err(Failure::Usage(
            "it was broken off; nothing was changed, and these words open nothing".to_owned(),
        )),
        Ok(_) => Ok(line),
    }
}
