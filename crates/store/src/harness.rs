//! The variable `COMITY_FAULT`, by which a crash harness steers a whole program. Only with debug assertions or the
//! feature `faults`: a released program does not look at it.
//!
//! `kill@N` ends the process, as by kill -9, just before its N-th durable call (from 1, counted over the process).
//! `pause@N` stops it there instead, as by kill -STOP; let go on, it does as if nothing had been.
//! `count:FILE` keeps the number of durable calls made so far in FILE, in decimal and a newline.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::fault::{Call, Faults, Outcome};

const VARIABLE: &str = "COMITY_FAULT";

enum Order {
    KillAt(u64),
    PauseAt(u64),
    Count(File),
}

struct Harness {
    order: Order,
    calls: AtomicU64,
}

/// What the environment asks for; the same counter for every disk of the process.
pub(crate) fn from_environment() -> Option<Arc<dyn Faults>> {
    static HARNESS: LazyLock<Option<Arc<Harness>>> = LazyLock::new(|| {
        let order = parse(&std::env::var(VARIABLE).ok()?)?;
        Some(Arc::new(Harness {
            order,
            calls: AtomicU64::new(0),
        }))
    });
    HARNESS.clone().map(|harness| harness as Arc<dyn Faults>)
}

fn parse(text: &str) -> Option<Order> {
    if let Some(number) = text.strip_prefix("kill@") {
        return number.parse().ok().map(Order::KillAt);
    }
    if let Some(number) = text.strip_prefix("pause@") {
        return number.parse().ok().map(Order::PauseAt);
    }
    File::create(text.strip_prefix("count:")?)
        .ok()
        .map(Order::Count)
}

impl Faults for Harness {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if !call.op.is_durable() {
            return Outcome::Go;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match &self.order {
            Order::KillAt(at) if *at == number => Outcome::Kill,
            Order::PauseAt(at) if *at == number => Outcome::Pause,
            Order::KillAt(_) | Order::PauseAt(_) => Outcome::Go,
            Order::Count(file) => {
                let _ = file.write_all_at(format!("{number}\n").as_bytes(), 0);
                Outcome::Go
            }
        }
    }
}
