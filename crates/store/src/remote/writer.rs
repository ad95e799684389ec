//! An object of unknown length on its way to S3: one request if it is small, an upload in parts if not.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, mpsc},
};

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use super::{Remote, runtime};
use crate::{error::StoreError, fault::Op};

/// How many parts are under way at a time; memory is one part more.
const PARTS_UNDER_WAY: usize = 3;
const MIB: usize = 1024 * 1024;

/// S3 takes 10,000 parts of an object, so parts grow with it: up to 7.8 GiB in parts of 8 MiB, up to 195 GiB of 64 MiB,
/// up to 1.6 TiB of 256 MiB.
const PART_SIZES: [(usize, usize); 3] = [(1_000, 8 * MIB), (4_000, 64 * MIB), (10_000, 256 * MIB)];

pub(crate) struct RemoteWriter {
    remote: Arc<Remote>,
    name: String,
    gathered: Vec<u8>,
    parts: usize,
    upload: Option<Box<dyn MultipartUpload>>,
    under_way: VecDeque<mpsc::Receiver<Result<(), StoreError>>>,
}

impl RemoteWriter {
    pub(crate) fn new(remote: Arc<Remote>, name: &str) -> RemoteWriter {
        RemoteWriter {
            remote,
            name: name.to_owned(),
            gathered: Vec::new(),
            parts: 0,
            upload: None,
            under_way: VecDeque::new(),
        }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            let size = self.part_size()?;
            let room = size - self.gathered.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.gathered.extend_from_slice(now);
            bytes = later;
            if self.gathered.len() == size {
                self.send_part()?;
            }
        }
        Ok(())
    }

    /// Small objects go in one batch of requests, then each large one is completed.
    pub(crate) fn finish_many(writers: Vec<RemoteWriter>) -> Result<(), StoreError> {
        let mut small = Vec::new();
        let mut large = Vec::new();
        for mut writer in writers {
            if writer.upload.is_some() {
                large.push(writer);
            } else {
                let body = Bytes::from(mem::take(&mut writer.gathered));
                small.push((writer.remote.clone(), writer.name.clone(), body));
            }
        }
        for writer in &mut large {
            if !writer.gathered.is_empty() {
                writer.send_part()?;
            }
            writer.settle(0)?;
        }
        if let Some((remote, ..)) = small.first() {
            let remote = remote.clone();
            let bodies = small
                .into_iter()
                .map(|(_, name, body)| (name, body))
                .collect();
            runtime::run(Op::Put, "several objects", async move {
                remote.send_all(bodies).await
            })?;
        }
        large.into_iter().try_for_each(RemoteWriter::complete)
    }

    fn part_size(&self) -> Result<usize, StoreError> {
        let size = PART_SIZES
            .iter()
            .find(|(last, _)| self.parts < *last)
            .map(|(_, size)| *size);
        size.ok_or_else(|| {
            StoreError::remote(
                Op::Put,
                &self.name,
                "it is too large for one object on S3 (1.6 TiB)",
            )
        })
    }

    fn send_part(&mut self) -> Result<(), StoreError> {
        self.settle(PARTS_UNDER_WAY - 1)?;
        let body = PutPayload::from_bytes(Bytes::from(mem::take(&mut self.gathered)));
        if self.upload.is_none() {
            self.upload = Some(self.begin()?);
        }
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        self.parts += 1;
        let part = upload.put_part(body);
        let (sender, receiver) = mpsc::sync_channel(1);
        let (remote, name) = (self.remote.clone(), self.name.clone());
        runtime::handle(Op::Put, &self.name)?.spawn(async move {
            let _ = sender.send(remote.observed(Op::Put, &name, part).await);
        });
        self.under_way.push_back(receiver);
        Ok(())
    }

    fn begin(&self) -> Result<Box<dyn MultipartUpload>, StoreError> {
        let (remote, name) = (self.remote.clone(), self.name.clone());
        runtime::run(Op::Put, &self.name, async move {
            let key = remote.key(&name)?;
            let begun = remote.bulk.put_multipart(&key).await;
            begun.map_err(|error| StoreError::remote(Op::Put, &name, error))
        })
    }

    /// Waits until no more than so many parts are under way.
    fn settle(&mut self, left: usize) -> Result<(), StoreError> {
        while self.under_way.len() > left {
            if let Some(part) = self.under_way.pop_front() {
                let lost = |_| {
                    Err(StoreError::remote(
                        Op::Put,
                        &self.name,
                        "the request was given up",
                    ))
                };
                part.recv().unwrap_or_else(lost)?;
            }
        }
        Ok(())
    }

    /// The object appears with this request.
    fn complete(mut self) -> Result<(), StoreError> {
        let Some(mut upload) = self.upload.take() else {
            return Ok(());
        };
        let (remote, name) = (self.remote.clone(), self.name.clone());
        runtime::run(Op::Put, &self.name, async move {
            let completed = remote.observed(Op::Put, &name, upload.complete()).await;
            if completed.is_err() {
                let _ = upload.abort().await;
            }
            completed.map(|_| ())
        })
    }
}

impl Drop for RemoteWriter {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else {
            return;
        };
        // Parts still under way would be stored after the abort and stay.
        while let Some(part) = self.under_way.pop_front() {
            let _ = part.recv();
        }
        let (remote, name) = (self.remote.clone(), self.name.clone());
        let _ = runtime::run(Op::Delete, &self.name, async move {
            remote.observed(Op::Delete, &name, upload.abort()).await
        });
    }
}
