//! Which shares open a keyring, and the shares themselves (`docs/format/keyring.md`, *Shares*).

use std::fmt;
use std::path::Path;

use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Prk};
use comity_core::Random;
use comity_core::id::MemberCode;
use comity_core::json::{Map, Value};
use comity_seal::Key;
use comity_store::Disk;
use zeroize::Zeroizing;

use crate::error::KeyringError;
use crate::keyring::read_head;
use crate::slip39::{Gathering, GroupScheme, MOST, Misfit, Share, Splitting, split};

/// How many members' shares open a keyring, and of each member how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// Members that are needed.
    pub threshold: u8,
    /// The members, in the order of their groups.
    pub groups: Vec<MemberGroup>,
    /// The identifier in every share of the set; 15 bits.
    pub identifier: u16,
}

/// One member's part in a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberGroup {
    /// The member.
    pub member: MemberCode,
    /// Holders that are needed.
    pub threshold: u8,
    /// Holders that there are.
    pub count: u8,
}

impl Scheme {
    /// Reads a scheme such as `2of3:UKR=2of3,LTU=1of2,NLD=1of1`; its identifier is drawn when it is shared.
    ///
    /// # Errors
    /// [`KeyringError::Scheme`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Scheme, KeyringError> {
        let wrong = |what: String| KeyringError::Scheme {
            what: format!(
                "the scheme {text:?} cannot be: {what}; a scheme is such as 2of3:UKR=2of3,LTU=1of2,NLD=1of1"
            ),
        };
        let (all, members) = text
            .split_once(':')
            .ok_or_else(|| wrong("there is no colon after the number of members".into()))?;
        let so_many = |part: &str| {
            let (threshold, count) = part.split_once("of")?;
            let numbers = (threshold.parse::<u8>().ok()?, count.parse::<u8>().ok()?);
            (1..=numbers.1).contains(&numbers.0).then_some(numbers)
        };
        let (threshold, count) =
            so_many(all).ok_or_else(|| wrong(format!("{all:?} is not so many of so many")))?;
        let mut groups: Vec<MemberGroup> = Vec::new();
        for part in members.split(',') {
            let group = part.split_once('=').and_then(|(member, numbers)| {
                let (threshold, count) = so_many(numbers)?;
                Some(MemberGroup {
                    member: member.trim().parse().ok()?,
                    threshold,
                    count,
                })
            });
            let group = group
                .ok_or_else(|| wrong(format!("{part:?} is not a member's so many of so many")))?;
            if groups.iter().any(|g| g.member == group.member) {
                return Err(wrong(format!("{} stands in it twice", group.member)));
            }
            if group.count > MOST {
                return Err(wrong(format!(
                    "{} would have more than {MOST} holders",
                    group.member
                )));
            }
            groups.push(group);
        }
        if groups.len() != usize::from(count) || count > MOST {
            let what = format!(
                "it says {count} members and names {}, of at most {MOST}",
                groups.len()
            );
            return Err(wrong(what));
        }
        Ok(Scheme {
            threshold,
            groups,
            identifier: 0,
        })
    }

    /// As [`Scheme::parse`] reads it.
    pub fn text(&self) -> String {
        let members: Vec<String> = self
            .groups
            .iter()
            .map(|g| format!("{}={}of{}", g.member, g.threshold, g.count))
            .collect();
        format!(
            "{}of{}:{}",
            self.threshold,
            self.groups.len(),
            members.join(",")
        )
    }

    /// For people.
    pub fn in_words(&self) -> String {
        let members: Vec<String> = self
            .groups
            .iter()
            .map(|g| format!("{} {} of {}", g.member, g.threshold, g.count))
            .collect();
        format!(
            "of {} of these {} members: {}",
            self.threshold,
            self.groups.len(),
            members.join(", ")
        )
    }

    pub(crate) fn to_json(&self, members: &mut Map<String, Value>) {
        let groups: Vec<Value> = self
            .groups
            .iter()
            .map(|group| {
                let mut members = Map::new();
                members.insert("count".into(), group.count.into());
                members.insert("member".into(), group.member.as_str().into());
                members.insert("threshold".into(), group.threshold.into());
                Value::Object(members)
            })
            .collect();
        members.insert("group_threshold".into(), self.threshold.into());
        members.insert("groups".into(), groups.into());
        members.insert("identifier".into(), self.identifier.into());
        members.insert("kind".into(), "shares".into());
    }

    pub(crate) fn from_json(members: &Map<String, Value>) -> Option<Scheme> {
        let small = |value: Option<&Value>| u8::try_from(value?.as_u64()?).ok();
        let groups: Vec<MemberGroup> = members
            .get("groups")?
            .as_array()?
            .iter()
            .map(|group| {
                let group = group.as_object().filter(|group| group.len() == 3)?;
                let (threshold, count) =
                    (small(group.get("threshold"))?, small(group.get("count"))?);
                let is_sound = (1..=count).contains(&threshold) && count <= MOST;
                Some(MemberGroup {
                    member: group.get("member")?.as_str()?.parse().ok()?,
                    threshold: Some(threshold).filter(|_| is_sound)?,
                    count,
                })
            })
            .collect::<Option<_>>()?;
        let threshold = small(members.get("group_threshold"))?;
        let identifier = u16::try_from(members.get("identifier")?.as_u64()?).ok()?;
        let is_sound = groups.len() <= usize::from(MOST)
            && (1..=groups.len()).contains(&usize::from(threshold))
            && identifier >> 15 == 0;
        is_sound.then_some(Scheme {
            threshold,
            groups,
            identifier,
        })
    }
}

/// The scheme of the keyring in a folder, if it is shared, and whether a passphrase opens it: needs nothing to be open.
///
/// # Errors
/// If the head is damaged or cannot be read.
pub fn shares_of(
    dir: &Path,
    disk: &Disk,
) -> Result<(Option<Scheme>, bool, [u8; 16]), KeyringError> {
    let head = read_head(dir, disk)?;
    Ok((head.scheme().cloned(), head.has_passphrase(), head.id))
}

/// The unlock key that shares come to.
#[derive(Clone)]
pub struct SharesKey(Key);

impl SharesKey {
    /// From enough shares of a keyring.
    ///
    /// # Errors
    /// [`Misfit`] if they are too few or do not fit together.
    pub fn gathered(shares: &Gathering, keyring: &[u8; 16]) -> Result<SharesKey, Misfit> {
        Ok(SharesKey(unlock_key(&shares.combine(b"")?, keyring)))
    }

    /// From its bytes, which another program of the same opening handed on.
    pub fn from_bytes(bytes: [u8; 32]) -> SharesKey {
        SharesKey(Key::new(bytes))
    }

    /// Its bytes, to be handed on to a program of the same opening. They open the keyring: they must never be written
    /// to a disk.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0
    }
}

impl fmt::Debug for SharesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharesKey(..)")
    }
}

/// Shares that were just made. They open nothing until a new epoch takes them up.
pub struct Sharing {
    scheme: Scheme,
    key: Key,
    shares: Vec<Vec<Share>>,
}

/// One holder's words.
pub struct Holder {
    /// The member.
    pub member: MemberCode,
    /// Which of its holders, from 1.
    pub holder: u8,
    /// The 33 words. Holders of a member of which one is enough have the same.
    pub words: Zeroizing<String>,
}

impl Sharing {
    /// Draws a master secret and splits it.
    ///
    /// # Errors
    /// [`KeyringError::Scheme`] for a scheme that SLIP-39 does not have.
    pub fn new(
        mut scheme: Scheme,
        keyring: &[u8; 16],
        rng: &dyn Random,
    ) -> Result<Sharing, KeyringError> {
        let mut secret = Zeroizing::new([0; 32]);
        let mut identifier = [0; 2];
        rng.fill(&mut secret[..]);
        rng.fill(&mut identifier);
        scheme.identifier = u16::from_be_bytes(identifier) >> 1;
        let groups: Vec<GroupScheme> = scheme
            .groups
            .iter()
            .map(|group| GroupScheme {
                threshold: group.threshold,
                count: if group.threshold == 1 { 1 } else { group.count },
            })
            .collect();
        let how = Splitting {
            identifier: scheme.identifier,
            extendable: true,
            exponent: 0,
            group_threshold: scheme.threshold,
            groups: &groups,
        };
        let shares = split(&secret[..], &how, rng).ok_or_else(|| KeyringError::Scheme {
            what: format!("the scheme {} is none that SLIP-39 has", scheme.text()),
        })?;
        Ok(Sharing {
            key: unlock_key(&secret[..], keyring),
            scheme,
            shares,
        })
    }

    /// The scheme, with its identifier.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// What each holder is to get, member by member.
    pub fn holders(&self) -> impl Iterator<Item = Holder> + '_ {
        let groups = self.scheme.groups.iter().zip(&self.shares);
        groups.flat_map(|(group, shares)| {
            (1..=group.count)
                .zip(shares.iter().cycle())
                .map(|(holder, share)| Holder {
                    member: group.member,
                    holder,
                    words: share.words(),
                })
        })
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

fn unlock_key(secret: &[u8], keyring: &[u8; 16]) -> Key {
    struct Len;
    impl KeyType for Len {
        fn len(&self) -> usize {
            32
        }
    }
    let info: [&[u8]; 2] = [b"comity/shares/v1\n", keyring];
    let mut key = Zeroizing::new([0; 32]);
    let filled = Prk::new_less_safe(HKDF_SHA512, secret)
        .expand(&info, Len)
        .and_then(|okm| okm.fill(&mut key[..]));
    // A constant length is refused only by a broken cipher library; an all-zero key must never wrap.
    filled.unwrap_or_else(|_| unreachable!("the cipher library refused 32 bytes of HKDF"));
    Key::new(*key)
}
