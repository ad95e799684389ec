//! Names of objects: the same on a folder and on S3, so that a store can move from the one to the other.

use crate::error::StoreError;

/// How the names of unfinished files begin, wherever they lie.
pub(crate) const TEMPORARY: &str = ".tmp-";
/// The folder of a local store in which objects are written before they appear.
pub(crate) const TEMPORARY_FOLDER: &str = "tmp";

/// S3 takes keys of up to 1,024 bytes; this leaves room for a prefix.
const LONGEST_NAME: usize = 768;
const LONGEST_PART: usize = 200;

/// Refuses what could leave the store, collide with its own files, or be held by one kind of store only.
pub(crate) fn check(name: &str) -> Result<(), StoreError> {
    match fault(name) {
        None => Ok(()),
        Some(reason) => Err(StoreError::BadName {
            name: name.to_owned(),
            reason,
        }),
    }
}

/// As [`check`], for the beginning of a name: its last part may be cut short or empty.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    match prefix.strip_suffix('/').unwrap_or(prefix) {
        "" if prefix.is_empty() => Ok(()),
        name => check(name),
    }
}

pub(crate) fn is_valid(name: &str) -> bool {
    fault(name).is_none()
}

fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > LONGEST_NAME {
        return Some("it is longer than 768 bytes");
    }
    if name == TEMPORARY_FOLDER || name.starts_with("tmp/") {
        return Some("the folder tmp belongs to the store itself");
    }
    name.split('/').find_map(part_fault)
}

fn part_fault(part: &str) -> Option<&'static str> {
    match part {
        "" => Some("it has an empty part"),
        "." | ".." => Some("it has a part that is . or .."),
        _ if part.len() > LONGEST_PART => Some("it has a part longer than 200 bytes"),
        _ if part.starts_with(TEMPORARY) => {
            Some("names that begin with .tmp- belong to the store itself")
        }
        _ if !part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) =>
        {
            Some("only letters and digits of ASCII, '-', '_', '.' and '/' are allowed")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_formats_are_taken() {
        for name in [
            "ledger/checkpoint",
            "ledger/tile/entries/x001/234.p/5",
            "vault/ab/ab00",
            "keyring/0000002a.keys",
            "tmpx",
            ".a",
        ] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_leave_the_store_or_fit_one_kind_only_are_refused() {
        let long = "a".repeat(201);
        let longer = "ab/".repeat(300) + "a";
        for name in [
            "",
            "/",
            "/etc/passwd",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a\\b",
            "a b",
            "a\0b",
            "ї",
            "a%2e",
            "tmp",
            "tmp/a",
            ".tmp-a",
            "a/.tmp-1-b",
            &long,
            &longer,
        ] {
            assert!(
                matches!(check(name), Err(StoreError::BadName { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_prefix_may_end_within_a_part_or_after_one() {
        for prefix in ["", "vault", "vault/", "vault/a"] {
            assert!(check_prefix(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["/", "..", "../", "vault//", "/vault"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
    }
}
