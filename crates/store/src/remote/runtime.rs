//! The threads on which requests to S3 run: two, started with the first request, shared by the whole process.

use std::{
    io,
    sync::{LazyLock, mpsc},
};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::{error::StoreError, fault::Op};

/// Runs to the end and waits for it.
///
/// The caller waits on a channel and not inside a runtime, so that it may itself be on a thread of any runtime.
pub(super) fn run<T, F>(op: Op, name: &str, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel(1);
    handle(op, name)?.spawn(async move {
        let _ = sender.send(work.await);
    });
    receiver
        .recv()
        .unwrap_or_else(|_| Err(StoreError::remote(op, name, "the request was given up")))
}

pub(super) fn handle(op: Op, name: &str) -> Result<&'static Handle, StoreError> {
    static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("comity-store")
            .enable_all()
            .build()
    });
    match &*RUNTIME {
        Ok(runtime) => Ok(runtime.handle()),
        Err(error) => Err(StoreError::remote(op, name, error.to_string())),
    }
}
