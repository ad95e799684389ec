//! One event into rows.

use comity_core::body::Field;
use comity_core::digest::Digest;
use comity_core::id::{ChainId, ObjectId};
use comity_core::json::Value as Json;
use comity_keyring::Secret;
use comity_seal::{Key, tag};

use super::facts::seal_facts;
use super::received::{Received, digest_tag};
use super::runs::{Filter, run_of, tags_of_run};
use super::{ChainKind, MemberRow, ObjectPlace, Projector, below};
use crate::error::{AppError, Result};
use crate::keychange::KINDS;
use crate::keys::ScopeKeys;
use crate::sql::{Session, Value};

/// An event as the projections see it.
pub struct Event<'a> {
    /// The index of its leaf.
    pub index: u64,
    /// Its chain.
    pub chain: ChainId,
    /// The chain's number; `None` for the first event of a chain.
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
    /// While rebuilding: it lies there, and has this place among all objects of the vault.
    Among(ObjectPlace, usize),
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

    pub(super) fn number(&self, name: &str) -> Result<i64> {
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

    pub(super) fn facts(&self, table: &str, clear: &[u8]) -> Value {
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
            return self.follow(session, keys, event);
        }
        let no = self.next_chain;
        self.next_chain += 1;
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
    fn follow(
        &mut self,
        session: &mut Session,
        keys: &dyn ScopeKeys,
        event: &Event<'_>,
    ) -> Result<i64> {
        let no = event.chain_no.ok_or_else(|| {
            AppError::damaged(
                format!("event {} of the ledger", event.index),
                "its chain has no beginning",
            )
        })?;
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
            "witnesses_set" => {
                let (policy, warn_after) = (event.text("policy")?, event.number("warn_after")?);
                let row = [index.into(), policy.into(), warn_after.into()];
                self.rows.insert("witness_policies", row);
            }
            "log_keys_succeeded" | "log_heirs_named" => self.succession(event)?,
            "stamp_authority_removed" => self.rows.update(
                "UPDATE stamp_authorities SET removed = 1 WHERE no <= ? AND name = (SELECT name FROM stamp_authorities WHERE no = ?)",
                [no.into(), no.into()],
            ),
            "list_dropped" => self.rows.update(
                "UPDATE lists SET dropped = 1 WHERE no = ?",
                [no.into()],
            ),
            "erased" => self.erase(session, keys, event, no)?,
            "read" | "reading_asked" => self.follow_reading(session, event, no)?,
            "drawn" | "recognised" => self.follow_further(event, no)?,
            "fixity_checked" | "quarantined" | "repaired" => {
                self.follow_fixity(session, event, no)?;
            }
            kind if KINDS.contains(&kind) => self.keys_changed(event)?,
            _ => self.follow_act(session, event, no)?,
        }
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
                        0i64.into(),
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
            "received" | "extracted" => {
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
            "list_imported" => {
                self.begin_list(event, no)?;
                ChainKind::List
            }
            "hold_placed" | "erasure_ordered" | "proposed" => self.begin_act(event, no)?,
            other => {
                return Err(AppError::damaged(
                    format!("event {} of the ledger", event.index),
                    format!("a chain cannot begin with {other:?}"),
                ));
            }
        })
    }

    /// Which keys sign the log, or who may name the next ones; 0 for keys that stay.
    fn succession(&mut self, event: &Event<'_>) -> Result<()> {
        let statement = event.text("statement")?;
        let size =
            crate::succession::size_of(statement).ok_or_else(|| event.unlike("statement"))?;
        let key = match event.get("key") {
            Some(_) => event.number("key")?,
            None => 0,
        };
        let actor = event.text("actor")?;
        let row = [
            (event.index as i64).into(),
            (size as i64).into(),
            key.into(),
            actor.into(),
            statement.into(),
        ];
        self.rows.insert("successions", row);
        Ok(())
    }

    /// A new epoch of the keyring; with a member, what became of its scope.
    fn keys_changed(&mut self, event: &Event<'_>) -> Result<()> {
        let epoch = event.number("epoch")?;
        self.rows
            .insert("epochs", [epoch.into(), (event.index as i64).into()]);
        if event.get("member").is_none() {
            return Ok(());
        }
        let member = self.member_of(event)?.no;
        match event.text("kind")? {
            "keys_rotated" => self.fresh_scopes(event, member)?,
            kind => self.rows.update(
                "UPDATE members SET lock = ? WHERE no = ?",
                [i64::from(kind == "scope_locked").into(), member.into()],
            ),
        }
        Ok(())
    }

    fn fresh_scopes(&mut self, event: &Event<'_>, member: i64) -> Result<()> {
        let scope = event.number("scope")?;
        if let Some(row) = self.members.values_mut().find(|m| m.no == member) {
            row.scope_key = scope as u64;
        }
        self.rows.update(
            "UPDATE members SET scope_key = ? WHERE no = ?",
            [scope.into(), member.into()],
        );
        let cases = event.get("cases").and_then(Json::as_object);
        for (case, number) in cases.ok_or_else(|| event.unlike("cases"))? {
            let case_no = self.cases.get(case).ok_or_else(|| event.unlike("cases"))?;
            let number = number.as_i64().ok_or_else(|| event.unlike("cases"))?;
            self.scopes.insert((member, *case_no), number as u64);
            self.rows.update(
                "UPDATE scopes SET scope_key = ? WHERE member = ? AND case_no = ?",
                [number.into(), member.into(), (*case_no).into()],
            );
        }
        Ok(())
    }

    fn member_of(&self, event: &Event<'_>) -> Result<MemberRow> {
        self.members
            .get(event.text("member")?)
            .cloned()
            .ok_or_else(|| event.unlike("member"))
    }

    pub(super) fn case_of(&self, event: &Event<'_>) -> Result<i64> {
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
        let object = self.object(session, keys, event, no, said, &member)?;
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
                Value::NoInt,
                said.facts.clone().into(),
                below(&said.ern).into(),
            ],
        );
        if let Some(state) = said.reading {
            self.first_reading(event, no, state);
        }
        if let Some((folder, name)) = said.path {
            self.rows.insert(
                "paths",
                [source.into(), folder.into(), name.into(), no.into()],
            );
        }
        Ok(())
    }

    /// The number of the event's object, where it has one; a new one gets its rows.
    fn object(
        &mut self,
        session: &mut Session,
        keys: &dyn ScopeKeys,
        event: &Event<'_>,
        item: i64,
        received: &Received,
        member: &MemberRow,
    ) -> Result<Option<i64>> {
        let Some(said) = &received.object else {
            return Ok(None);
        };
        if let ObjectAt::Held(no) = event.object {
            let row = session.query_one("SELECT id FROM objects WHERE no = ?", &[no.into()])?;
            return match row.map(|r| r.array(0)).transpose()? {
                Some(id) if ObjectId(id) == said.id => Ok(Some(no)),
                _ => Err(AppError::Refused(
                    "another item with the same bytes was erased at this moment: run the intake again, it goes on where it was".to_owned(),
                )),
            };
        }
        if let Some(no) = self.known_object(&said.id, event.object) {
            return Ok(Some(no));
        }
        let tag = match (said.tag, said.sha256) {
            (Some(tag), _) => Some(tag),
            (None, Some(sha256)) => Some(digest_tag(&keys.index_key(member.scope_key)?, &sha256)),
            (None, None) => None,
        };
        if let (ObjectAt::JustBrought, Some(tag)) = (event.object, tag) {
            // Another process came between the two groups, and this one has forgotten what it brought.
            let last = run_of(self.next_chain);
            let row = session.query_one(
                "SELECT d.object FROM digests d JOIN objects o ON o.no = d.object WHERE d.run IN (?, ?) AND d.member = ? AND d.tag = ? AND o.id = ?",
                &[last.into(), (last - 1).into(), member.no.into(), tag.into(), said.id.0.into()],
            )?;
            return Ok(Some(row.ok_or_else(|| event.unlike("object"))?.int(0)?));
        }
        // An object bears the number of the first item that holds it.
        let no = item;
        self.run_tag(session, no, tag)?;
        match (event.object, &mut self.brought) {
            (ObjectAt::Among(_, place), Some(brought)) => brought.add(place, no),
            _ => {
                self.objects.insert(said.id, no);
            }
        }
        let (pack, place) = match event.object {
            ObjectAt::Placed(at) | ObjectAt::Among(at, _) => (at.pack, at.offset as i64),
            _ => ([0; 16], 0),
        };
        self.rows.insert(
            "objects",
            [
                no.into(),
                said.id.0.into(),
                member.no.into(),
                received.size.into(),
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
                    run_of(no).into(),
                    member.no.into(),
                    tag.into(),
                    no.into(),
                    (event.content_key as i64).into(),
                ],
            );
        }
        Ok(Some(no))
    }

    /// The number of an object that an event before this one brought, as far as it is remembered.
    fn known_object(&self, id: &ObjectId, at: ObjectAt) -> Option<i64> {
        match (at, &self.brought) {
            (ObjectAt::Among(_, place), Some(brought)) => brought.number(place),
            _ => {
                let known = self.objects.get(id).or(self.former_objects.get(id));
                known.copied()
            }
        }
    }

    /// Remembers the tag of the new object `no` for the filter of its run, and ends the run before it.
    pub(super) fn run_tag(
        &mut self,
        session: &mut Session,
        no: i64,
        tag: Option<[u8; 16]>,
    ) -> Result<()> {
        let Some(tag) = tag else { return Ok(()) };
        let run = run_of(no);
        let (open, tags) = match &mut self.open_run {
            Some(open) => open,
            None => {
                // The tables hold all that came before: nothing of the run waits to be written.
                let newest = session.query_one("SELECT max(run) FROM digests", &[])?;
                let newest = newest.map(|r| r.opt_int(0)).transpose()?.flatten();
                let newest = newest.unwrap_or(run);
                let tags = tags_of_run(session, newest)?;
                self.open_run.insert((newest, tags))
            }
        };
        if *open != run {
            let filter = Filter::of(&*tags).into_bytes();
            self.rows
                .insert("digest_filters", [(*open).into(), filter.into()]);
            *open = run;
            tags.clear();
        }
        tags.push(tag);
        Ok(())
    }

    /// Forgets the objects of the group before: a group
    /// speaks of its own objects, or of those that came just before it, so the lists need not grow.
    pub fn end_group(&mut self) {
        self.former_objects = std::mem::take(&mut self.objects);
    }
}

/// The tag of a source text in its scope.
pub fn source_tag(index_key: &[u8; 32], text: &str) -> [u8; 16] {
    tag(index_key, &[b"source", text.as_bytes()])
}
