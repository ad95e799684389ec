//! Objects on S3.

mod address;
mod runtime;
mod writer;

use std::{fmt, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
    RetryConfig, UpdateVersion,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path as Key,
};

use crate::{
    disk::Disk,
    error::StoreError,
    fault::{Op, Verdict},
};
use address::Address;
pub(crate) use writer::RemoteWriter;

/// How many requests of one call are under way at a time.
const REQUESTS: usize = 16;
/// Bodies larger than this are given the time of a bulk transfer.
const QUICK_BYTES: usize = 8 * 1024 * 1024;
const QUICK_TIMEOUT: Duration = Duration::from_secs(60);
const BULK_TIMEOUT: Duration = Duration::from_secs(600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The keys to an S3 store. Not shown by `Debug`.
#[derive(Clone)]
pub struct Credentials {
    /// As `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// As `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
}

impl Credentials {
    /// The keys in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; `None` if either is missing.
    pub fn from_env() -> Option<Credentials> {
        Some(Credentials {
            access_key_id: std::env::var("AWS_ACCESS_KEY_ID").ok()?,
            secret_access_key: std::env::var("AWS_SECRET_ACCESS_KEY").ok()?,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

pub(crate) struct Remote {
    quick: AmazonS3,
    bulk: AmazonS3,
    /// Empty, or ends with a slash.
    prefix: String,
    disk: Disk,
}

impl Remote {
    pub(crate) fn open(url: &str, keys: &Credentials, disk: Disk) -> Result<Remote, StoreError> {
        let address = Address::parse(url)?;
        Ok(Remote {
            quick: client(&address, keys, QUICK_TIMEOUT)?,
            bulk: client(&address, keys, BULK_TIMEOUT)?,
            prefix: if address.prefix.is_empty() {
                String::new()
            } else {
                format!("{}/", address.prefix)
            },
            disk,
        })
    }

    pub(crate) fn put_new(self: &Arc<Self>, name: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        let (remote, object, body) = (self.clone(), name.to_owned(), Bytes::copy_from_slice(bytes));
        runtime::run(Op::Put, name, async move {
            match remote.send(&object, body, PutMode::Create).await {
                Ok(()) => Ok(true),
                Err(StoreError::Remote { source, .. }) if is_taken(source.downcast_ref()) => {
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        })
    }

    pub(crate) fn put_over(
        self: &Arc<Self>,
        name: &str,
        former: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<bool, StoreError> {
        let (remote, object) = (self.clone(), name.to_owned());
        let (former, body) = (former.map(<[u8]>::to_vec), Bytes::copy_from_slice(bytes));
        runtime::run(Op::Put, name, async move {
            let found = remote.get_with_version(&object).await?;
            let mode = match (&found, &former) {
                (None, None) => PutMode::Create,
                (Some((there, version)), Some(former)) if there[..] == former[..] => {
                    PutMode::Update(version.clone())
                }
                _ => return Ok(false),
            };
            match remote.send(&object, body.clone(), mode).await {
                Ok(()) => Ok(true),
                Err(StoreError::Remote { source, .. }) if is_taken(source.downcast_ref()) => {
                    // A put whose answer was lost is sent again, and then finds itself.
                    let there = remote.get_with_version(&object).await?;
                    Ok(there.is_some_and(|(there, _)| there == body))
                }
                // A server without conditions is no worse than before there were any.
                Err(StoreError::Remote { source, .. })
                    if matches!(source.downcast_ref(), Some(Error::NotImplemented { .. })) =>
                {
                    let put = remote.send(&object, body, PutMode::Overwrite).await;
                    put.map(|()| true)
                }
                Err(error) => Err(error),
            }
        })
    }

    async fn get_with_version(
        &self,
        name: &str,
    ) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        let key = self.key(name)?;
        let read = async {
            let found = self.bulk.get(&key).await?;
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            Ok((found.bytes().await?, version))
        };
        absent_is_none(self.observed(Op::Read, name, read).await)
    }

    pub(crate) fn put_many(
        self: &Arc<Self>,
        objects: Vec<(String, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let bodies = objects
            .into_iter()
            .map(|(name, bytes)| (name, Bytes::from(bytes)))
            .collect();
        let remote = self.clone();
        runtime::run(Op::Put, "several objects", async move {
            remote.send_all(bodies).await
        })
    }

    async fn send_all(&self, objects: Vec<(String, Bytes)>) -> Result<(), StoreError> {
        let sent = objects
            .into_iter()
            .map(|(name, body)| self.send_owned(name, body));
        stream::iter(sent)
            .buffer_unordered(REQUESTS)
            .try_collect()
            .await
    }

    async fn send_owned(&self, name: String, body: Bytes) -> Result<(), StoreError> {
        self.send(&name, body, PutMode::Overwrite).await
    }

    async fn send(&self, name: &str, body: Bytes, mode: PutMode) -> Result<(), StoreError> {
        let client = if body.len() > QUICK_BYTES {
            &self.bulk
        } else {
            &self.quick
        };
        let key = self.key(name)?;
        self.observed(
            Op::Put,
            name,
            client.put_opts(&key, PutPayload::from_bytes(body), mode.into()),
        )
        .await?;
        Ok(())
    }

    pub(crate) fn get(self: &Arc<Self>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (remote, object) = (self.clone(), name.to_owned());
        runtime::run(Op::Read, name, async move {
            let key = remote.key(&object)?;
            let read = async { remote.bulk.get(&key).await?.bytes().await };
            absent_is_none(remote.observed(Op::Read, &object, read).await)
        })
        .map(|found| found.map(Vec::from))
    }

    pub(crate) fn get_range(
        self: &Arc<Self>,
        name: &str,
        offset: u64,
        len: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let short = || StoreError::Short {
            name: name.to_owned(),
            offset,
            len,
        };
        let end = offset.checked_add(len).ok_or_else(short)?;
        let absent = || StoreError::NotFound {
            name: name.to_owned(),
        };
        if len == 0 {
            let size = self.size(name)?.ok_or_else(absent)?;
            return if offset <= size {
                Ok(Vec::new())
            } else {
                Err(short())
            };
        }
        let (remote, object) = (self.clone(), name.to_owned());
        let read = runtime::run(Op::Read, name, async move {
            let key = remote.key(&object)?;
            remote
                .observed(Op::Read, &object, remote.bulk.get_range(&key, offset..end))
                .await
        });
        match read {
            Ok(bytes) if bytes.len() as u64 == len => Ok(bytes.into()),
            Ok(_) => Err(short()),
            Err(error) => match absent_is_none::<()>(Err(error)) {
                Ok(_) => Err(absent()),
                // Servers refuse a range past the end in more than one way; the size tells that from other failures.
                Err(error) => match self.size(name) {
                    Ok(Some(size)) if end > size => Err(short()),
                    _ => Err(error),
                },
            },
        }
    }

    pub(crate) fn size(self: &Arc<Self>, name: &str) -> Result<Option<u64>, StoreError> {
        let (remote, object) = (self.clone(), name.to_owned());
        runtime::run(Op::Read, name, async move {
            let key = remote.key(&object)?;
            absent_is_none(
                remote
                    .observed(Op::Read, &object, remote.quick.head(&key))
                    .await,
            )
        })
        .map(|found| found.map(|meta| meta.size))
    }

    pub(crate) fn list(self: &Arc<Self>, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let (remote, wanted) = (self.clone(), prefix.to_owned());
        let mut found = runtime::run(Op::List, prefix, async move {
            // The client lists whole parts of a name only, so the last part is compared here.
            let folder = wanted.rsplit_once('/').map_or("", |(folder, _)| folder);
            let key = remote.key(folder)?;
            let listed = remote.quick.list(Some(&key)).try_collect::<Vec<_>>();
            let listed = remote.observed(Op::List, &wanted, listed).await?;
            let names = listed.into_iter().filter_map(|meta| {
                let name = meta.location.as_ref().strip_prefix(&remote.prefix)?;
                name.starts_with(&wanted)
                    .then(|| (name.to_owned(), meta.size))
            });
            Ok(names.collect::<Vec<_>>())
        })?;
        found.sort();
        Ok(found)
    }

    pub(crate) fn delete(self: &Arc<Self>, name: &str) -> Result<(), StoreError> {
        let (remote, object) = (self.clone(), name.to_owned());
        runtime::run(Op::Delete, name, async move {
            let key = remote.key(&object)?;
            absent_is_none(
                remote
                    .observed(Op::Delete, &object, remote.quick.delete(&key))
                    .await,
            )
        })
        .map(|_| ())
    }

    /// Shows a request to the faults, then makes it.
    async fn observed<T>(
        &self,
        op: Op,
        name: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, StoreError> {
        let failed = match Verdict::of(self.disk.faults(), op, Path::new(name)) {
            Verdict::Go => {
                return request
                    .await
                    .map_err(|error| StoreError::remote(op, name, error));
            }
            Verdict::Fail(error) => error,
            Verdict::DoThenFail(error) => {
                request
                    .await
                    .map_err(|error| StoreError::remote(op, name, error))?;
                error
            }
            Verdict::Part(_, error) => error,
        };
        Err(StoreError::remote(op, name, failed))
    }

    fn key(&self, name: &str) -> Result<Key, StoreError> {
        let key = format!("{}{name}", self.prefix);
        Key::parse(&key).map_err(|_| StoreError::BadName {
            name: key,
            reason: "it is no key of the object store",
        })
    }
}

/// An open object: a name, read by ranges.
pub(crate) struct RemoteReader {
    remote: Arc<Remote>,
    name: String,
}

impl RemoteReader {
    pub(crate) fn new(remote: Arc<Remote>, name: &str) -> RemoteReader {
        RemoteReader {
            remote,
            name: name.to_owned(),
        }
    }

    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let bytes = self
            .remote
            .get_range(&self.name, offset, buf.len() as u64)?;
        buf.copy_from_slice(&bytes);
        Ok(())
    }
}

fn client(
    address: &Address,
    keys: &Credentials,
    timeout: Duration,
) -> Result<AmazonS3, StoreError> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 3.0,
        },
        // The time is the bound, not the count.
        max_retries: usize::MAX,
        retry_timeout: address.retry,
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&address.bucket)
        .with_region(&address.region)
        .with_access_key_id(&keys.access_key_id)
        .with_secret_access_key(&keys.secret_access_key)
        .with_virtual_hosted_style_request(address.virtual_hosted)
        .with_retry(retry)
        .with_client_options(
            ClientOptions::new()
                .with_timeout(timeout)
                .with_connect_timeout(CONNECT_TIMEOUT)
                .with_allow_http(address.allow_http),
        );
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder.build().map_err(|error| StoreError::BadUrl {
        url: address.bucket.clone(),
        reason: error.to_string(),
    })
}

fn absent_is_none<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::Remote { source, .. }) if is_absent(source.downcast_ref()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absent(error: Option<&Error>) -> bool {
    matches!(error, Some(Error::NotFound { .. }))
}

fn is_taken(error: Option<&Error>) -> bool {
    matches!(
        error,
        Some(Error::AlreadyExists { .. } | Error::Precondition { .. })
    )
}
