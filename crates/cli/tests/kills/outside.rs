//! Acts whose outcome lies outside of the tables: what is forgotten, what a time stamp authority and a witness signed.

use std::net::TcpListener;
use std::sync::Arc;

use comity_app::{Ambient, Centre};
use comity_witness::{Limits, Rate, Server, Witness};

use crate::acts::{Outside, taken_in};
use crate::authority::Authority;
use crate::world::{PASSPHRASE, World, both, put};

/// Once anybody is told that an item is erased, the next command has destroyed its keys and said so in the log; the
/// item that holds the same bytes is still opened.
pub fn is_forgotten(world: &World, what: &str) {
    let centre = Centre::open(&world.dir, PASSPHRASE, Ambient::system()).unwrap();
    let mut session = centre.session().unwrap();
    let mut number = |sql: &str| {
        let row = session.query_one(sql, &[]).unwrap().unwrap();
        row.int(0).unwrap()
    };
    assert_eq!(
        number("SELECT count(*) FROM items WHERE erased IS NOT NULL"),
        2
    );
    assert_eq!(
        number("SELECT count(*) FROM erasures WHERE completed = 0"),
        0
    );
    let sql =
        "SELECT c.content_key FROM items i JOIN chains c ON c.no = i.no WHERE i.erased IS NOT NULL";
    for row in session.query(sql, &[]).unwrap() {
        let key = row.int(0).unwrap() as u64;
        assert!(
            centre.keys.item(key).unwrap().is_none(),
            "{what}: key {key} is there"
        );
    }
    drop((session, centre));
    let get = |ern: &str| world.run(&["item", "get", ern, "--purpose", "a look", "--range", "0:3"]);
    let gone = get("UKR-000001-0000001");
    assert!(both(&gone).contains("order 7"), "{what}: {}", both(&gone));
    let stays = get("UKR-000001-0000003");
    assert_eq!(stays.stdout, b"one", "{what}: {}", both(&stays));
}

/// An authority is configured and has stamped nothing yet.
pub fn stamped_by_somebody(world: &World) -> Outside {
    taken_in(world);
    let authority = Authority::new(365);
    let pem = authority.file("ca.pem");
    world.fine(&[
        "stamp",
        "authority",
        "add",
        "tests",
        "--url",
        &authority.url,
        "--certificates",
        pem.to_str().unwrap(),
    ]);
    Some(Box::new(authority))
}

/// The published checkpoint has a stamp; that it holds is what `verify` looks at.
pub fn is_stamped(world: &World, what: &str) {
    let status = world.json(&["ledger", "status"]);
    let (size, stamp) = (&status["size"], &status["stamps"][0]);
    assert_eq!(&stamp["size"], size, "{what}: {status}");
    assert!(stamp["failed"].is_null(), "{what}: {status}");
}

/// A witness is to be asked, and was away when the last events were published.
pub fn witnessed(world: &World) -> Outside {
    taken_in(world);
    let centre = Centre::open(&world.dir, PASSPHRASE, Ambient::system()).unwrap();
    let dir = world.folder.path().join("witness");
    let witness =
        Witness::create(&dir, Ambient::system().disk, "aster", [&[7; 32], &[8; 32]]).unwrap();
    witness.follow(centre.log_keys().vkeys()).unwrap();
    drop(centre);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let keys = std::fs::read_to_string(dir.join("keys")).unwrap();
    let lines: String = keys
        .lines()
        .map(|l| format!("{l} http://{address}\n"))
        .collect();
    let policy = format!("{lines}group aster all aster-ed25519 aster-ml-dsa-44\nquorum aster\n");
    let policy = put(world.folder.path(), "policy", policy.as_bytes());
    let serve = |witness, listener| {
        let rate = Rate {
            per_second: 0,
            burst: 0,
        };
        let limits = Limits {
            rate,
            ..Limits::default()
        };
        let now = || u64::try_from(Ambient::system().clock.now_micros() / 1_000_000).unwrap();
        Server::start(witness, listener, Arc::new(now), limits).unwrap()
    };
    let server = serve(witness, listener);
    world.fine(&["ledger", "policy", policy.to_str().unwrap()]);
    world.fine(&["ledger", "attest"]);
    drop(server);
    world.fine(&["case", "new", "The mill"]);
    let listener = TcpListener::bind(address).unwrap();
    let witness = Witness::open(&dir, Ambient::system().disk).unwrap();
    Some(Box::new(serve(witness, listener)))
}

/// The published checkpoint is attested.
pub fn is_attested(world: &World, what: &str) {
    let status = world.json(&["ledger", "status"]);
    let attested = &status["attestation"]["attested"];
    assert_eq!(attested, &status["size"], "{what}: {status}");
}
