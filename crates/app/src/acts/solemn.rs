//! The acts that can be asked to have two persons, with all that each needs: as a proposal keeps them.

use std::sync::Arc;

use comity_core::digest::Digest;
use comity_core::id::{Ern, MemberCode};
use comity_core::json::{Map, Value};
use comity_core::stamp::HashKind;

use super::rules::{TwoPersons, rules_json, rules_of};
use super::{Covered, Proposal};
use crate::disclose::Selection;
use crate::error::{AppError, Result};
use crate::recipients::Recipients;
use crate::stamp::Authority;

/// A solemn act (`docs/format/acts.md`, *Two persons*).
#[derive(Clone, Debug)]
pub enum SolemnAct {
    /// Items are forgotten.
    Erase {
        /// These.
        items: Vec<Ern>,
        /// Why.
        reason: String,
        /// On what authority.
        authority: String,
    },
    /// A hold ends.
    Release {
        /// Its number.
        hold: String,
        /// Why.
        reason: String,
        /// On what authority.
        authority: String,
    },
    /// A hold is placed.
    Hold {
        /// On what; a case by its code.
        covered: Covered,
        /// Why.
        reason: String,
        /// On what authority.
        authority: String,
    },
    /// A package is made.
    Disclose {
        /// What is in it; the case by its code.
        selection: Selection,
        /// What the selection came to.
        fixed: Fixed,
    },
    /// The keyring gets a new root key.
    RotateKeys {
        /// The member that gets fresh scope keys too.
        member: Option<MemberCode>,
        /// Why.
        reason: Option<String>,
        /// Whether it gets another passphrase.
        new_passphrase: bool,
    },
    /// The keyring is shared.
    ShareKeys {
        /// The scheme, as text.
        scheme: String,
        /// The passphrase stays.
        keep_passphrase: bool,
        /// Why.
        reason: Option<String>,
    },
    /// A member's scope is locked by its desk's key, or its lock is taken away.
    LockKeys {
        /// The member.
        member: MemberCode,
        /// The fingerprint of the desk's key, in hex, that it is locked with; `None`: it is not locked any more.
        desk: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// The log gets new keys, signed by the present ones.
    SucceedKeys {
        /// Why.
        reason: Option<String>,
    },
    /// It is said who may name the log's next keys when the present ones are lost.
    NameHeirs {
        /// So many of them.
        need: usize,
        /// The persons' vkeys.
        heirs: Vec<String>,
    },
    /// A person is registered.
    AddPerson {
        /// Of this member.
        member: MemberCode,
        /// The name.
        name: String,
    },
    /// A person's key is registered, or replaced.
    PersonKey {
        /// The person's number.
        person: String,
        /// The public key, in hex.
        key: String,
        /// The key in whose place it comes, in hex.
        replaces: Option<String>,
    },
    /// The policy that names the witnesses is set.
    Witnesses {
        /// Its text.
        policy: String,
        /// An older attestation is warned of, in seconds.
        warn_after: u64,
    },
    /// A time-stamping authority is set.
    SetStampAuthority(Authority),
    /// A time-stamping authority is asked no longer.
    RemoveStampAuthority(String),
    /// The centre gets a mirror at this place.
    AddMirror(String),
    /// The centre has its mirror at this place no more.
    DropMirror(String),
    /// It is set which acts need two persons.
    Rules(Vec<TwoPersons>),
}

/// What a selection came to when it was proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The size of the log.
    pub size: u64,
    /// How many exhibits.
    pub exhibits: u64,
    /// SHA-256 over their numbers, each with a line feed.
    pub sha256: Digest,
}

impl SolemnAct {
    /// The act's name, one of those of [`super::ACTS`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            SolemnAct::Erase { .. } => "erase",
            SolemnAct::Release { .. } => "release",
            SolemnAct::Hold { .. } => "hold",
            SolemnAct::Disclose { .. } => "disclose",
            SolemnAct::RotateKeys { .. } => "keys_rotate",
            SolemnAct::ShareKeys { .. } => "keys_share",
            SolemnAct::LockKeys { .. } => "keys_lock",
            SolemnAct::SucceedKeys { .. } | SolemnAct::NameHeirs { .. } => "keys_succeed",
            SolemnAct::AddPerson { .. } => "person_add",
            SolemnAct::PersonKey { .. } => "person_key",
            SolemnAct::Witnesses { .. } => "witnesses",
            SolemnAct::SetStampAuthority(_) | SolemnAct::RemoveStampAuthority(_) => {
                "stamp_authority"
            }
            SolemnAct::AddMirror(_) | SolemnAct::DropMirror(_) => "mirror",
            SolemnAct::Rules(_) => "rules",
        }
    }

    /// All that the act needs, as the proposal's event has it.
    #[must_use]
    pub fn parameters(&self) -> Value {
        let mut all = Parameters::default();
        match self {
            SolemnAct::Erase {
                items,
                reason,
                authority,
            } => {
                all.put("items", erns_json(items));
                all.why(reason, authority);
            }
            SolemnAct::Release {
                hold,
                reason,
                authority,
            } => {
                all.put("hold", hold.as_str());
                all.why(reason, authority);
            }
            SolemnAct::Hold {
                covered,
                reason,
                authority,
            } => {
                match covered {
                    Covered::Items(items) => all.put("items", erns_json(items)),
                    Covered::Case(case) => all.put("case", case.as_str()),
                }
                all.why(reason, authority);
            }
            SolemnAct::Disclose { selection, fixed } => all.disclose(selection, fixed),
            SolemnAct::RotateKeys {
                member,
                reason,
                new_passphrase,
            } => {
                all.put_opt("member", member.as_ref().map(MemberCode::as_str));
                all.put("new_passphrase", *new_passphrase);
                all.put_opt("reason", reason.as_deref());
            }
            SolemnAct::ShareKeys {
                scheme,
                keep_passphrase,
                reason,
            } => {
                all.put("keep_passphrase", *keep_passphrase);
                all.put("scheme", scheme.as_str());
                all.put_opt("reason", reason.as_deref());
            }
            SolemnAct::LockKeys {
                member,
                desk,
                reason,
            } => {
                all.put_opt("desk", desk.as_deref());
                all.put("lock", desk.is_some());
                all.put("member", member.as_str());
                all.put_opt("reason", reason.as_deref());
            }
            SolemnAct::SucceedKeys { reason } => all.put_opt("reason", reason.as_deref()),
            SolemnAct::NameHeirs { need, heirs } => {
                all.put("heirs", heirs.iter().map(String::as_str).collect::<Value>());
                all.put("need", *need as u64);
            }
            SolemnAct::AddPerson { member, name } => {
                all.put("member", member.as_str());
                all.put("name", name.as_str());
            }
            SolemnAct::PersonKey {
                person,
                key,
                replaces,
            } => {
                all.put("key", key.as_str());
                all.put("person", person.as_str());
                all.put_opt("replaces", replaces.as_deref());
            }
            SolemnAct::Witnesses { policy, warn_after } => {
                all.put("policy", policy.as_str());
                all.put("warn_after", *warn_after);
            }
            SolemnAct::SetStampAuthority(authority) => {
                all.put("authority", authority.name.as_str());
                all.put("certificates", authority.certificates.as_str());
                all.put("hash", authority.hash.name());
                all.put("qualified", authority.qualified);
                all.put("url", authority.url.as_str());
            }
            SolemnAct::RemoveStampAuthority(name) => all.put("authority", name.as_str()),
            SolemnAct::AddMirror(place) | SolemnAct::DropMirror(place) => {
                all.put("add", matches!(self, SolemnAct::AddMirror(_)));
                all.put("place", place.as_str());
            }
            SolemnAct::Rules(rules) => all.put("acts", rules_json(rules)),
        }
        Value::Object(all.0)
    }

    /// Reads the act that a proposal proposes.
    ///
    /// # Errors
    /// An act that this program does not know, or parameters that are not those of the act.
    pub fn of(proposal: &Proposal) -> Result<SolemnAct> {
        let read = Read(&proposal.parameters);
        read.act(&proposal.act).ok_or_else(|| {
            AppError::damaged(
                proposal.number.clone(),
                format!(
                    "its parameters are not those of `{}` as this program knows it",
                    proposal.act
                ),
            )
        })
    }
}

#[derive(Default)]
struct Parameters(Map<String, Value>);

impl Parameters {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_opt(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn why(&mut self, reason: &str, authority: &str) {
        self.put("authority", authority);
        self.put("reason", reason);
    }

    fn disclose(&mut self, selection: &Selection, fixed: &Fixed) {
        self.put("case", selection.case.as_str());
        self.put("exhibits", fixed.exhibits);
        if !selection.items.is_empty() {
            self.put("items", erns_json(&selection.items));
        }
        self.put("purpose", selection.purpose.as_str());
        self.put_opt("recipient", selection.recipient.as_deref());
        if let Some(to) = &selection.to {
            let keys: Value = to.keys().iter().map(String::as_str).collect();
            self.put("recipients", keys);
        }
        self.put("selection_sha256", fixed.sha256.to_string());
        self.put("size", fixed.size);
        self.put("viewings", selection.viewings);
    }
}

fn erns_json(erns: &[Ern]) -> Value {
    let erns: Vec<Value> = erns.iter().map(|e| e.to_string().into()).collect();
    Value::Array(erns)
}

/// The parameters of a proposal, read again.
struct Read<'a>(&'a Value);

impl Read<'_> {
    fn act(&self, name: &str) -> Option<SolemnAct> {
        let (reason, authority) = (self.text("reason"), self.text("authority"));
        Some(match name {
            "erase" => SolemnAct::Erase {
                items: self.erns()?,
                reason: reason?,
                authority: authority?,
            },
            "release" => SolemnAct::Release {
                hold: self.text("hold")?,
                reason: reason?,
                authority: authority?,
            },
            "hold" => SolemnAct::Hold {
                covered: match self.text("case") {
                    Some(case) => Covered::Case(case),
                    None => Covered::Items(self.erns()?),
                },
                reason: reason?,
                authority: authority?,
            },
            "disclose" => self.disclose()?,
            "keys_rotate" => SolemnAct::RotateKeys {
                member: self.member_opt()?,
                reason,
                new_passphrase: self.bool("new_passphrase")?,
            },
            "keys_share" => SolemnAct::ShareKeys {
                scheme: self.text("scheme")?,
                keep_passphrase: self.bool("keep_passphrase")?,
                reason,
            },
            "keys_lock" => SolemnAct::LockKeys {
                member: self.member_opt()??,
                desk: match self.bool("lock")? {
                    true => Some(self.text("desk")?),
                    false => None,
                },
                reason,
            },
            "keys_succeed" => match self.0.get("heirs") {
                None => SolemnAct::SucceedKeys { reason },
                Some(Value::Array(heirs)) => SolemnAct::NameHeirs {
                    need: usize::try_from(self.0.get("need")?.as_u64()?).ok()?,
                    heirs: heirs
                        .iter()
                        .map(|heir| heir.as_str().map(str::to_owned))
                        .collect::<Option<_>>()?,
                },
                Some(_) => return None,
            },
            "person_add" => SolemnAct::AddPerson {
                member: self.member_opt()??,
                name: self.text("name")?,
            },
            "person_key" => SolemnAct::PersonKey {
                person: self.text("person")?,
                key: self.text("key")?,
                replaces: self.text("replaces"),
            },
            "witnesses" => SolemnAct::Witnesses {
                policy: self.text("policy")?,
                warn_after: self.0.get("warn_after")?.as_u64()?,
            },
            "stamp_authority" if self.text("url").is_none() => {
                SolemnAct::RemoveStampAuthority(authority?)
            }
            "stamp_authority" => SolemnAct::SetStampAuthority(Authority {
                no: 0,
                name: authority?,
                url: self.text("url")?,
                certificates: self.text("certificates")?,
                hash: HashKind::of_name(&self.text("hash")?)?,
                qualified: self.bool("qualified")?,
            }),
            "mirror" => match self.bool("add")? {
                true => SolemnAct::AddMirror(self.text("place")?),
                false => SolemnAct::DropMirror(self.text("place")?),
            },
            "rules" => SolemnAct::Rules(rules_of(self.0.get("acts")?)?),
            _ => return None,
        })
    }

    fn disclose(&self) -> Option<SolemnAct> {
        let to = match self.0.get("recipients") {
            None => None,
            Some(Value::Array(keys)) => {
                let keys: Option<Vec<String>> =
                    keys.iter().map(|k| k.as_str().map(str::to_owned)).collect();
                Some(Arc::new(Recipients::parse(&keys?).ok()?))
            }
            Some(_) => return None,
        };
        Some(SolemnAct::Disclose {
            selection: Selection {
                case: self.text("case")?,
                items: match self.0.get("items") {
                    Some(_) => self.erns()?,
                    None => Vec::new(),
                },
                purpose: self.text("purpose")?,
                recipient: self.text("recipient"),
                to,
                viewings: self.bool("viewings")?,
            },
            fixed: Fixed {
                size: self.0.get("size")?.as_u64()?,
                exhibits: self.0.get("exhibits")?.as_u64()?,
                sha256: self.text("selection_sha256")?.parse().ok()?,
            },
        })
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    fn bool(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    fn member_opt(&self) -> Option<Option<MemberCode>> {
        match self.text("member") {
            None => Some(None),
            Some(code) => Some(Some(code.parse().ok()?)),
        }
    }

    fn erns(&self) -> Option<Vec<Ern>> {
        match self.0.get("items")? {
            Value::Array(items) => items.iter().map(|i| i.as_str()?.parse().ok()).collect(),
            _ => None,
        }
    }
}
