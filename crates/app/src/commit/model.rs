//! Every interleaving of two processes that record events, with crashes and with turns that are lost while a process
//! sleeps, goes through [`decide`]: there is one history, and what was acknowledged stays published.
//!
//! SQL, tree and published checkpoint are what several processes share, here as on PostgreSQL and S3. A turn begins with
//! the advisory lock and ends with it, or when the server ends the session; from then on every statement of that session
//! fails, and what is not SQL is still done. The conditions of statements and puts are those of the code: without each
//! of them the checker finds what it prevents.

use stateright::{Checker, Model, Property};

use super::decide::{Next, Seen, decide};

/// A tree, or a checkpoint of it: the events, by who recorded them and which of theirs they are.
type History = Vec<u8>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Sql {
    events: History,
    fence: u8,
    checkpoint: Option<History>,
    /// Where the last group begins, which is still held here.
    pending: usize,
}

/// What a process read of SQL when its turn began, or wrote there itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Read {
    events: History,
    fence: u8,
    checkpoint: Option<History>,
    given: bool,
    /// It recorded an event in this turn and has not been able to tell yet.
    own: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// It has the turn, and goes by what it read.
    Turn(Read),
    /// It has signed, and SQL has not stored it.
    Signed(Read, History),
    /// It looked at the published checkpoint, and has not put its own yet.
    Publishing(Read, Option<History>),
    /// All is done but giving back the turn.
    Done(Read),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    sql: Sql,
    tree: History,
    published: Option<History>,
    turn: Option<usize>,
    processes: [Phase; 2],
    /// Whether the session still lives; without one that does nothing of SQL succeeds.
    sessions: [bool; 2],
    events_left: [u8; 2],
    crashes_left: u8,
    losses_left: u8,
    signed: Vec<History>,
    acknowledged: Vec<u8>,
    stopped: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Begin(usize),
    Record(usize),
    Step(usize),
    Crash(usize),
    Lose(usize),
}

/// What the code relies on.
struct Sequencing {
    /// A group is numbered, and a checkpoint stored, only by the session that has the turn, with the fence it knows.
    is_fenced: bool,
    /// A checkpoint is put only in the place of the one that was looked at.
    puts_over: bool,
}

const WHOLE: Sequencing = Sequencing {
    is_fenced: true,
    puts_over: true,
};

impl Sequencing {
    /// Whether a statement that changes SQL finds what it asks for.
    fn may_write(&self, state: &State, who: usize, read: &Read) -> bool {
        !self.is_fenced || (state.sessions[who] && state.sql.fence == read.fence)
    }

    fn step(&self, state: &mut State, who: usize) {
        let phase = std::mem::replace(&mut state.processes[who], Phase::Idle);
        let next = match phase {
            Phase::Idle => Phase::Idle,
            Phase::Turn(read) => self.finish(state, who, read),
            Phase::Signed(mut read, note) => {
                let stands = self.may_write(state, who, &read)
                    && (!self.is_fenced || state.sql.checkpoint == read.checkpoint);
                if !stands {
                    return self.give_back(state, who);
                }
                state.sql.checkpoint = Some(note.clone());
                read.checkpoint = Some(note);
                Phase::Turn(read)
            }
            Phase::Publishing(read, looked) => {
                if self.puts_over && state.published != looked {
                    return self.give_back(state, who);
                }
                state.published = read.checkpoint.clone();
                Phase::Done(read)
            }
            Phase::Done(read) => {
                // A turn that was lost is looked at again first, which is another turn's recovery.
                if state.sessions[who] {
                    state.acknowledged.extend(read.own);
                }
                return self.give_back(state, who);
            }
        };
        state.processes[who] = next;
    }

    /// The loop of `Sequencer::finish`, one decision at a time.
    fn finish(&self, state: &mut State, who: usize, mut read: Read) -> Phase {
        let size = |h: &History| h.len() as u64;
        let seen = Seen {
            numbered: size(&read.events),
            given: read.given,
            appended: size(&state.tree),
            signed: read.checkpoint.as_ref().map(size),
            agrees: read
                .checkpoint
                .as_ref()
                .is_none_or(|c| state.tree.starts_with(c) || c.len() > state.tree.len()),
        };
        match decide(&seen) {
            Next::Append => {
                // SQL holds the last group only; the tree passes over what it has, and refuses what is another.
                let held = &read.events[..];
                let from = if state.sessions[who] {
                    state.sql.pending
                } else {
                    0
                };
                let from = from.min(held.len());
                if state.tree.len() >= from && state.tree.len() < held.len() {
                    if !held.starts_with(&state.tree) {
                        state.stopped = true;
                        self.give_back(state, who);
                        return Phase::Idle;
                    }
                    state.tree = held.to_vec();
                }
                read.given = true;
                Phase::Turn(read)
            }
            Next::Sign => {
                state.signed.push(read.events.clone());
                let note = read.events.clone();
                Phase::Signed(read, note)
            }
            Next::Publish => {
                // `Tree::publish` looks first, and refuses to go back.
                let looked = state.published.clone();
                let mine = read.checkpoint.as_ref().map_or(0, History::len);
                if looked.as_ref().is_some_and(|old| old.len() > mine) {
                    self.give_back(state, who);
                    return Phase::Idle;
                }
                Phase::Publishing(read, looked)
            }
            Next::OtherTree | Next::Behind | Next::Fork => {
                // Right for one that lost its turn; for one that has it, something is damaged.
                state.stopped |= state.sessions[who];
                self.give_back(state, who);
                Phase::Idle
            }
        }
    }

    /// The turn ends; whoever lost it before has no session to give back, and opens another one.
    fn give_back(&self, state: &mut State, who: usize) {
        if state.turn == Some(who) {
            state.turn = None;
        }
        state.sessions[who] = true;
        state.processes[who] = Phase::Idle;
    }
}

impl Model for Sequencing {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            sql: Sql::default(),
            tree: Vec::new(),
            published: None,
            turn: None,
            processes: [Phase::Idle, Phase::Idle],
            sessions: [true; 2],
            events_left: [2; 2],
            crashes_left: 1,
            losses_left: 2,
            signed: Vec::new(),
            acknowledged: Vec::new(),
            stopped: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for who in 0..2 {
            match &state.processes[who] {
                Phase::Idle if state.turn.is_none() && state.events_left[who] > 0 => {
                    actions.push(Action::Begin(who));
                }
                Phase::Idle => continue,
                Phase::Done(Read { own: None, .. }) if state.events_left[who] > 0 => {
                    // What was left is finished: now its own group.
                    actions.push(Action::Record(who));
                }
                _ => actions.push(Action::Step(who)),
            }
            if state.processes[who] == Phase::Idle {
                continue;
            }
            if state.crashes_left > 0 {
                actions.push(Action::Crash(who));
            }
            if state.losses_left > 0 && state.turn == Some(who) {
                actions.push(Action::Lose(who));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(who) => {
                state.turn = Some(who);
                state.processes[who] = Phase::Turn(Read {
                    events: state.sql.events.clone(),
                    fence: state.sql.fence,
                    checkpoint: state.sql.checkpoint.clone(),
                    given: false,
                    own: None,
                });
            }
            Action::Record(who) => {
                let Phase::Done(known) = state.processes[who].clone() else {
                    return None;
                };
                state.events_left[who] -= 1;
                if !self.may_write(&state, who, &known) {
                    self.give_back(&mut state, who);
                    return Some(state);
                }
                let event = who as u8 * 4 + state.events_left[who];
                state.sql.pending = known.events.len();
                state.sql.events = [&known.events[..], &[event]].concat();
                state.sql.fence += 1;
                state.processes[who] = Phase::Turn(Read {
                    events: state.sql.events.clone(),
                    fence: state.sql.fence,
                    given: false,
                    own: Some(event),
                    ..known
                });
            }
            Action::Step(who) => self.step(&mut state, who),
            Action::Crash(who) => {
                state.crashes_left -= 1;
                self.give_back(&mut state, who);
            }
            Action::Lose(who) => {
                state.losses_left -= 1;
                state.turn = None;
                state.sessions[who] = false;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one history", |_, state: &State| {
                let all = state.signed.iter().chain(&state.published);
                all.chain([&state.tree, &state.sql.events]).all(|one| {
                    state
                        .signed
                        .iter()
                        .all(|other| one.starts_with(other) || other.starts_with(one))
                })
            }),
            Property::always("what was acknowledged is published", |_, state: &State| {
                let published = state.published.as_deref().unwrap_or_default();
                state.acknowledged.iter().all(|e| published.contains(e))
            }),
            Property::always("who has the turn is never stopped", |_, state: &State| {
                !state.stopped
            }),
            Property::sometimes("all are acknowledged", |_, state: &State| {
                state.acknowledged.len() == 4
            }),
            Property::sometimes("another publishes what was left", |_, state: &State| {
                let published = state.published.as_deref().unwrap_or_default();
                let told = |e: &u8| state.acknowledged.contains(e);
                state.losses_left == 0 && published.len() == 4 && !published.iter().all(told)
            }),
        ]
    }
}

#[test]
fn whatever_happens_there_is_one_history_and_nothing_acknowledged_is_taken_back() {
    let checker = WHOLE.checker().threads(2).spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    assert!(checker.unique_state_count() > 10_000);
    checker.assert_properties();
}

#[test]
fn the_checker_finds_what_each_condition_prevents() {
    let fork = Sequencing {
        is_fenced: false,
        ..WHOLE
    };
    let found = fork.checker().threads(2).spawn_bfs().join();
    assert!(
        found.discovery("one history").is_some()
            || found
                .discovery("who has the turn is never stopped")
                .is_some()
    );
    let taken_back = Sequencing {
        puts_over: false,
        ..WHOLE
    };
    let found = taken_back.checker().threads(2).spawn_bfs().join();
    assert!(
        found
            .discovery("what was acknowledged is published")
            .is_some()
    );
}
