//! How many checkpoints a witness cosigns a second: several logs grow by a leaf at a time, each waiting for its answer.
//! `bench/compare` gives this to our witness and to those of others.
//!
//! ```text
//! load keys LOGS              prints for each log its origin and its keys, a word each
//! load run URL LOGS REQUESTS  submits so many checkpoints of each log, and prints the seconds that it took
//! ```

use std::error::Error;
use std::thread;
use std::time::Instant;

use comity_core::Digest;
use comity_core::checkpoint::{Checkpoint, LogSigner};
use comity_core::leaf::leaf_hash;
use comity_core::merkle::node_hash;
use comity_witness::AddCheckpoint;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["keys", logs] => {
            for number in 0..logs.parse()? {
                let log = log(number)?;
                let keys: Vec<String> =
                    log.keys().vkeys().iter().map(ToString::to_string).collect();
                println!("{} {}", log.origin(), keys.join(" "));
            }
            Ok(())
        }
        ["run", url, logs, requests] => run(url, logs.parse()?, requests.parse()?),
        _ => Err("usage: load keys LOGS | load run URL LOGS REQUESTS".into()),
    }
}

fn log(number: u8) -> Outcome<LogSigner> {
    let origin = format!("load.example/{number}");
    Ok(LogSigner::new(&origin, &[number; 32], &[number + 100; 32])?)
}

/// All requests are made before the first is sent, so that signing them costs nobody.
fn run(url: &str, logs: u8, requests: usize) -> Outcome<()> {
    let made = (0..logs).map(|number| bodies(number, requests));
    let made = made.collect::<Outcome<Vec<_>>>()?;
    let address = format!("{url}/add-checkpoint");
    let began = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = made
            .iter()
            .map(|bodies| scope.spawn(|| submit(&address, bodies)))
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a log panicked")??;
        }
        Ok::<(), Box<dyn Error + Send + Sync>>(())
    })?;
    println!("{:.3}", began.elapsed().as_secs_f64());
    Ok(())
}

fn submit(address: &str, bodies: &[Vec<u8>]) -> Outcome<()> {
    let agent = ureq::Agent::new_with_defaults();
    for body in bodies {
        agent
            .post(address)
            .content_type("text/plain")
            .send(&body[..])?;
    }
    Ok(())
}

/// The checkpoints of a log of 1, 2, 3 and more leaves.
fn bodies(number: u8, requests: usize) -> Outcome<Vec<Vec<u8>>> {
    let log = log(number)?;
    let leaves: Vec<Digest> = (0..requests).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    (1..=requests)
        .map(|size| {
            let tree = &leaves[..size];
            let checkpoint = Checkpoint {
                origin: log.origin().to_owned(),
                size: size as u64,
                root: root(tree),
            };
            let proof = match size {
                1 => Vec::new(),
                _ => consistency(size - 1, tree, true),
            };
            let request = AddCheckpoint {
                old: size as u64 - 1,
                proof,
                note: log.sign(&checkpoint, 1_790_000_000)?,
            };
            Ok(request.encode())
        })
        .collect()
}

/// RFC 6962, section 2.1: the left part is as many leaves as the greatest power of two below their number.
fn split(leaves: usize) -> usize {
    1 << (usize::BITS - 1 - (leaves - 1).leading_zeros())
}

fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// RFC 6962, section 2.1.2: SUBPROOF.
fn consistency(old: usize, leaves: &[Digest], is_whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if is_whole {
            Vec::new()
        } else {
            vec![root(leaves)]
        };
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut proof, beside) = match old <= at {
        true => (consistency(old, left, is_whole), root(right)),
        false => (consistency(old - at, right, false), root(left)),
    };
    proof.push(beside);
    proof
}
