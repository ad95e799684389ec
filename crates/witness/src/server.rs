//! The witness over HTTP.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};

use comity_core::note::{Note, NoteSignature};

use crate::decide::Refusal;
use crate::error::WitnessError;
use crate::folder::Witness;
use crate::rate::{Rate, Rates};
use crate::request::MAX_REQUEST_BYTES;

/// Gives the time in seconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a server takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait.
    pub connections: usize,
    /// Requests that are decided at once; more are answered 503.
    pub requests: usize,
    /// How long the head of a request may take, and then its body.
    pub read_timeout: Duration,
    /// How long a connection may live.
    pub connection_timeout: Duration,
    /// How often one address may ask.
    pub rate: Rate,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 256,
            requests: 64,
            read_timeout: Duration::from_secs(10),
            connection_timeout: Duration::from_secs(300),
            rate: Rate {
                per_second: 20,
                burst: 100,
            },
        }
    }
}

/// A server that runs in threads of its own until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    witness: Witness,
    clock: Clock,
    limits: Limits,
    deciding: Semaphore,
    rates: Mutex<Rates>,
}

impl Server {
    /// Serves `witness` on `listener`.
    ///
    /// # Errors
    /// The system gives no threads or does not take the listener.
    pub fn start(
        witness: Witness,
        listener: TcpListener,
        clock: Clock,
        limits: Limits,
    ) -> Result<Server, WitnessError> {
        let io = |source| WitnessError::Io {
            what: "the server could not be started".to_owned(),
            source,
        };
        let address = listener.local_addr().map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(16)
            .thread_name("witness")
            .enable_all()
            .build()
            .map_err(io)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(io)?
        };
        let shared = Arc::new(Shared {
            witness,
            clock,
            deciding: Semaphore::new(limits.requests),
            rates: Mutex::new(Rates::new(limits.rate)),
            limits,
        });
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("witness-server".to_owned())
            .spawn(move || {
                runtime.block_on(accept(listener, shared, stopped));
                // Answers that are being given are finished; a thread on a dead disk is not waited for.
                runtime.shutdown_timeout(Duration::from_secs(5));
            })
            .map_err(io)?;
        Ok(Server {
            address,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it ends, which it does when it is stopped.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(_) => {
                // No more file descriptors, say: others end and give theirs back.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _permit = permit;
            let limits = shared.limits;
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(answer(shared, peer.ip(), request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.read_timeout)
                .max_buf_size(64 << 10)
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(limits.connection_timeout, connection).await;
        });
    }
}

type Answer = Response<Full<Bytes>>;

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

async fn answer(shared: Arc<Shared>, peer: IpAddr, request: Request<Incoming>) -> Answer {
    let admitted = {
        let mut rates = shared.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.admit(peer, Instant::now())
    };
    if !admitted {
        let mut answer = text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
        let wait = HeaderValue::from_static("1");
        answer.headers_mut().insert(RETRY_AFTER, wait);
        return answer;
    }
    let path = request.uri().path().to_owned();
    let shown = path
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix("/checkpoint"))
        .filter(|hash| hash.len() == 64 && !hash.contains(|c: char| c.is_ascii_uppercase()));
    match (request.method(), path.as_str(), shown) {
        (&Method::POST, "/add-checkpoint", _) => add_checkpoint(shared, request).await,
        (&Method::GET | &Method::HEAD, _, Some(hash)) => {
            let hash = hash.to_owned();
            work(shared, move |shared| show(shared, &hash)).await
        }
        (_, "/add-checkpoint", _) | (_, _, Some(_)) => text(
            StatusCode::METHOD_NOT_ALLOWED,
            "this is asked in another way\n",
        ),
        _ => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

/// Runs what may block in a thread for it, if one of those is free.
async fn work(shared: Arc<Shared>, job: impl FnOnce(&Shared) -> Answer + Send + 'static) -> Answer {
    let broken = || text(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed\n");
    let Ok(_permit) = shared.deciding.try_acquire() else {
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many requests at once\n",
        );
    };
    let inside = Arc::clone(&shared);
    tokio::task::spawn_blocking(move || job(&inside))
        .await
        .unwrap_or_else(|_| broken())
}

async fn add_checkpoint(shared: Arc<Shared>, request: Request<Incoming>) -> Answer {
    let body = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect();
    let body = match tokio::time::timeout(shared.limits.read_timeout, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            let what =
                format!("the request is longer than {MAX_REQUEST_BYTES} bytes, or was cut\n");
            return text(StatusCode::BAD_REQUEST, what);
        }
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the request took too long\n"),
    };
    work(shared, move |shared| {
        match shared.witness.add_checkpoint(&body, (shared.clock)()) {
            Ok(Ok(lines)) => text(StatusCode::OK, encode_lines(&lines)),
            Ok(Err(refusal)) => refused(&refusal),
            Err(error) => {
                // The operator reads why; who asked learns no path of this machine.
                eprintln!("comity: witness: {error}");
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the witness failed; nothing was cosigned\n",
                )
            }
        }
    })
    .await
}

fn refused(refusal: &Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if let Refusal::OtherSize(size) = refusal {
        let mut answer = text(status, format!("{size}\n"));
        let kind = HeaderValue::from_static("text/x.tlog.size");
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        return answer;
    }
    text(status, format!("{refusal}\n"))
}

fn show(shared: &Shared, hash: &str) -> Answer {
    match shared.witness.seen_by_hash(hash) {
        Ok(Some(note)) => {
            let mut answer = text(StatusCode::OK, note);
            let fresh = HeaderValue::from_static("max-age=5");
            answer.headers_mut().insert(CACHE_CONTROL, fresh);
            answer
        }
        Ok(None) => text(
            StatusCode::NOT_FOUND,
            "nothing of this log was cosigned here\n",
        ),
        Err(error) => {
            eprintln!("comity: witness: {error}");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed\n")
        }
    }
}

/// The signature lines of a note, as an answer has them.
fn encode_lines(lines: &[NoteSignature]) -> Vec<u8> {
    let Ok(mut note) = Note::new("\n".to_owned()) else {
        return Vec::new();
    };
    lines.iter().for_each(|line| note.push(line.clone()));
    // The note is its text, which is one line feed, an empty line, and the lines.
    note.encode().split_off(2)
}
