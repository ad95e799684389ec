//! Faults by script: the n-th call of a kind goes wrong in a given way, and every call is noted.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use comity_store::{Call, Disk, Faults, Op, Outcome};
use rustix::io::Errno;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Not made; EIO.
    Eio,
    /// Not made; ENOSPC.
    Enospc,
    /// Made, and reported as EIO.
    StoredYetFailed,
    /// Two bytes of it made; EIO.
    Torn,
}

impl Fault {
    pub const ALL: [Fault; 4] = [
        Fault::Eio,
        Fault::Enospc,
        Fault::StoredYetFailed,
        Fault::Torn,
    ];

    fn outcome(self) -> Outcome {
        match self {
            Fault::Eio => Outcome::Fail(Errno::IO.into()),
            Fault::Enospc => Outcome::Fail(Errno::NOSPC.into()),
            Fault::StoredYetFailed => Outcome::DoThenFail(Errno::IO.into()),
            Fault::Torn => Outcome::Torn(2),
        }
    }
}

/// What goes wrong when, and what was called so far.
#[derive(Default)]
pub struct Script {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<(Op, PathBuf)>,
    planned: Option<(Op, usize, Fault)>,
}

impl Script {
    pub fn disk() -> (Arc<Script>, Disk) {
        let script = Arc::new(Script::default());
        (script.clone(), Disk::with_faults(script))
    }

    /// From now on, forgets the calls so far and lets the `nth` call (from 0) of `op` go wrong.
    pub fn plan(&self, op: Op, nth: usize, fault: Fault) {
        *self.state.lock().unwrap() = State {
            calls: Vec::new(),
            planned: Some((op, nth, fault)),
        };
    }

    /// Forgets the calls so far; nothing goes wrong.
    pub fn clear(&self) {
        *self.state.lock().unwrap() = State::default();
    }

    /// The calls that change durable state, in order.
    pub fn durable_calls(&self) -> Vec<(Op, PathBuf)> {
        let state = self.state.lock().unwrap();
        state
            .calls
            .iter()
            .filter(|(op, _)| op.is_durable())
            .cloned()
            .collect()
    }

    pub fn durable_ops(&self) -> Vec<Op> {
        self.durable_calls().into_iter().map(|(op, _)| op).collect()
    }

    /// Whether the planned fault has taken place.
    pub fn struck(&self) -> bool {
        self.state.lock().unwrap().planned.is_none()
    }
}

impl Faults for Script {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let mut state = self.state.lock().unwrap();
        let before = state.calls.iter().filter(|(op, _)| *op == call.op).count();
        state.calls.push((call.op, call.path.to_path_buf()));
        match state.planned {
            Some((op, nth, fault)) if op == call.op && nth == before => {
                state.planned = None;
                fault.outcome()
            }
            _ => Outcome::Go,
        }
    }
}

/// Whether an I/O error is EIO.
pub fn is_eio(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
}
