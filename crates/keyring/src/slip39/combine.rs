//! Shares gathered one at a time: whether each fits is said at once, and what is still missing.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::cipher::decrypt;
use super::field::{Point, interpolate};
use super::share::Share;
use super::split::{DIGEST_AT, DIGEST_LEN, SECRET_AT, digest};

/// Why a whole share does not fit those that were gathered before, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It was made at another time, or for another keyring.
    #[error(
        "it is a whole share, of another set than the first one: it was made at another sharing"
    )]
    OtherSet,
    /// The same share again.
    #[error("this very share was given already")]
    Duplicate,
    /// Another share stands in its place.
    #[error(
        "another share of the same number was given already: one of the two is of a set with the same identifier, or forged"
    )]
    Contradicts,
    /// All are there, and they do not make one secret.
    #[error(
        "the shares are each whole and do not fit together: at least one of them is forged, or of a set with the same identifier"
    )]
    NotOneSecret,
    /// Nothing to combine yet.
    #[error("there are too few shares")]
    TooFew,
}

/// What became of a share that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is needed.
    Taken,
    /// Its group has enough already.
    NotNeeded,
}

/// How far a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// Which group, from 0.
    pub group: u8,
    /// Shares that were given.
    pub given: u8,
    /// Shares that are needed.
    pub needed: u8,
}

/// Shares of one set, gathered.
#[derive(Debug, Default)]
pub struct Gathering {
    groups: BTreeMap<u8, BTreeMap<u8, Share>>,
}

impl Gathering {
    /// Takes a share.
    ///
    /// # Errors
    /// [`Misfit`]; what was gathered before stays.
    pub fn add(&mut self, share: Share) -> Result<Fit, Misfit> {
        let set = |s: &Share| {
            (
                (s.identifier, s.extendable, s.exponent),
                (s.group_threshold, s.group_count, s.value.len()),
            )
        };
        if self.any().is_some_and(|first| set(first) != set(&share)) {
            return Err(Misfit::OtherSet);
        }
        let group = self.groups.entry(share.group).or_default();
        if let Some(other) = group.values().next()
            && other.member_threshold != share.member_threshold
        {
            return Err(Misfit::OtherSet);
        }
        if let Some(same) = group.get(&share.member) {
            return Err(match same == &share {
                true => Misfit::Duplicate,
                false => Misfit::Contradicts,
            });
        }
        let is_enough = group.len() >= usize::from(share.member_threshold);
        group.insert(share.member, share);
        Ok(match is_enough {
            true => Fit::NotNeeded,
            false => Fit::Taken,
        })
    }

    fn any(&self) -> Option<&Share> {
        self.groups.values().flat_map(BTreeMap::values).next()
    }

    /// The identifier of the set, once a share is there.
    pub fn identifier(&self) -> Option<u16> {
        self.any().map(|share| share.identifier)
    }

    /// The groups of which a share was given.
    pub fn groups(&self) -> Vec<GroupState> {
        let states = self.groups.iter().filter_map(|(group, shares)| {
            Some(GroupState {
                group: *group,
                given: u8::try_from(shares.len()).ok()?,
                needed: shares.values().next()?.member_threshold,
            })
        });
        states.collect()
    }

    /// Whether the shares are enough.
    pub fn is_enough(&self) -> bool {
        let whole = self.groups().iter().filter(|g| g.given >= g.needed).count();
        self.any()
            .is_some_and(|share| whole >= usize::from(share.group_threshold))
    }

    /// The secret. The shares of a keyring have the empty passphrase; another one than the one that they were made
    /// with gives another secret, and nothing shows it.
    ///
    /// # Errors
    /// [`Misfit::TooFew`], [`Misfit::NotOneSecret`].
    pub fn combine(&self, passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, Misfit> {
        let first = self
            .any()
            .filter(|_| self.is_enough())
            .ok_or(Misfit::TooFew)?;
        let mut parts = Vec::new();
        for (group, shares) in &self.groups {
            let Some(needed) = shares.values().next().map(|s| s.member_threshold) else {
                continue;
            };
            if shares.len() < usize::from(needed) {
                continue;
            }
            let points: Vec<_> = shares
                .iter()
                .take(usize::from(needed))
                .map(|(x, share)| Point {
                    x: *x,
                    values: &share.value,
                })
                .collect();
            parts.push((*group, recover(&points)?));
        }
        let points: Vec<_> = parts
            .iter()
            .take(usize::from(first.group_threshold))
            .map(|(x, part)| Point {
                x: *x,
                values: part,
            })
            .collect();
        Ok(decrypt(&recover(&points)?, first.tweak(), passphrase))
    }
}

fn recover(points: &[Point<'_>]) -> Result<Zeroizing<Vec<u8>>, Misfit> {
    if let [one] = points {
        return Ok(Zeroizing::new(one.values.to_vec()));
    }
    let secret = interpolate(points, SECRET_AT);
    let checked = interpolate(points, DIGEST_AT);
    let (sum, pad) = checked
        .split_at_checked(DIGEST_LEN)
        .ok_or(Misfit::NotOneSecret)?;
    verify_slices_are_equal(sum, &digest(pad, &secret)).map_err(|_| Misfit::NotOneSecret)?;
    Ok(secret)
}
