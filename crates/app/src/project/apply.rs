//! One event into rows.

use comity_core::body::Field;
use comity_core::digest::Digest;
use comity_core::id::ChainId;
use comity_core::json::Value as Json;
use comity_keyring::Secret;
use comity_seal::{Key, tag};

use super::facts::seal_facts;
use super::received::{ObjectSaid, Received, digest_tag};
use super::{ChainKind, MemberRow, ObjectPlace, Projector};
use crate::error::{AppError, Result};
use crate::keys::ScopeKeys;
use crate::sql::{Session, Value};

/// An event as the projections see it.
pub struct Event<'a> {
    /// The index of its leaf.
    pub index: u64,
    /// Its chain.
    pub chain: ChainId,
    /// The chain's number where it is known already.
    pub chain_no: Option<i64>,
    /// Its place in the chain.
    pub n: u64,
    /// The hash of its leaf.
    pub leaf: Digest,
    /// Number of the key of its custody section.
    pub custody_key: u64,
    /// Number of the key of its content, 0 where it has none.
    pub content_key: u64,
    /// Its fields; content fields are missing when they have been erased.
    pub fields: &'a [Field],
    /// The secret of the content key, unless it has been destroyed.
    pub secret: Option<&'a Secret>,
    /// For the event that brought an object: where the object lies, or its number when it was held already.
    pub object: ObjectAt,
    /// What an item's event says, where it was read before.
    pub received: Option<&'a Received>,
}

/// What is known of an event's object besides the event itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectAt {
    /// The event brought no object, or nothing is known of it.
    Unknown,
    /// It lies there.
    Placed(ObjectPlace),
    /// It was held already, under this number.
    Held(i64),
    /// An event of this group or of the one before brought it.
    JustBrought,
}

impl Event<'_> {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.fields
            .iter()
            .find(|f| f.name == name)
            .map(|f| &f.value)
    }

    pub(super) fn text(&self, name: &str) -> Result<&str> {
        self.get(name)
            .and_then(Json::as_str)
            .ok_or_else(|| self.unlike(name))
    }

    fn number(&self, name: &str) -> Result<i64> {
        self.get(name)
            .and_then(Json::as_i64)
            .ok_or_else(|| self.unlike(name))
    }

    pub(super) fn unlike(&self, name: &str) -> AppError {
        AppError::damaged(
            format!("event {} of the ledger", self.index),
            format!("its field {name} is missing or not of its type"),
        )
    }

    fn facts(&self, table: &str, clear: &[u8]) -> Value {
        match self.secret {
            Some(s) => Value::Blob(seal_facts(&Key::new(s.first), table, &self.leaf, clear)),
            None => Value::NoBlob,
        }
    }

    /// The facts of a stamp authority: its content fields, as canonical JSON.
    fn stamp_facts(&self) -> Result<Value> {
        let names = ["certificates", "hash", "qualified", "url"];
        let fields: Option<Json> = names
            .iter()
            .map(|name| Some(((*name).to_owned(), self.get(name)?.clone())))
            .collect();
        match fields {
            Some(fields) => {
                let clear = comity_core::json::canonical(&fields)
                    .map_err(|_| self.unlike("certificates"))?;
                Ok(self.facts("stamp_authorities", &clear))
            }
            None => Ok(Value::NoBlob),
        }
    }

    /// The facts of a row whose one fact is a content field of text.
    fn text_facts(&self, table: &str, name: &str) -> Value {
        match self.get(name).and_then(Json::as_str) {
            Some(text) => self.facts(table, text.as_bytes()),
            None => Value::NoBlob,
        }
    }
}

impl Projector {
    /// Turns one event into rows and returns the number of its chain.
    pub fn apply(
        &mut self,
        session: &mut Session,
        keys: &dyn ScopeKeys,
        event: &Event<'_>,
    ) -> Result<i64> {
        if event.n > 0 {
            return self.follow(session, event);
        }
        let no = self.next_chain;
        self.next_chain += 1;
        if let Some(chains) = &mut self.chains {
            chains.insert(event.chain, no);
        }
        let kind = self.begin(session, keys, event, no)?;
        self.rows.insert(
            "chains",
            [
                no.into(),
                event.chain.0.into(),
                (kind as i64).into(),
                (event.custody_key as i64).into(),
                (event.content_key as i64).into(),
                (event.index as i64).into(),
                0i64.into(),
                (event.index as i64).into(),
                event.leaf.0.into(),
            ],
        );
        Ok(no)
    }

    /// An event on a chain that is there already.
    fn follow(&mut self, session: &mut Session, event: &Event<'_>) -> Result<i64> {
        let no = match (event.chain_no, &self.chains) {
            (Some(no), _) => no,
            (None, Some(chains)) => *chains.get(&event.chain).ok_or_else(|| {
                AppError::damaged(
                    format!("event {} of the ledger", event.index),
                    "its chain has no beginning",
                )
            })?,
            (None, None) => {
                return Err(AppError::damaged(
                    "projections",
                    "an event of an unknown chain",
                ));
            }
        };
        let (n, index) = (event.n as i64, event.index as i64);
        self.rows
            .insert("events", [no.into(), n.into(), index.into()]);
        self.rows
            .head(no, [n.into(), index.into(), event.leaf.0.into()]);
        match event.text("kind")? {
            "intake_closed" => self
                .rows
                .update("UPDATE intakes SET closed = 1 WHERE no = ?", [no.into()]),
            "disclosure_failed" => self.rows.update(
                "UPDATE disclosures SET failed = 1 WHERE no = ?",
                [no.into()],
            ),
            "stamp_authority_removed" => self.rows.update(
                "UPDATE stamp_authorities SET removed = 1 WHERE no <= ? AND name = (SELECT name FROM stamp_authorities WHERE no = ?)",
                [no.into(), no.into()],
            ),
            _ => {}
        }
        let _ = session;
        Ok(no)
    }

    /// The first event of a chain.
    fn begin(
        &mut self,
        session: &mut Session,
        keys: &dyn ScopeKeys,
        event: &Event<'_>,
        no: i64,
    ) -> Result<ChainKind> {
        Ok(match event.text("kind")? {
            "centre_created" => ChainKind::Centre,
            "member_registered" => {
                let code = event.text("member")?.to_owned();
                let scope_key = event.number("scope")? as u64;
                let facts = event.text_facts("members", "name");
                self.rows.insert(
                    "members",
                    [
                        no.into(),
                        code.as_str().into(),
                        (scope_key as i64).into(),
                        facts,
                    ],
                );
                self.members.insert(code, MemberRow { no, scope_key });
                ChainKind::Member
            }
            "person_registered" => {
                let member = self.member_of(event)?.no;
                let facts = event.text_facts("persons", "name");
                self.rows.insert(
                    "persons",
                    [
                        no.into(),
                        member.into(),
                        event.text("person")?.into(),
                        facts,
                    ],
                );
                ChainKind::Person
            }
            "case_opened" => {
                let code = event.text("case")?.to_owned();
                let facts = event.text_facts("cases", "name");
                self.rows
                    .insert("cases", [no.into(), code.as_str().into(), facts]);
                self.cases.insert(code, no);
                ChainKind::Case
            }
            "intake_opened" => {
                self.begin_intake(keys, event, no)?;
                ChainKind::Intake
            }
            "received" => {
                self.begin_item(session, keys, event, no)?;
                ChainKind::Item
            }
            "disclosed" => {
                let case_no = self.case_of(event)?;
                self.rows
                    .insert("disclosures", [no.into(), case_no.into(), 0i64.into()]);
                ChainKind::Disclosure
            }
            "stamp_authority_set" => {
                let facts = event.stamp_facts()?;
                self.rows.insert(
                    "stamp_authorities",
                    [
                        no.into(),
                        event.text("authority")?.into(),
                        0i64.into(),
                        facts,
                    ],
                );
                ChainKind::StampAuthority
            }
            other => {
                return Err(AppError::damaged(
                    format!("event {} of the ledger", event.index),
                    format!("a chain cannot begin with {other:?}"),
                ));
            }
        })
    }

    fn member_of(&self, event: &Event<'_>) -> Result<MemberRow> {
        self.members
            .get(event.text("member")?)
            .cloned()
            .ok_or_else(|| event.unlike("member"))
    }

    fn case_of(&self, event: &Event<'_>) -> Result<i64> {
        self.cases
            .get(event.text("case")?)
            .copied()
            .ok_or_else(|| event.unlike("case"))
    }

    fn begin_intake(&mut self, keys: &dyn ScopeKeys, event: &Event<'_>, no: i64) -> Result<()> {
        let (member, case_no, number) = (
            self.member_of(event)?,
            self.case_of(event)?,
            event.number("intake")?,
        );
        if self
            .scopes
            .insert((member.no, case_no), event.custody_key)
            .is_none()
        {
            self.rows.insert(
                "scopes",
                [
                    member.no.into(),
                    case_no.into(),
                    (event.custody_key as i64).into(),
                ],
            );
        }
        let source = match event.get("source").and_then(Json::as_str) {
            Some(text) => self.source(
                member.no,
                case_no,
                source_tag(&keys.index_key(event.custody_key)?, text),
            ),
            None => 0,
        };
        let facts = event.text_facts("intakes", "source");
        self.rows.insert(
            "intakes",
            [
                no.into(),
                member.no.into(),
                case_no.into(),
                number.into(),
                source.into(),
                0i64.into(),
                facts,
            ],
        );
        self.intakes.insert((member.no, number), (no, source));
        Ok(())
    }

    fn source(&mut self, member: i64, case_no: i64, tag: [u8; 16]) -> i64 {
        if let Some(no) = self.sources.get(&(member, case_no, tag)) {
            return *no;
        }
        let no = self.next_source;
        self.next_source += 1;
        self.rows.insert(
            "sources",
            [no.into(), member.into(), case_no.into(), tag.into()],
        );
        self.sources.insert((member, case_no, tag), no);
        no
    }

    fn begin_item(
        &mut self,
        session: &mut Session,
        keys: &dyn ScopeKeys,
        event: &Event<'_>,
        no: i64,
    ) -> Result<()> {
        let (member, case_no) = (self.member_of(event)?, self.case_of(event)?);
        let read;
        let said = match event.received {
            Some(said) => said,
            None => {
                read = Received::read(event, keys, &|_| Ok(None))?;
                &read
            }
        };
        let (intake, source) = self.intake(session, member.no, i64::from(said.ern.intake()))?;
        let object = match &said.object {
            Some(object) => Some(self.object(session, keys, event, object, said.size, &member)?),
            None => None,
        };
        self.rows.insert(
            "items",
            [
                no.into(),
                member.no.into(),
                case_no.into(),
                intake.into(),
                said.ern.number().into(),
                source.into(),
                (said.state as i64).into(),
                said.size.into(),
                object.into(),
                said.time.into(),
                said.former.into(),
                said.facts.clone().into(),
            ],
        );
        if let Some((folder, name)) = said.path {
            self.rows.insert(
                "paths",
                [source.into(), folder.into(), name.into(), no.into()],
            );
        }
        Ok(())
    }

    /// The number of the event's object; a new one gets its rows.
    fn object(
        &mut self,
        session: &mut Session,
        keys: &dyn ScopeKeys,
        event: &Event<'_>,
        said: &ObjectSaid,
        size: i64,
        member: &MemberRow,
    ) -> Result<i64> {
        if let ObjectAt::Held(no) = event.object {
            return Ok(no);
        }
        let known = self.objects.get(&said.id);
        if let Some(no) = known.or(self.former_objects.get(&said.id)) {
            return Ok(*no);
        }
        let tag = match (said.tag, said.sha256) {
            (Some(tag), _) => Some(tag),
            (None, Some(sha256)) => Some(digest_tag(&keys.index_key(member.scope_key)?, &sha256)),
            (None, None) => None,
        };
        if let (ObjectAt::JustBrought, Some(tag)) = (event.object, tag) {
            // Another process came between the two groups, and this one has forgotten what it brought.
            let row = session.query_one(
                "SELECT d.object FROM digests d JOIN objects o ON o.no = d.object WHERE d.member = ? AND d.tag = ? AND o.id = ?",
                &[member.no.into(), tag.into(), said.id.0.into()],
            )?;
            return Ok(row.ok_or_else(|| event.unlike("object"))?.int(0)?);
        }
        let no = self.next_object;
        self.next_object += 1;
        self.objects.insert(said.id, no);
        let (pack, place) = match event.object {
            ObjectAt::Placed(at) => (self.pack(at.pack), at.offset as i64),
            _ => (0, 0),
        };
        self.rows.insert(
            "objects",
            [
                no.into(),
                said.id.0.into(),
                member.no.into(),
                size.into(),
                said.sealed_size.into(),
                said.sealed_sha256.into(),
                pack.into(),
                place.into(),
            ],
        );
        if let Some(tag) = tag {
            self.rows.insert(
                "digests",
                [
                    member.no.into(),
                    tag.into(),
                    no.into(),
                    (event.content_key as i64).into(),
                ],
            );
        }
        Ok(no)
    }

    fn pack(&mut self, id: [u8; 16]) -> i64 {
        if let Some(no) = self.packs.get(&id) {
            return *no;
        }
        let no = self.next_pack;
        self.next_pack += 1;
        self.rows.insert("packs", [no.into(), id.into()]);
        self.packs.insert(id, no);
        no
    }

    /// Forgets the packs of this group, which no later group fills, and the objects of the one before: a group
    /// speaks of its own objects, or of those that came just before it, so the lists need not grow.
    pub fn end_group(&mut self) {
        if self.chains.is_none() {
            self.packs.clear();
            self.former_objects = std::mem::take(&mut self.objects);
        }
    }
}

/// The tag of a source text in its scope.
pub fn source_tag(index_key: &[u8; 32], text: &str) -> [u8; 16] {
    tag(index_key, &[b"source", text.as_bytes()])
}
