//! What was read of a group of items, made durable: keys, sealed objects and packs first, then the events.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};

use comity_core::digest::hex;
use comity_core::id::{ChainId, ObjectId};
use comity_core::json::Value;
use comity_core::shown::shown;
use comity_extract::{Relation, State};
use comity_keyring::{Kind, NewKey, Secret};
use comity_seal::Key;
use comity_vault::{Hashes, PACK_LEN, PackWriter, Placed, Scratch, UnsyncedPack, encode_small};

use super::growing::{Grown, SealWith};
use super::job::{Job, Scope};
use super::pass::Pass;
use super::segments::Segment;
use super::taking::{Finding, Taken, path_of};
use crate::centre::Centre;
use crate::commit::{Draft, Ready, Subject};
use crate::cores::on_all_cores_mut;
use crate::error::{AppError, Result};
use crate::event::{EventDraft, NumberedKey};
use crate::intake::{Held, held_objects};
use crate::project::{Filters, ItemState, ObjectAt, ObjectPlace, digest_tag};
use crate::sql::Session;

/// Who acts where the centre's own programs do.
pub const CENTRE: &str = "centre";

/// The files that an item was read with.
#[derive(Default)]
pub struct With {
    /// How many of them were read as one with it.
    pub files: usize,
    /// All that the reader could ask for: of none of them may anything be recorded that has been erased meanwhile.
    pub segments: Vec<Arc<Segment>>,
}

/// What one item gave: children, and with the last of them how its reading ended.
pub struct Batch {
    /// The item.
    pub job: Arc<Job>,
    /// Its handling code, which what is inside of it inherits.
    pub handling: Option<String>,
    /// Children.
    pub children: Vec<Taken>,
    /// How the reading ended.
    pub finding: Option<Finding>,
    /// The files of its image.
    pub with: With,
    /// Told when it stands in the log, where somebody waits.
    pub tell: Option<SyncSender<bool>>,
}

impl Batch {
    /// Bytes that it holds in memory.
    pub fn weight(&self) -> u64 {
        let bytes = |grown: &Grown| match grown {
            Grown::Small(data, _) => data.len() as u64,
            Grown::Large(_) => 0,
        };
        let children = self.children.iter().filter_map(|c| c.bytes.as_ref());
        let text = self
            .finding
            .iter()
            .filter_map(|f| Some(&f.text.as_ref()?.0));
        4096 + children.chain(text).map(bytes).sum::<u64>()
    }
}

/// Where a child's object comes from.
enum From {
    Nothing,
    /// The member holds the same bytes.
    Held(Held),
    /// Another child of this group has the same bytes.
    Same(usize),
    Own,
}

/// A child that is being made.
struct New<'a> {
    taken: &'a Taken,
    batch: &'a Batch,
    from: From,
    chain: ChainId,
    secret: Secret,
    key: u64,
    object: ObjectId,
}

/// The events of a batch: its children's, its own, and those of the files that were read with it.
pub type Events = (Vec<Ready>, Option<Draft>, Vec<Draft>);

/// The events of a group, ready to be committed.
pub struct Prepared {
    /// In the order of the batches.
    pub batches: Vec<Events>,
    /// The packs that must be durable before.
    pub packs: Vec<UnsyncedPack>,
}

/// Seals what a group of batches gave.
pub fn prepare(
    centre: &Centre,
    session: &mut Session,
    filters: &mut Filters,
    act: &str,
    batches: &mut [Batch],
) -> Result<Prepared> {
    let large = take_large(batches);
    let batches = &*batches;
    let mut new = decide(centre, session, filters, batches)?;
    add_keys(centre, &mut new)?;
    let time = centre.now();
    let mut packs = Packs::new(centre);
    let mut placed: Vec<Option<Placed>> = Vec::with_capacity(new.len());
    let mut sealed = seal_small(centre, &new);
    for (at, child) in new.iter().enumerate() {
        placed.push(match (&child.from, large.get(&child.with().object)) {
            (From::Own, Some((pack, _))) => Some(*pack),
            (From::Own, None) => match sealed[at].take() {
                Some(object) => Some(packs.add(child.batch.job.scope.key.number, &object)?),
                None => None,
            },
            (From::Same(other), _) => placed[*other],
            _ => None,
        });
    }
    let mut events: Vec<Events> = Vec::with_capacity(batches.len());
    let mut children = extracted_all(centre, act, &time, &new, &placed)?.into_iter();
    for batch in batches {
        let own: Vec<Ready> = children.by_ref().take(batch.children.len()).collect();
        let read = match &batch.finding {
            Some(finding) => Some(read(
                centre, act, &time, batch, finding, &large, &mut packs,
            )?),
            None => None,
        };
        let with = match &batch.finding {
            Some(finding) => read_with(centre, act, &time, batch, finding)?,
            None => Vec::new(),
        };
        events.push((own, read, with));
    }
    let wanted: HashSet<ObjectId> = new
        .iter()
        .filter(|n| matches!(n.from, From::Own))
        .map(|n| n.with().object)
        .chain(batches.iter().filter_map(text_object))
        .collect();
    let mut all = packs.finish()?;
    // A large child whose bytes are held already leaves nothing.
    let kept = large.into_iter().filter(|(id, _)| wanted.contains(id));
    all.extend(kept.map(|(_, (_, pack))| pack));
    Ok(Prepared {
        batches: events,
        packs: all,
    })
}

fn text_object(batch: &Batch) -> Option<ObjectId> {
    Some(batch.finding.as_ref()?.text.as_ref()?.1.object)
}

/// Packs of large objects, taken out of what was read.
type Large = HashMap<ObjectId, (Placed, UnsyncedPack)>;

fn take_large(batches: &mut [Batch]) -> Large {
    let mut large = Large::new();
    for batch in batches {
        let children = batch.children.iter_mut();
        let children = children.filter_map(|c| Some((c.bytes.as_mut()?, c.with.object)));
        let text = batch.finding.iter_mut().filter_map(|f| {
            let (grown, with) = f.text.as_mut()?;
            Some((grown, with.object))
        });
        for (grown, object) in children.chain(text) {
            if let Grown::Large(_) = grown {
                let empty = Grown::Small(Vec::new(), Box::new(*grown.hashes()));
                if let Grown::Large(of) = std::mem::replace(grown, empty) {
                    let pack = of.pack.into_inner().unwrap_or_else(PoisonError::into_inner);
                    large.insert(object, (of.placed, pack));
                }
            }
        }
    }
    large
}

impl New<'_> {
    fn with(&self) -> &SealWith {
        &self.taken.with
    }

    fn hashes(&self) -> Option<&Hashes> {
        self.taken.bytes.as_ref().map(Grown::hashes)
    }
}

/// Which children bring new bytes. Within a member the same bytes are kept once; across members nothing is shared.
fn decide<'a>(
    centre: &Centre,
    session: &mut Session,
    filters: &mut Filters,
    batches: &'a [Batch],
) -> Result<Vec<New<'a>>> {
    let mut new: Vec<New<'a>> = Vec::new();
    let mut tags: HashMap<i64, Vec<Option<[u8; 16]>>> = HashMap::new();
    for batch in batches {
        let scope = &batch.job.scope;
        let of_member = tags.entry(scope.member_no).or_default();
        of_member.extend(batch.children.iter().map(|child| tag_of(scope, child)));
    }
    let mut held = HashMap::new();
    for (member, tags) in tags {
        for (tag, found) in held_objects(session, filters, member, &tags)? {
            held.insert((member, tag), found);
        }
    }
    let mut here: HashMap<(i64, [u8; 16]), usize> = HashMap::new();
    for batch in batches {
        for taken in &batch.children {
            let mut secret = Secret::random(&*centre.ambient.random);
            let at = tag_of(&batch.job.scope, taken).map(|tag| (batch.job.scope.member_no, tag));
            let from = match at {
                None => From::Nothing,
                Some(at) => match (held.get(&at), here.get(&at)) {
                    (Some(found), _) => From::Held(*found),
                    (None, Some(other)) => From::Same(*other),
                    (None, None) => {
                        here.insert(at, new.len());
                        From::Own
                    }
                },
            };
            let mut object = taken.with.object;
            match &from {
                From::Nothing => secret.second = [0; 32],
                From::Own => secret.second = taken.with.key,
                From::Held(found) => {
                    (secret.second, object) = (found.data_key(centre)?, ObjectId(found.id));
                }
                From::Same(other) => {
                    (secret.second, object) = (new[*other].secret.second, new[*other].object);
                }
            }
            new.push(New {
                taken,
                batch,
                from,
                chain: ChainId(centre.ambient.bytes()),
                secret,
                key: 0,
                object,
            });
        }
    }
    Ok(new)
}

fn tag_of(scope: &Scope, child: &Taken) -> Option<[u8; 16]> {
    let hashes = child.bytes.as_ref()?.hashes();
    Some(digest_tag(&scope.member_index, &hashes.sha256.0))
}

/// One durable write of all keys: before the events that need them.
fn add_keys(centre: &Centre, new: &mut [New<'_>]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let keys: Vec<NewKey> = new
        .iter()
        .map(|n| NewKey {
            kind: Kind::Item,
            parent: n.batch.job.scope.key.number,
            subject: n.chain.0,
            secret: n.secret.clone(),
        })
        .collect();
    let range = centre.keys.add_many(&keys)?;
    for (child, number) in new.iter_mut().zip(range) {
        child.key = number;
    }
    Ok(())
}

fn seal_small(centre: &Centre, new: &[New<'_>]) -> Vec<Option<comity_vault::SealedObject>> {
    let mut tasks: Vec<&New<'_>> = new.iter().collect();
    on_all_cores_mut(&mut tasks, Scratch::new, |scratch, child| {
        match (&child.from, &child.taken.bytes) {
            (From::Own, Some(Grown::Small(data, hashes))) if data.len() as u64 == hashes.size => {
                let with = child.with();
                let salt = centre.ambient.bytes();
                Some(encode_small(
                    data,
                    &Key::new(with.key),
                    with.object,
                    salt,
                    scratch,
                ))
            }
            _ => None,
        }
    })
}

/// Packs that are being filled, one for each scope.
struct Packs<'a> {
    centre: &'a Centre,
    open: HashMap<u64, PackWriter>,
    full: Vec<UnsyncedPack>,
}

impl<'a> Packs<'a> {
    fn new(centre: &'a Centre) -> Packs<'a> {
        Packs {
            centre,
            open: HashMap::new(),
            full: Vec::new(),
        }
    }

    fn add(&mut self, scope_key: u64, object: &comity_vault::SealedObject) -> Result<Placed> {
        let mut writer = match self.open.remove(&scope_key) {
            Some(writer) => writer,
            None => {
                let id = self.centre.ambient.bytes::<16>();
                self.centre.vault.pack(scope_key, id)?
            }
        };
        let placed = writer.add(object)?;
        if writer.size() >= PACK_LEN {
            self.full.push(writer.finish()?);
        } else {
            self.open.insert(scope_key, writer);
        }
        Ok(placed)
    }

    fn finish(mut self) -> Result<Vec<UnsyncedPack>> {
        for writer in self.open.into_values() {
            self.full.push(writer.finish()?);
        }
        Ok(self.full)
    }
}

fn extracted_all(
    centre: &Centre,
    act: &str,
    time: &str,
    new: &[New<'_>],
    placed: &[Option<Placed>],
) -> Result<Vec<Ready>> {
    let mut tasks: Vec<(usize, &New<'_>)> = new.iter().enumerate().collect();
    let events = on_all_cores_mut(
        &mut tasks,
        || (),
        |(), (at, child)| extracted(centre, act, time, child, placed[*at]),
    );
    events.into_iter().collect()
}

/// The event of a child.
fn extracted(
    centre: &Centre,
    act: &str,
    time: &str,
    new: &New<'_>,
    placed: Option<Placed>,
) -> Result<Ready> {
    let (taken, scope) = (new.taken, &new.batch.job.scope);
    let (child, path) = (&taken.child, path_of(&taken.child));
    let has_bytes = taken.bytes.is_some();
    let state = if has_bytes {
        ItemState::Sealed
    } else {
        ItemState::Unreadable
    };
    // Of a part of its bytes that is said until a reader has seen them, and by that reader then.
    let reading = match (taken.outcome.state, has_bytes) {
        (State::Read, _) => None,
        (_, true) => Some(State::InPart),
        (state, false) => Some(state),
    };
    let reason = (!taken.outcome.reason.is_empty()).then_some(taken.outcome.reason.as_str());
    let mut draft = EventDraft::new("extracted", CENTRE, time, &*centre.ambient.random)
        .custody("act", act)
        .custody("member", scope.member.as_str())
        .custody("case", scope.case.as_str())
        .custody("ern", taken.ern.to_string())
        .custody("state", state.word())
        .custody_opt("reading", reading.map(State::name))
        .custody_opt("handling", new.batch.handling.as_deref())
        .content("path", shown(path))
        .content_opt(
            "path_bytes",
            (!child.path_bytes.is_empty()).then(|| hex(path)),
        )
        .content("relation", relation(child.relation))
        .content_opt("reason", reason)
        .content_opt(
            "modified",
            (!child.modified.is_empty()).then_some(child.modified.as_str()),
        )
        .content_opt("stated_size", child.stated_size.filter(|s| *s < 1 << 53));
    if let Some(hashes) = new.hashes() {
        draft = draft
            .content("size", hashes.size)
            .content("sha256", hashes.sha256.to_string())
            .content("blake3", hashes.blake3.to_string());
    }
    let (sealed, object) = match (&new.from, placed) {
        (From::Held(held), _) => (
            Some((held.sealed_size, held.sealed_sha256)),
            ObjectAt::Held(held.no),
        ),
        (_, Some(placed)) => (Some((placed.len, placed.sha256.0)), at(&placed)),
        (_, None) => (None, ObjectAt::Unknown),
    };
    draft = draft.content_opt(
        "object",
        sealed.map(|(size, sha)| object_said(new.object, size, &sha)),
    );
    let own = NumberedKey {
        number: new.key,
        key: Key::new(new.secret.first),
    };
    let event = draft.seal(&scope.key, &own, &*centre.ambient.random)?;
    let mut ready = Ready::new(new.chain, event, new.secret.clone(), &centre.keys, &|_| {
        Ok(Some(scope.member_index))
    })?;
    ready.draft.object = object;
    Ok(ready)
}

/// The event of a pass; its derivative goes into a pack.
fn read(
    centre: &Centre,
    act: &str,
    time: &str,
    batch: &Batch,
    finding: &Finding,
    large: &Large,
    packs: &mut Packs<'_>,
) -> Result<Draft> {
    let (job, outcome) = (&batch.job, &finding.outcome);
    let random = &*centre.ambient.random;
    let pass = finding.pass;
    let again = job
        .item
        .reading
        .filter(|_| pass == Pass::Read)
        .map(|_| true);
    let further: Vec<Value> = finding.further.iter().map(|p| p.field().into()).collect();
    let mut draft = EventDraft::new(pass.event(), CENTRE, time, random)
        .custody("act", act)
        .custody("ern", job.item.ern.to_string())
        .custody(pass.field(), outcome.state.name())
        .custody("reader", finding.reader.as_str())
        .custody_opt("again", again)
        .custody_opt("files", files_of(batch))
        .custody_opt(
            "further",
            (!further.is_empty()).then_some(Value::Array(further)),
        )
        .content_opt(
            "reason",
            (!outcome.reason.is_empty()).then_some(outcome.reason.as_str()),
        )
        .content_opt("type", finding.media.as_deref())
        .content_opt("format", finding.format.as_deref())
        .content_opt(
            "children",
            (finding.children > 0).then_some(u64::from(finding.children)),
        )
        .content_opt("missing", (finding.missing > 0).then_some(finding.missing));
    for (name, value) in &finding.more {
        draft = draft.content(name, value.clone());
    }
    let mut object = ObjectAt::Unknown;
    if let Some((grown, with)) = &finding.text {
        let placed = match (grown, large.get(&with.object)) {
            (_, Some((placed, _))) => *placed,
            (Grown::Small(data, _), None) => {
                let (key, salt) = (Key::new(with.key), centre.ambient.bytes());
                let sealed = encode_small(data, &key, with.object, salt, &mut Scratch::new());
                packs.add(with.scope_key, &sealed)?
            }
            (Grown::Large(_), None) => {
                return Err(AppError::damaged(
                    job.item.ern.to_string(),
                    "its text was lost",
                ));
            }
        };
        let hashes = grown.hashes();
        draft = draft
            .content("size", hashes.size)
            .content("sha256", hashes.sha256.to_string())
            .content("blake3", hashes.blake3.to_string())
            .content(
                "object",
                object_said(with.object, placed.len, &placed.sha256.0),
            );
        object = at(&placed);
    }
    let own = NumberedKey {
        number: job.content_key,
        key: Key::new(job.secret.first),
    };
    Ok(Draft {
        subject: Subject::Known(job.item.no),
        event: draft.seal(&job.scope.key, &own, random)?,
        secret: None,
        object,
    })
}

/// The numbers of the files that an item was read with.
fn files_of(batch: &Batch) -> Option<Value> {
    let files = batch.with.segments.iter().take(batch.with.files);
    let files: Vec<Value> = files.map(|s| s.item.ern.to_string().into()).collect();
    (!files.is_empty()).then_some(Value::Array(files))
}

/// The events of the files that an item was read with, each on its own chain.
fn read_with(
    centre: &Centre,
    act: &str,
    time: &str,
    batch: &Batch,
    finding: &Finding,
) -> Result<Vec<Draft>> {
    let (job, random) = (&batch.job, &*centre.ambient.random);
    let first = job.item.ern.to_string();
    // How the whole ended is said of the first file alone.
    let state = match finding.outcome.state {
        State::Read | State::InPart => State::Read,
        _ => State::InPart,
    };
    let files = batch.with.segments.iter().take(batch.with.files);
    let drafts = files.enumerate().map(|(at, segment)| {
        let reason = format!(
            "it is file {} of the disk image that begins with {first}, and was read with it",
            at + 2
        );
        let again = segment.item.reading.map(|_| true);
        let draft = EventDraft::new(Pass::Read.event(), CENTRE, time, random)
            .custody("act", act)
            .custody("ern", segment.item.ern.to_string())
            .custody(Pass::Read.field(), state.name())
            .custody("reader", finding.reader.as_str())
            .custody_opt("again", again)
            .custody("part_of", first.as_str())
            .content("reason", reason)
            .content_opt("type", finding.media.as_deref())
            .content_opt("format", finding.format.as_deref());
        let own = NumberedKey {
            number: segment.content_key,
            key: Key::new(segment.secret.first),
        };
        Ok(Draft {
            subject: Subject::Known(segment.item.no),
            event: draft.seal(&job.scope.key, &own, random)?,
            secret: None,
            object: ObjectAt::Unknown,
        })
    });
    drafts.collect()
}

fn object_said(id: ObjectId, size: u64, sha256: &[u8; 32]) -> Value {
    Value::from_iter([
        ("id".to_owned(), Value::from(id.to_string())),
        ("sealed_sha256".to_owned(), hex(sha256).into()),
        ("sealed_size".to_owned(), size.into()),
    ])
}

fn at(placed: &Placed) -> ObjectAt {
    ObjectAt::Placed(ObjectPlace {
        pack: placed.pack.0,
        offset: placed.offset,
    })
}

/// How a child belongs to its container, as events say it.
fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Member => "member of an archive",
        Relation::Attachment => "attachment",
        Relation::Message => "message of a mailbox",
        Relation::Embedded => "embedded",
        Relation::Content => "content of a compressed file",
    }
}
