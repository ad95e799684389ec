//! A centre is made whole or not at all.

use comity_app::AppError;
use comity_app::centre::{Founding, create};
use comity_keyring::Argon2Params;
use comity_store::Disk;

use crate::fixture::*;

on_every_kind! {
    a_centre_on_stores_of_another_is_refused_and_its_folder_left_as_it_was,
}

fn founding(database: Option<String>, objects: Option<String>) -> Founding {
    Founding {
        name: "Second".to_owned(),
        members: vec![("UKR".parse().unwrap(), "Ukraine".to_owned())],
        host: "UKR".parse().unwrap(),
        founder: "Second Founder".to_owned(),
        database,
        objects,
        mirror: None,
        argon2: Argon2Params::TEST,
    }
}

fn a_centre_on_stores_of_another_is_refused_and_its_folder_left_as_it_was(kind: Kind) {
    let world = World::new(kind);
    let config = world.open().config.clone();
    let second = world.folder.path().join("second");
    let make = |database: Option<String>, objects: Option<String>| {
        let found = founding(database, objects);
        create(&second, &found, PASSPHRASE, world.ambient(Disk::real())).map(drop)
    };
    if config.database.is_some() {
        let refused = make(config.database.clone(), None);
        assert!(matches!(refused, Err(AppError::Usage(_))), "{refused:?}");
    }
    if config.objects.is_some() {
        let refused = make(None, config.objects.clone());
        assert!(matches!(refused, Err(AppError::Usage(_))), "{refused:?}");
    }
    let nowhere = world.folder.path().display();
    let url = format!("postgres://nobody@localhost/none?host={nowhere}");
    let refused = make(Some(url), None);
    assert!(matches!(refused, Err(AppError::Sql(_))), "{refused:?}");

    assert!(!second.exists(), "nothing was made");
    make(None, None).unwrap();
    world.assert_sound();
}
