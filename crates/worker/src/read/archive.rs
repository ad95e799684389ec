//! ZIP, TAR, 7z, and what is one compressed file, GZ, BZ2 and XZ: their members, in their order, whatever their names say. Nothing is written anywhere.

use crate::{Input, Out, Stop, decode, out::child, time};
use comity_extract::{Child, Relation};
use flate2::read::MultiGzDecoder;
use sevenz_rust2::{ArchiveReader, Password};
use std::io::{BufReader, Read};
use zip::{CompressionMethod, ZipArchive, result::ZipError};

/// ZIP, by its central directory.
pub fn zip(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut archive = ZipArchive::new(input.rewound())?;
    let comment = decode::name(archive.comment());
    out.field("comment", &comment, "ZIP comment")?;
    for index in 0..archive.len() {
        let (child, is_folder, encrypted, method) = match archive.by_index_raw(index) {
            Ok(member) => (
                zip_child(&member),
                member.is_dir(),
                member.encrypted(),
                member.compression(),
            ),
            Err(error) => {
                out.missing(&format!("member {} of the archive: {error}", index + 1));
                continue;
            }
        };
        if is_folder {
            continue;
        }
        #[allow(deprecated)]
        if let CompressionMethod::Unsupported(number) = method {
            let why =
                format!("it is compressed by a method that is not undone here, number {number}");
            out.lost_child(child, Stop::Unsupported(why))?;
            continue;
        }
        if encrypted {
            out.lost_child(child, Stop::Encrypted("the member is encrypted".to_owned()))?;
            continue;
        }
        match archive.by_index(index) {
            Ok(mut member) => out.child(child, &mut member)?,
            Err(ZipError::UnsupportedArchive(_)) => {
                out.lost_child(
                    child,
                    Stop::Unsupported(format!("it is compressed by {method}")),
                )?;
            }
            Err(error)
                if !matches!(
                    method,
                    CompressionMethod::Stored | CompressionMethod::Deflated
                ) =>
            {
                out.lost_child(
                    child,
                    Stop::Unsupported(format!("it is compressed by {method}: {error}")),
                )?;
            }
            Err(error) => out.lost_child(child, Stop::Damaged(error.to_string()))?,
        }
    }
    Ok(())
}

fn zip_child<R: Read>(member: &zip::read::ZipFile<'_, R>) -> Child {
    let raw = member.name_raw();
    let path = decode::name(raw);
    let path_bytes = if path.as_bytes() == raw {
        Vec::new()
    } else {
        raw.to_vec()
    };
    let modified = member.last_modified().and_then(|time| {
        let (hour, minute) = (time.hour().into(), time.minute().into());
        time::civil(
            time.year().into(),
            time.month().into(),
            time.day().into(),
            hour,
            minute,
            time.second().into(),
        )
    });
    let modified = modified.unwrap_or_default();
    Child {
        path_bytes,
        stated_size: Some(member.size()),
        modified,
        ..child(Relation::Member, &path)
    }
}

/// TAR, from front to back.
pub fn tar(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut archive = tar::Archive::new(BufReader::with_capacity(64 << 10, input.rewound()));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let raw = entry.path_bytes().into_owned();
        let path = decode::name(&raw);
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() && !kind.is_gnu_sparse() && !kind.is_contiguous() {
            let target = entry
                .link_name_bytes()
                .map(|bytes| decode::name(&bytes))
                .unwrap_or_default();
            out.field(
                "comment",
                &format!("{path} → {target}"),
                "TAR entry that is no file",
            )?;
            continue;
        }
        let path_bytes = if path.as_bytes() == raw {
            Vec::new()
        } else {
            raw
        };
        let modified = entry
            .header()
            .mtime()
            .ok()
            .and_then(|seconds| time::unix(seconds.try_into().ok()?));
        let modified = modified.unwrap_or_default();
        let stated_size = Some(entry.size());
        out.child(
            Child {
                path_bytes,
                stated_size,
                modified,
                ..child(Relation::Member, &path)
            },
            &mut entry,
        )?;
    }
    Ok(())
}

/// GZ: one child, with the name that stands inside, or the file's own without its ending.
pub fn gzip(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, input.rewound()));
    let head = decoder.header().cloned();
    let inside = head
        .as_ref()
        .and_then(|head| head.filename())
        .map(decode::name);
    let outside = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".GZ"))
        .map(str::to_owned);
    let outside = outside.or_else(|| name.strip_suffix(".tgz").map(|stem| format!("{stem}.tar")));
    let path = inside.or(outside).unwrap_or_else(|| "content".to_owned());
    let modified = head
        .map(|head| head.mtime())
        .filter(|seconds| *seconds > 0)
        .and_then(|s| time::unix(s.into()));
    let modified = modified.unwrap_or_default();
    out.child(
        Child {
            modified,
            ..child(Relation::Content, &path)
        },
        &mut decoder,
    )
}

/// BZ2: one child, with the file's own name without its ending.
pub fn bzip2(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let file = BufReader::with_capacity(64 << 10, input.rewound());
    let path = unpacked_name(name, ".bz2", &[".tbz2", ".tbz"]);
    out.child(
        child(Relation::Content, &path),
        &mut bzip2::bufread::MultiBzDecoder::new(file),
    )
}

/// XZ, the same.
pub fn xz(input: &Input, out: &mut Out, name: &str) -> Result<(), Stop> {
    let file = BufReader::with_capacity(64 << 10, input.rewound());
    let path = unpacked_name(name, ".xz", &[".txz"]);
    out.child(
        child(Relation::Content, &path),
        &mut lzma_rust2::XzReader::new(file, true),
    )
}

/// A file's name without the ending of its compression.
fn unpacked_name(name: &str, ending: &str, of_tar: &[&str]) -> String {
    let lower = name.to_ascii_lowercase();
    let cut = |ending: &str| name.get(..lower.strip_suffix(ending)?.len());
    let stem = cut(ending).map(str::to_owned);
    let tar = || {
        of_tar
            .iter()
            .find_map(|ending| cut(ending))
            .map(|stem| format!("{stem}.tar"))
    };
    stem.or_else(tar).unwrap_or_else(|| "content".to_owned())
}

/// 7z. A block is unpacked from its beginning, so that its members come in the order of the archive.
pub fn seven(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut archive = ArchiveReader::new(input.rewound(), Password::empty()).map_err(seven_stop)?;
    // A second thread could not be made here.
    archive.set_thread_count(1);
    let mut stopped = None;
    let read = archive.for_each_entries(|entry, reader| {
        if entry.is_directory() {
            return Ok(true);
        }
        let modified = entry
            .has_last_modified_date
            .then(|| time::windows(entry.last_modified_date().into()))
            .flatten();
        let modified = modified.unwrap_or_default();
        let stated_size = Some(entry.size());
        let child = Child {
            stated_size,
            modified,
            ..child(Relation::Member, entry.name())
        };
        stopped = out.child(child, reader).err();
        Ok(stopped.is_none())
    });
    match (stopped, read) {
        (Some(stop), _) => Err(stop),
        (None, read) => read.map_err(seven_stop),
    }
}

fn seven_stop(error: sevenz_rust2::Error) -> Stop {
    use sevenz_rust2::Error;
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => {
            Stop::Encrypted("the archive has a passphrase".to_owned())
        }
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => {
            Stop::Encrypted("the archive has a passphrase".to_owned())
        }
        Error::UnsupportedCompressionMethod(method) => {
            Stop::Unsupported(format!("it is compressed by {method}"))
        }
        other => Stop::Damaged(other.to_string()),
    }
}
