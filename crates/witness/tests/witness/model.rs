//! Every interleaving of two requesters at one witness, crashes included, goes through [`decide`]: whatever is answered
//! with a cosignature is one history.
//!
//! The steps are those of `Witness::add_checkpoint`: take the lock, read what was cosigned last, decide, keep, answer,
//! give the lock back. A crash may come between any two of them; what is kept stays, the lock goes. Without the lock,
//! or with the answer before the keeping, the checker finds the fork: so it would see one.

use comity_core::checkpoint::Checkpoint;
use comity_witness::{Decision, decide};
use stateright::{Checker, Model, Property};

use crate::rig::{ORIGIN, Tree, signer};

/// Two histories that part at their first leaf, each of two sizes.
const TREES: [(u8, usize); 4] = [(1, 1), (1, 2), (2, 1), (2, 2)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// It asks for a tree, and says that the witness has such a size.
    Asking {
        tree: usize,
        old: usize,
    },
    /// It has the lock, and read what was kept.
    Read {
        tree: usize,
        old: usize,
        last: Option<usize>,
    },
    /// It was decided to cosign.
    Cosign {
        tree: usize,
    },
    /// One step of keeping and answering is done, the other is not.
    Half {
        tree: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    kept: Option<usize>,
    holder: Option<usize>,
    requesters: [Phase; 2],
    requests_left: [u8; 2],
    crashes_left: u8,
    /// The trees whose cosignature left the witness.
    answered: [bool; 4],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Ask(usize, usize, usize),
    Step(usize),
    Crash,
}

struct WitnessModel {
    has_lock: bool,
    keeps_first: bool,
    /// What `decide` says, by tree, claimed size, and what was cosigned last (0 for nothing): asked for once each,
    /// since a signature is verified each time.
    cosigns: Vec<Vec<Vec<bool>>>,
}

impl WitnessModel {
    fn new(has_lock: bool, keeps_first: bool) -> WitnessModel {
        let trees: Vec<Tree> = TREES.iter().map(|(b, n)| Tree::new(*n, *b, 0)).collect();
        let checkpoint = |t: &Tree| Checkpoint {
            origin: ORIGIN.to_owned(),
            size: t.0.len() as u64,
            root: t.root(),
        };
        let last: Vec<_> = std::iter::once(None)
            .chain(trees.iter().map(|t| Some(checkpoint(t))))
            .collect();
        let keys = signer().keys().vkeys().to_vec();
        let says = |body: &[u8], last: &Option<Checkpoint>| {
            let decision = decide(body, |_| (Some(keys.clone()), last.clone()));
            matches!(decision, Decision::Cosign(_))
        };
        let of_tree = |t: &Tree| {
            let bodies = (0..=t.0.len()).map(|old| t.request(old));
            bodies
                .map(|body| last.iter().map(|l| says(&body, l)).collect())
                .collect()
        };
        WitnessModel {
            has_lock,
            keeps_first,
            cosigns: trees.iter().map(of_tree).collect(),
        }
    }

    fn cosigns(&self, tree: usize, old: usize, last: Option<usize>) -> bool {
        self.cosigns[tree][old][last.map_or(0, |last| last + 1)]
    }
}

impl Model for WitnessModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            kept: None,
            holder: None,
            requesters: [Phase::Idle; 2],
            requests_left: [2; 2],
            crashes_left: 1,
            answered: [false; 4],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for who in 0..2 {
            match state.requesters[who] {
                Phase::Idle if state.requests_left[who] > 0 => {
                    for (tree, (_, size)) in TREES.iter().enumerate() {
                        for old in 0..=*size {
                            actions.push(Action::Ask(who, tree, old));
                        }
                    }
                }
                Phase::Idle => {}
                Phase::Asking { .. } if self.has_lock && state.holder.is_some() => {}
                _ => actions.push(Action::Step(who)),
            }
        }
        if state.crashes_left > 0 {
            actions.push(Action::Crash);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Ask(who, tree, old) => {
                next.requests_left[who] -= 1;
                next.requesters[who] = Phase::Asking { tree, old };
            }
            Action::Crash => {
                next.crashes_left -= 1;
                next.holder = None;
                next.requesters = [Phase::Idle; 2];
            }
            Action::Step(who) => {
                let done = |next: &mut State| {
                    next.requesters[who] = Phase::Idle;
                    next.holder = None;
                };
                match state.requesters[who] {
                    Phase::Idle => return None,
                    Phase::Asking { tree, old } => {
                        next.holder = Some(who);
                        next.requesters[who] = Phase::Read {
                            tree,
                            old,
                            last: state.kept,
                        };
                    }
                    Phase::Read { tree, old, last } => match self.cosigns(tree, old, last) {
                        true => next.requesters[who] = Phase::Cosign { tree },
                        false => done(&mut next),
                    },
                    Phase::Cosign { tree } => {
                        match self.keeps_first {
                            true => next.kept = Some(tree),
                            false => next.answered[tree] = true,
                        }
                        next.requesters[who] = Phase::Half { tree };
                    }
                    Phase::Half { tree } => {
                        next.kept = Some(tree);
                        next.answered[tree] = true;
                        done(&mut next);
                    }
                }
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what was cosigned is one history", |_, state: &State| {
                let on = |branch: u8| (0..4).any(|t| state.answered[t] && TREES[t].0 == branch);
                !(on(1) && on(2))
            }),
            Property::sometimes("a log that grows is cosigned twice", |_, state: &State| {
                state.answered[0] && state.answered[1]
            }),
        ]
    }
}

#[test]
fn no_interleaving_and_no_crash_leads_to_two_cosigned_forks() {
    let checker = WitnessModel::new(true, true).checker().spawn_bfs().join();
    checker.assert_properties();
    assert!(
        checker.unique_state_count() > 1000,
        "{}",
        checker.unique_state_count()
    );
}

#[test]
fn without_the_lock_or_with_the_answer_first_the_checker_finds_the_fork() {
    for (has_lock, keeps_first) in [(false, true), (true, false)] {
        let checker = WitnessModel::new(has_lock, keeps_first)
            .checker()
            .spawn_bfs()
            .join();
        assert!(
            checker
                .discovery("what was cosigned is one history")
                .is_some(),
            "{has_lock} {keeps_first}"
        );
    }
}
