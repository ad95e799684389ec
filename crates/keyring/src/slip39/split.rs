//! A secret into shares.

use aws_lc_rs::hmac;
use comity_core::Random;
use zeroize::Zeroizing;

use super::MOST;
use super::cipher::encrypt;
use super::field::{Point, interpolate};
use super::share::Share;

/// Where the secret lies, and its digest (SLIP-39, *Sharing a secret*).
pub(super) const SECRET_AT: u8 = 255;
pub(super) const DIGEST_AT: u8 = 254;
/// Bytes of the digest.
pub(super) const DIGEST_LEN: usize = 4;

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupScheme {
    /// Members that are needed.
    pub threshold: u8,
    /// Members that there are. The standard gives a group that needs one member one share.
    pub count: u8,
}

/// How a secret is to be split.
#[derive(Clone, Debug)]
pub struct Splitting<'a> {
    /// 15 random bits.
    pub identifier: u16,
    /// Whether the identifier is left out of the cipher's salt.
    pub extendable: bool,
    /// Doublings of the cipher's iterations, at most 15.
    pub exponent: u8,
    /// Groups that are needed.
    pub group_threshold: u8,
    /// The groups.
    pub groups: &'a [GroupScheme],
}

/// Splits a secret of 16 to 64 bytes, an even number, into the shares of each group. `None` if the standard has no
/// such scheme.
pub fn split(secret: &[u8], how: &Splitting<'_>, rng: &dyn Random) -> Option<Vec<Vec<Share>>> {
    let groups = u8::try_from(how.groups.len()).ok().filter(|n| *n <= MOST)?;
    let is_scheme = (1..=groups).contains(&how.group_threshold)
        && how.groups.iter().all(|g| {
            (1..=g.count).contains(&g.threshold)
                && g.count <= MOST
                && (g.threshold > 1 || g.count == 1)
        });
    let is_secret = (16..=64).contains(&secret.len()) && secret.len().is_multiple_of(2);
    if !is_scheme || !is_secret || how.identifier >> 15 != 0 || how.exponent > 15 {
        return None;
    }
    let blank = Share {
        identifier: how.identifier,
        extendable: how.extendable,
        exponent: how.exponent,
        group: 0,
        group_threshold: how.group_threshold,
        group_count: groups,
        member: 0,
        member_threshold: 1,
        value: Zeroizing::default(),
    };
    let shared = encrypt(secret, blank.tweak(), b"");
    let parts = split_one(&shared, how.group_threshold, groups, rng);
    let all = (0..)
        .zip(how.groups)
        .zip(parts)
        .map(|((group, scheme), part)| {
            let members = split_one(&part, scheme.threshold, scheme.count, rng);
            (0..)
                .zip(members)
                .map(|(member, value)| Share {
                    group,
                    member,
                    member_threshold: scheme.threshold,
                    value,
                    ..blank.clone()
                })
                .collect()
        });
    Some(all.collect())
}

fn split_one(secret: &[u8], threshold: u8, count: u8, rng: &dyn Random) -> Vec<Zeroizing<Vec<u8>>> {
    if threshold == 1 {
        return (0..count)
            .map(|_| Zeroizing::new(secret.to_vec()))
            .collect();
    }
    let random = |len: usize| {
        let mut bytes = Zeroizing::new(vec![0; len]);
        rng.fill(&mut bytes);
        bytes
    };
    let mut parts: Vec<_> = (0..threshold - 2).map(|_| random(secret.len())).collect();
    let pad = random(secret.len() - DIGEST_LEN);
    let digest = Zeroizing::new([&digest(&pad, secret)[..], &pad[..]].concat());
    let drawn = parts.clone();
    let points: Vec<_> = (0..)
        .zip(&drawn)
        .map(|(x, part)| Point { x, values: part })
        .chain([
            Point {
                x: DIGEST_AT,
                values: &digest,
            },
            Point {
                x: SECRET_AT,
                values: secret,
            },
        ])
        .collect();
    parts.extend((threshold - 2..count).map(|x| interpolate(&points, x)));
    parts
}

/// What shows that parts fit together.
pub(super) fn digest(pad: &[u8], secret: &[u8]) -> [u8; DIGEST_LEN] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pad), secret);
    let mut digest = [0; DIGEST_LEN];
    digest.copy_from_slice(&tag.as_ref()[..DIGEST_LEN]);
    digest
}
