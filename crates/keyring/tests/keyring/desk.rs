//! A member's desk locks its scope: without the key that it brings, nothing below opens.

use comity_keyring::{DeskKey, KeyringError, Kind, Lock};

use crate::fixture::Centre;

#[test]
fn a_locked_scope_opens_only_with_the_desks_key() {
    let (centre, keyring) = Centre::new();
    let desk = DeskKey::new([7; 32]);
    let scope = keyring
        .append_locked(&[centre.key(Kind::Scope, 0)], &desk, &centre.rng)
        .unwrap()
        .start;
    assert_eq!(keyring.slot_info(scope).unwrap().lock, Lock::ParentAndDesk);
    let locked =
        |error: KeyringError| matches!(error, KeyringError::Locked { number } if number == scope);

    assert!(locked(keyring.open_key(scope).unwrap_err()));
    assert!(locked(
        keyring
            .append(&centre.items(1, scope), &centre.rng)
            .unwrap_err()
    ));
    let wrong = keyring.unlock(scope, &DeskKey::new([8; 32])).unwrap_err();
    assert!(
        matches!(wrong, KeyringError::WrongDeskKey { number } if number == scope),
        "{wrong}"
    );
    assert!(locked(keyring.open_key(scope).unwrap_err()));

    keyring.unlock(scope, &desk).unwrap();
    let new = centre.items(1, scope);
    let item = keyring.append(&new, &centre.rng).unwrap().start;
    assert_eq!(keyring.open_key(item).unwrap(), new[0].secret);
    assert_eq!(
        keyring.verify_wraps(&|_| true, &|_, _| {}).unwrap().opened,
        2
    );

    keyring.relock(scope);
    assert!(locked(keyring.open_key(item).unwrap_err()));
    assert!(locked(centre.open().open_key(item).unwrap_err()));
    let check = keyring.verify_wraps(&|_| true, &|_, _| {}).unwrap();
    assert_eq!(
        (check.opened, check.locked, check.findings.len()),
        (0, 2, 0)
    );
}
