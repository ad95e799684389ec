//! One S3 server in the test process, one bucket for each call.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;

use crate::{
    fate::{Fates, Fickle},
    guard::Guard,
};

const ACCESS_KEY_ID: &str = "rig-access-key";
const SECRET_ACCESS_KEY: &str = "rig-secret-key";

/// A bucket on a server of this process, and the keys to it.
#[derive(Clone, Debug)]
pub struct S3 {
    /// As the store takes it: `s3://bucket?endpoint=…&region=us-east-1&allow_http=true`.
    pub url: String,
    /// As `AWS_ACCESS_KEY_ID`.
    pub access_key_id: &'static str,
    /// As `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: &'static str,
    /// Where the server keeps the bucket's objects, one file each, so that a test can damage them.
    pub folder: PathBuf,
}

impl S3 {
    /// Another bucket of the same server, with the same objects.
    ///
    /// # Panics
    ///
    /// With the reason, if the bucket cannot be made.
    pub fn copy(&self) -> S3 {
        let other = s3();
        let copied = copy(&self.folder, &other.folder);
        copied.unwrap_or_else(|reason| panic!("the bucket was not copied: {reason}"));
        other
    }

    /// The environment for a program that is to use the bucket.
    pub fn env(&self) -> [(&'static str, &'static str); 2] {
        [
            ("AWS_ACCESS_KEY_ID", self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key),
        ]
    }
}

/// A fresh, empty bucket. The server starts with the first call and ends with the process.
///
/// # Panics
///
/// With the reason, if the server cannot be started.
pub fn s3() -> S3 {
    static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(|| Server::start(None));
    let bucket = SERVER
        .as_ref()
        .map_err(String::clone)
        .and_then(Server::bucket);
    bucket.unwrap_or_else(|reason| panic!("no S3 server for this test: {reason}"))
}

/// As [`s3`], on a server of its own that does with requests as `fates` says. It lives as long as the process.
///
/// # Panics
///
/// As [`s3`].
pub fn s3_with(fates: Fates) -> S3 {
    let bucket = Server::start(Some(fates)).and_then(|server| {
        let bucket = server.bucket();
        // Its guard must live as long as the process does.
        SERVERS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(server);
        bucket
    });
    bucket.unwrap_or_else(|reason| panic!("no S3 server for this test: {reason}"))
}

static SERVERS: Mutex<Vec<Server>> = Mutex::new(Vec::new());

struct Server {
    address: SocketAddr,
    folder: PathBuf,
    buckets: AtomicU64,
    _guard: Guard,
}

impl Server {
    fn start(fates: Option<Fates>) -> Result<Server, String> {
        let folder = tempfile::Builder::new()
            .prefix("comity-s3-")
            .tempdir()
            .map_err(|error| error.to_string())?
            .keep();
        let shown = folder
            .to_str()
            .ok_or("the temporary folder's path is not UTF-8")?;
        let (guard, _) = Guard::start(shown, &[]).map_err(|error| format!("sh: {error}"))?;
        let files = FileSystem::new(&folder).map_err(|error| format!("{error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let service = Fickle {
            service: builder.build(),
            fates,
            lists: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        listener
            .set_nonblocking(true)
            .map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        thread::spawn(move || runtime.block_on(serve(listener, service)));
        Ok(Server {
            address,
            folder,
            buckets: AtomicU64::new(0),
            _guard: guard,
        })
    }

    fn bucket(&self) -> Result<S3, String> {
        let name = format!("bucket-{}", self.buckets.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder.join(&name);
        fs::create_dir(&folder).map_err(|error| error.to_string())?;
        let url = format!(
            "s3://{name}?endpoint=http://{}&region=us-east-1&allow_http=true",
            self.address
        );
        Ok(S3 {
            url,
            access_key_id: ACCESS_KEY_ID,
            secret_access_key: SECRET_ACCESS_KEY,
            folder,
        })
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}

async fn serve(listener: TcpListener, service: Fickle) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let server = auto::Builder::new(TokioExecutor::new());
    while let Ok((connection, _)) = listener.accept().await {
        let _ = connection.set_nodelay(true);
        let served = server
            .serve_connection(TokioIo::new(connection), service.clone())
            .into_owned();
        tokio::spawn(served);
    }
}
