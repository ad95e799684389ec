//! Progress on a terminal, silence in a pipe.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One line at the foot of the terminal.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// A line, when `wanted` and there is a terminal to show it on.
    pub fn new(wanted: bool) -> Bar {
        if !wanted || !std::io::stderr().is_terminal() {
            return Bar(None);
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {eta} left") {
            bar.set_style(style);
        }
        Bar(Some(bar))
    }

    /// How far something is, and of how much.
    pub fn show(&self, what: &str, done: u64, all: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(what.to_owned());
        }
    }

    /// Shows how far an index is, once that has taken a moment: most are up to date.
    pub fn indexing(&self) -> impl Fn(&str, u64, u64) + Sync {
        let begun = Instant::now();
        move |member, done, all| {
            if begun.elapsed() > Duration::from_secs(1) {
                self.show(&format!("search index of {member}"), done, all);
            }
        }
    }

    /// A line of words instead of a bar.
    pub fn say(&self, line: String) {
        if let Some(bar) = &self.0 {
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar.set_message(line);
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    /// What went wrong is said on a clean line.
    fn drop(&mut self) {
        self.clear();
    }
}

/// Time left in words, when the share `done` took so many seconds; nothing as long as that says little.
pub fn time_left(seconds: f64, done: f64) -> Option<String> {
    if done <= 0.0 || seconds < 1.0 {
        return None;
    }
    let left = (seconds / done.min(1.0) - seconds) as u64;
    Some(match left {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    })
}

/// Bytes in the unit that a person reads.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} bytes")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}
