//! Server and client over real sockets on loopback.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use comity_core::digest::Digest;
use comity_witness::{Answer, Client, Limits, Rate, Server, Target};

use crate::rig::{NOW, ORIGIN, Tree, consistency, signer, witness};

fn serve(dir: &std::path::Path, limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Server::start(witness(dir), listener, Arc::new(|| NOW), limits).unwrap()
}

fn target(server: &Server) -> Target {
    let folder = tempfile::tempdir().unwrap();
    let keys = witness(folder.path()).cosigner().vkeys().to_vec();
    Target {
        url: format!("http://{}/", server.address()),
        keys,
    }
}

fn client() -> Client {
    Client::new(Duration::from_secs(5))
}

fn submit(target: &Target, tree: &Tree, known: u64) -> Answer {
    let proofs = |old: u64| Ok(consistency(old as usize, &tree.0));
    client().submit(target, &tree.signed(), signer().keys(), known, &proofs)
}

fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_checkpoint_is_cosigned_whatever_the_client_believed_of_the_witness() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), Limits::default());
    let target = target(&server);
    assert_eq!(client().latest(&target.url, signer().keys()), Ok(None));
    for (size, known) in [(5, 3), (5, 5), (9, 0), (300 % 256, 9)] {
        match submit(&target, &Tree::new(size, 0, 0), known) {
            Answer::Cosigned(lines) => assert_eq!(lines.len(), 2),
            other => panic!("{size}: {other:?}"),
        }
        let latest = client()
            .latest(&target.url, signer().keys())
            .unwrap()
            .unwrap();
        assert_eq!(latest.size(), size as u64);
    }
}

#[test]
fn a_fork_is_refused_with_words_and_a_rollback_is_shown_with_the_logs_own_signature() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), Limits::default());
    let target = target(&server);
    assert!(matches!(
        submit(&target, &Tree::new(9, 0, 0), 0),
        Answer::Cosigned(_)
    ));
    match submit(&target, &Tree::new(9, 1, 4), 9) {
        Answer::Refused {
            status: 422,
            reason,
        } => assert!(reason.contains("two trees"), "{reason}"),
        other => panic!("{other:?}"),
    }
    match submit(&target, &Tree::new(5, 0, 0), 5) {
        Answer::Ahead {
            size: 9,
            shown: Some(shown),
        } => assert_eq!(shown.size(), 9),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signature_of_another_witness_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), Limits::default());
    let other = comity_core::Cosigner::new("aster.example", &[7; 32], &[8; 32]).unwrap();
    let target = Target {
        keys: other.vkeys().to_vec(),
        ..target(&server)
    };
    let answer = submit(&target, &Tree::new(5, 0, 0), 0);
    assert!(
        matches!(answer, Answer::Refused { status: 200, .. }),
        "{answer:?}"
    );
}

#[test]
fn nobody_there_is_unreachable_and_a_silent_one_is_given_up() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    drop(closed);
    for address in [address, silent.local_addr().unwrap()] {
        let target = Target {
            url: format!("http://{address}"),
            keys: Vec::new(),
        };
        let tree = Tree::new(1, 0, 0);
        let client = Client::new(Duration::from_millis(300));
        let answer = client.submit(&target, &tree.signed(), signer().keys(), 0, &|_| {
            Ok(Vec::new())
        });
        assert!(matches!(answer, Answer::Unreachable(_)), "{answer:?}");
    }
}

#[test]
fn status_type_and_size_are_what_the_standard_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), Limits::default());
    assert!(matches!(
        submit(&target(&server), &Tree::new(5, 0, 0), 0),
        Answer::Cosigned(_)
    ));
    let body = Tree::new(9, 0, 0).request(0);
    let head = format!(
        "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = raw(&server, &[head.as_bytes(), &body].concat());
    assert!(answer.starts_with("HTTP/1.1 409 "), "{answer}");
    assert!(
        answer
            .to_lowercase()
            .contains("content-type: text/x.tlog.size\r\n")
    );
    assert!(answer.ends_with("\r\n\r\n5\n"), "{answer}");
    let hash = Digest::of(ORIGIN.as_bytes());
    let get = |path: &str| {
        raw(
            &server,
            format!("GET {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n").as_bytes(),
        )
    };
    assert!(get(&format!("/{hash}/checkpoint")).starts_with("HTTP/1.1 200 "));
    let upper = hash.to_string().to_uppercase();
    for path in [
        &format!("/{upper}/checkpoint"),
        "/",
        "/../key",
        "/key",
        "/checkpoint",
    ] {
        assert!(get(path).starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert!(get("/add-checkpoint").starts_with("HTTP/1.1 405 "));
    let long = format!(
        "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        400_000
    );
    let answer = raw(&server, &[long.as_bytes(), &vec![b'a'; 300_000]].concat());
    assert!(
        answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(),
        "{answer}"
    );
}

#[test]
fn slow_and_greedy_clients_do_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        connections: 4,
        read_timeout: Duration::from_millis(200),
        rate: Rate {
            per_second: 1000,
            burst: 20,
        },
        ..Limits::default()
    };
    let server = serve(folder.path(), limits);
    // Twice as many as there is room for; each says half a word and no more.
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(b"POST /add-ch").unwrap();
            stream
        })
        .collect();
    assert!(matches!(
        submit(&target(&server), &Tree::new(5, 0, 0), 0),
        Answer::Cosigned(_)
    ));
    drop(slow);
    let limits = Limits {
        rate: Rate {
            per_second: 1,
            burst: 2,
        },
        ..Limits::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), limits);
    let get = b"GET / HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n";
    let codes: Vec<String> = (0..4)
        .map(|_| raw(&server, get)[9..12].to_owned())
        .collect();
    assert_eq!(codes[..2], ["404", "404"]);
    assert!(codes[2..].contains(&"429".to_owned()), "{codes:?}");
}
