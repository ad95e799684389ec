//! The keyring against a map, over random histories.

use std::collections::BTreeMap;

use comity_keyring::{Argon2Params, Keyring, KeyringError, Kind, Secret};
use comity_store::Disk;
use proptest::prelude::*;

use crate::fixture::{Centre, PASSPHRASE, compare};

#[derive(Clone, Debug)]
enum Act {
    Append {
        count: usize,
        parent: usize,
        scope: bool,
    },
    Destroy {
        which: usize,
    },
    OpenAnew,
    ChangePassphrase,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..5usize, any::<usize>(), any::<bool>())
            .prop_map(|(count, parent, scope)| Act::Append { count, parent, scope }),
        2 => any::<usize>().prop_map(|which| Act::Destroy { which }),
        1 => Just(Act::OpenAnew),
        1 => Just(Act::ChangePassphrase),
    ]
}

struct Known {
    secret: Secret,
    parent: u64,
    scope: bool,
    destroyed: bool,
}

/// The destroyed key that bars `number`, if any: itself or the nearest above it.
fn barred(model: &BTreeMap<u64, Known>, number: u64) -> Option<u64> {
    let known = model.get(&number)?;
    if known.destroyed {
        Some(number)
    } else {
        barred(model, known.parent)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_history_agrees_with_a_map(acts in proptest::collection::vec(act(), 1..25)) {
        let (centre, mut keyring) = Centre::new();
        let mut passphrase = PASSPHRASE.to_owned();
        let mut model: BTreeMap<u64, Known> = BTreeMap::new();
        for act in acts {
            match act {
                Act::Append { count, parent, scope } => {
                    let scopes: Vec<u64> = [0].into_iter()
                        .chain(model.iter().filter(|(_, k)| k.scope).map(|(n, _)| *n))
                        .filter(|n| barred(&model, *n).is_none())
                        .collect();
                    let parent = scopes[parent % scopes.len()];
                    // Keys are at most three layers deep.
                    let scope = scope && (parent == 0 || model[&parent].parent == 0);
                    let kind = if scope { Kind::Scope } else { Kind::Item };
                    let new: Vec<_> = (0..count).map(|_| centre.key(kind, parent)).collect();
                    let numbers = keyring.append(&new, &centre.rng).unwrap();
                    prop_assert_eq!(numbers.start, model.len() as u64 + 1);
                    for (number, new) in numbers.zip(new) {
                        let secret = new.secret.clone();
                        model.insert(number, Known { secret, parent, scope, destroyed: false });
                    }
                }
                Act::Destroy { which } if !model.is_empty() => {
                    let number = (which % model.len()) as u64 + 1;
                    keyring.destroy(&[number]).unwrap();
                    model.get_mut(&number).unwrap().destroyed = true;
                }
                Act::Destroy { .. } => {}
                Act::OpenAnew => {
                    keyring = Keyring::open(&centre.dir(), Disk::real(), &passphrase).unwrap();
                }
                Act::ChangePassphrase => {
                    let new = format!("{passphrase}!");
                    keyring.change_passphrase(&passphrase, &new, Argon2Params::TEST, &centre.rng).unwrap();
                    passphrase = new;
                }
            }
            let opened = keyring.open_range(1, model.len()).unwrap();
            for ((number, known), opened) in model.iter().zip(opened) {
                match (barred(&model, *number), opened) {
                    (None, Ok(secret)) => prop_assert!(secret == known.secret),
                    (Some(by), Err(KeyringError::Destroyed { number })) => prop_assert_eq!(number, by),
                    (barred, opened) => prop_assert!(false, "key {number}: {barred:?}, {opened:?}"),
                }
            }
        }
        let inspection = centre.inspect();
        prop_assert_eq!(&inspection.findings, &[]);
        let (gone, live): (Vec<u64>, Vec<u64>) = model.keys().partition(|n| model[n].destroyed);
        prop_assert_eq!(compare(&inspection, live, &gone), []);
    }
}
