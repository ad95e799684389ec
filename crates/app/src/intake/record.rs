//! A batch that was read: what of it is new and what is there already; keys, sealed objects and packs for what is new.

use std::collections::{HashMap, HashSet};

use comity_core::id::{ChainId, MemberCode, ObjectId};
use comity_core::json::Value;
use comity_core::shown::shown;
use comity_keyring::{Kind, NewKey, Secret};
use comity_seal::Key;
use comity_vault::{Hashes, PackWriter, Placed, Scratch, SealedObject, UnsyncedPack, encode_small};

use super::batch::{Read1, Taken, Work};
use super::events::{delivered_again, received};
use super::known::{Held, KnownItem, held_objects};
use crate::centre::Centre;
use crate::commit::{Draft, Ready};
use crate::cores::on_all_cores_mut;
use crate::error::Result;
use crate::event::NumberedKey;
use crate::project::{Filters, ItemState, ObjectAt, ObjectPlace, digest_tag};
use crate::sql::Session;

/// Packs of small objects are closed at about this size.
const PACK: u64 = 16 << 20;

/// What all events of an intake share.
#[derive(Clone)]
pub struct Common {
    /// The originator's code.
    pub member: MemberCode,
    /// Its number.
    pub member_no: i64,
    /// The case's code.
    pub case: String,
    /// The intake's number.
    pub intake: u32,
    /// The event id of the act.
    pub act: String,
    /// Who acts.
    pub actor: String,
    /// Handling code.
    pub handling: Option<String>,
    /// The source, in words.
    pub source: String,
    /// What was stated about the collection.
    pub collected: Option<Value>,
    /// Key of the case's scope.
    pub scope: NumberedKey,
    /// Index key of the member's scope: finds equal contents.
    pub member_index: [u8; 32],
}

/// What only one entry has: how the deliverer's list and provenance speak of it.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The field `listed`.
    pub listed: Option<Value>,
    /// The field `provenance`.
    pub provenance: Option<Value>,
}

/// A batch ready to be committed.
pub struct Prepared {
    /// The events of its new items, in order.
    pub items: Vec<Ready>,
    /// The events of items that are there already.
    pub again: Vec<Draft>,
    /// The packs that must be durable before.
    pub packs: Vec<UnsyncedPack>,
    /// What happened to each entry, for the counts.
    pub ends: Vec<End>,
}

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A new item, of this size.
    New(ItemState, u64),
    /// There already, of this size.
    Again(u64),
    /// Recorded by an interrupted run.
    Resumed,
}

/// Where an item's bytes come from.
pub(super) enum Bytes {
    None,
    /// Held by the member already, before this batch.
    Held(Held, [u8; 32]),
    /// Brought by the batch before.
    UnderWay(UnderWay),
    /// New, the bytes of another entry of this batch (by its index among the new), or its own.
    Same(usize),
    Small,
    Large(Placed, ObjectId, [u8; 32]),
}

/// An item that is being made.
pub(super) struct NewItem<'a> {
    pub(super) work: &'a Work<'a>,
    pub(super) said: &'a Said,
    pub(super) read: &'a Read1,
    pub(super) hashes: Option<&'a Hashes>,
    pub(super) bytes: Bytes,
    pub(super) chain: ChainId,
    pub(super) secret: Secret,
    pub(super) key: u64,
    pub(super) object: ObjectId,
    pub(super) number: u32,
}

/// What one batch hands on to the next.
#[derive(Default)]
pub struct Sealing {
    /// The first free number of the intake.
    next_number: u32,
    /// The objects that the batch before brought, by the tag of their content: it may not be in the tables yet.
    under_way: HashMap<[u8; 16], UnderWay>,
    /// Where the tags of what is held may be found.
    filters: Filters,
}

impl Sealing {
    /// Numbers begin at `next_number`.
    pub fn from(next_number: u32) -> Sealing {
        Sealing {
            next_number,
            ..Sealing::default()
        }
    }
}

/// An object that is sealed and not yet known to be in the tables.
#[derive(Clone, Copy)]
pub(super) struct UnderWay {
    object: ObjectId,
    data_key: [u8; 32],
    sealed_size: u64,
    sealed_sha256: [u8; 32],
}

/// Decides, seals and writes the events of a batch that has been read.
pub fn prepare(
    centre: &Centre,
    session: &mut Session,
    common: &Common,
    works: &[Work<'_>],
    said: &[Said],
    mut reads: Vec<Read1>,
    sealing: &mut Sealing,
) -> Result<Prepared> {
    let tags: Vec<Option<[u8; 16]>> = reads
        .iter()
        .map(|r| hashes_of(r).map(|h| digest_tag(&common.member_index, &h.sha256.0)))
        .collect();
    let held = held_objects(session, &mut sealing.filters, common.member_no, &tags)?;
    let is_held = |tag: &[u8; 16]| held.contains_key(tag) || sealing.under_way.contains_key(tag);
    let (mut packs, large) = take_large(&mut reads, &tags, is_held);
    let mut taken: Vec<Taken> = reads.iter_mut().map(Read1::take).collect();
    let mut parts = Vec::with_capacity(works.len());
    let mut ends = Vec::with_capacity(works.len());
    let mut again = Vec::new();
    let mut items: Vec<NewItem<'_>> = Vec::new();
    let mut in_batch: HashMap<[u8; 16], usize> = HashMap::new();
    for (i, (work, read)) in works.iter().zip(&reads).enumerate() {
        let hashes = hashes_of(read);
        if matches!(read, Read1::Done) {
            ends.push(End::Resumed);
            continue;
        }
        let tag = tags[i];
        let found = tag.and_then(|t| held.get(&t));
        if let (Some(known), Some(found)) = (&work.known, found)
            && known.state == ItemState::Sealed
            && known.object == Some(found.no)
        {
            ends.push(End::Again(hashes.map_or(0, |h| h.size)));
            again.push((known.clone(), &said[i]));
            continue;
        }
        if let Some(known) = &work.known
            && same_without_bytes(centre, known, read)?
        {
            ends.push(End::Again(0));
            again.push((known.clone(), &said[i]));
            continue;
        }
        let under_way = tag.and_then(|t| sealing.under_way.get(&t));
        let bytes = match (tag, found, under_way) {
            (Some(_), Some(found), _) => Bytes::Held(*found, found.data_key(centre)?),
            (Some(_), None, Some(under_way)) => Bytes::UnderWay(*under_way),
            (Some(tag), None, None) => match in_batch.get(&tag) {
                Some(same) => Bytes::Same(*same),
                None => {
                    in_batch.insert(tag, items.len());
                    match large.get(&i) {
                        Some((placed, object, key)) => Bytes::Large(*placed, *object, *key),
                        None => Bytes::Small,
                    }
                }
            },
            (None, ..) => Bytes::None,
        };
        let mut part = std::mem::take(&mut taken[i]);
        if !matches!(bytes, Bytes::Small) {
            part.data = None;
        }
        parts.push(part);
        let number = sealing.next_number + items.len() as u32;
        ends.push(End::New(state_of(read), hashes.map_or(0, |h| h.size)));
        items.push(new_item(
            centre, work, &said[i], read, hashes, bytes, number,
        ));
    }
    share_data_keys(&mut items);
    add_keys(centre, common, &mut items)?;
    let time = centre.now();
    let sealed = seal_all(centre, common, &items, parts, &time)?;
    sealing.next_number += items.len() as u32;
    sealing.under_way = in_batch
        .into_iter()
        .filter_map(|(tag, i)| {
            let (sealed_size, sealed_sha256) = sealed[i].object_is?;
            let under_way = UnderWay {
                object: items[i].object,
                data_key: items[i].secret.second,
                sealed_size,
                sealed_sha256,
            };
            Some((tag, under_way))
        })
        .collect();
    Ok(Prepared {
        items: write_packs(centre, common, &items, sealed, &mut packs)?,
        again: again
            .iter()
            .map(|(known, said)| delivered_again(centre, common, known, said, &time))
            .collect::<Result<_>>()?,
        packs,
        ends,
    })
}

/// The digests of what was read.
pub fn hashes_of(read: &Read1) -> Option<&Hashes> {
    match read {
        Read1::Small { hashes, .. } => Some(hashes.as_ref()),
        Read1::Large(large) => Some(&large.hashes),
        _ => None,
    }
}

pub(super) fn state_of(read: &Read1) -> ItemState {
    match read {
        Read1::Without { state, .. } => *state,
        _ => ItemState::Sealed,
    }
}

/// Whether what has no bytes is there already as it is: a link to the same place, the same kind of thing refused.
fn same_without_bytes(centre: &Centre, known: &KnownItem, read: &Read1) -> Result<bool> {
    let Read1::Without {
        state,
        reason,
        link,
        ..
    } = read
    else {
        return Ok(false);
    };
    if known.state != *state || !matches!(state, ItemState::Link | ItemState::Refused) {
        return Ok(false);
    }
    let event = centre.read_event(known.first)?;
    Ok(event.text("link") == link.as_deref().map(shown).as_deref()
        && event.text("reason") == reason.as_deref())
}

type LargePlaces = HashMap<usize, (Placed, ObjectId, [u8; 32])>;

/// Takes the packs of large files out of what was read. A pack whose bytes are held already is dropped, which leaves nothing.
fn take_large(
    reads: &mut [Read1],
    tags: &[Option<[u8; 16]>],
    is_held: impl Fn(&[u8; 16]) -> bool,
) -> (Vec<UnsyncedPack>, LargePlaces) {
    let (mut packs, mut places) = (Vec::new(), HashMap::new());
    let mut seen: HashSet<[u8; 16]> = HashSet::new();
    for (i, (read, tag)) in reads.iter_mut().zip(tags).enumerate() {
        let (Read1::Large(large), Some(tag)) = (read, tag) else {
            continue;
        };
        if let (false, true, Some(pack)) = (
            is_held(tag),
            seen.insert(*tag),
            large.pack.get_mut().ok().and_then(Option::take),
        ) {
            places.insert(i, (large.placed, large.object, large.data_key));
            packs.push(pack);
        }
    }
    (packs, places)
}

fn new_item<'a>(
    centre: &Centre,
    work: &'a Work<'a>,
    said: &'a Said,
    read: &'a Read1,
    hashes: Option<&'a Hashes>,
    bytes: Bytes,
    number: u32,
) -> NewItem<'a> {
    let mut secret = Secret::random(&*centre.ambient.random);
    let ids: [u8; 32] = centre.ambient.bytes();
    let (chain, object) = ids.split_at(16);
    let chain = ChainId(chain.try_into().unwrap_or_default());
    let mut object = ObjectId(object.try_into().unwrap_or_default());
    match &bytes {
        Bytes::None => secret.second = [0; 32],
        Bytes::Held(held, key) => (secret.second, object) = (*key, ObjectId(held.id)),
        Bytes::UnderWay(of) => (secret.second, object) = (of.data_key, of.object),
        Bytes::Large(_, id, key) => (secret.second, object) = (*key, *id),
        Bytes::Small | Bytes::Same(_) => {}
    }
    NewItem {
        work,
        said,
        read,
        hashes,
        bytes,
        chain,
        secret,
        key: 0,
        object,
        number,
    }
}

/// Items of one batch with the same bytes share object and data key.
fn share_data_keys(items: &mut [NewItem<'_>]) {
    for i in 0..items.len() {
        if let Bytes::Same(other) = items[i].bytes {
            (items[i].secret.second, items[i].object) =
                (items[other].secret.second, items[other].object);
        }
    }
}

/// One durable write of all item keys: before the events that need them.
fn add_keys(centre: &Centre, common: &Common, items: &mut [NewItem<'_>]) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let keys: Vec<NewKey> = items
        .iter()
        .map(|i| NewKey {
            kind: Kind::Item,
            parent: common.scope.number,
            subject: i.chain.0,
            secret: i.secret.clone(),
        })
        .collect();
    let range = centre.keys.add_many(&keys)?;
    for (item, number) in items.iter_mut().zip(range) {
        item.key = number;
    }
    Ok(())
}

struct Sealed {
    object: Option<SealedObject>,
    /// Length and digest of the sealed bytes of the item's object.
    object_is: Option<(u64, [u8; 32])>,
    event: Ready,
}

/// Compresses and seals each object and then its event, which names it. An item with the bytes of another names the
/// other's object, and comes after it. A file's bytes are let go as soon as they are sealed.
fn seal_all(
    centre: &Centre,
    common: &Common,
    items: &[NewItem<'_>],
    parts: Vec<Taken>,
    time: &str,
) -> Result<Vec<Sealed>> {
    let mut parts: Vec<(usize, Taken)> = parts.into_iter().enumerate().collect();
    let seal = |item: &NewItem<'_>, part: Taken, scratch: &mut Scratch| {
        let object = part.data.map(|data| {
            let key = Key::new(item.secret.second);
            encode_small(&data, &key, item.object, centre.ambient.bytes(), scratch)
        });
        let object_is = match (&item.bytes, &object) {
            (Bytes::Held(held, _), _) => Some((held.sealed_size, held.sealed_sha256)),
            (Bytes::UnderWay(of), _) => Some((of.sealed_size, of.sealed_sha256)),
            (Bytes::Large(placed, ..), _) => Some((placed.len, placed.sha256.0)),
            (_, Some(object)) => Some((object.bytes.len() as u64, object.sha256.0)),
            _ => None,
        };
        Ok(Sealed {
            event: received(centre, common, item, part.file, object_is, time)?,
            object,
            object_is,
        })
    };
    let sealed: Vec<Result<Option<Sealed>>> = on_all_cores_mut(
        &mut parts,
        Scratch::new,
        |scratch, (i, part)| match &items[*i].bytes {
            Bytes::Same(_) => Ok(None),
            _ => seal(&items[*i], std::mem::take(part), scratch).map(Some),
        },
    );
    let mut sealed = sealed.into_iter().collect::<Result<Vec<_>>>()?;
    for (i, item) in items.iter().enumerate() {
        if let Bytes::Same(other) = item.bytes {
            let object_is = sealed[other].as_ref().and_then(|s| s.object_is);
            let file = parts[i].1.file.take();
            sealed[i] = Some(Sealed {
                event: received(centre, common, item, file, object_is, time)?,
                object: None,
                object_is,
            });
        }
    }
    Ok(sealed.into_iter().flatten().collect())
}

/// Writes the small objects into packs, in order, and tells each event where its object lies.
fn write_packs(
    centre: &Centre,
    common: &Common,
    items: &[NewItem<'_>],
    sealed: Vec<Sealed>,
    packs: &mut Vec<UnsyncedPack>,
) -> Result<Vec<Ready>> {
    let mut pack: Option<PackWriter> = None;
    let mut at: Vec<ObjectAt> = Vec::with_capacity(items.len());
    let mut events = Vec::with_capacity(items.len());
    for (item, sealed) in items.iter().zip(sealed) {
        let object = match (&item.bytes, &sealed.object) {
            (Bytes::Held(held, _), _) => ObjectAt::Held(held.no),
            (Bytes::UnderWay(_), _) => ObjectAt::JustBrought,
            (Bytes::Large(placed, ..), _) => placed_at(placed),
            (Bytes::Same(other), _) => at[*other],
            (_, Some(object)) => {
                let writer = match &mut pack {
                    Some(writer) => writer,
                    None => pack.insert(
                        centre
                            .vault
                            .pack(common.scope.number, centre.ambient.bytes::<16>())?,
                    ),
                };
                placed_at(&writer.add(object)?)
            }
            _ => ObjectAt::Unknown,
        };
        at.push(object);
        let mut event = sealed.event;
        event.draft.object = object;
        events.push(event);
        if let Some(full) = pack.take_if(|p| p.size() >= PACK) {
            packs.push(full.finish()?);
        }
    }
    if let Some(last) = pack {
        packs.push(last.finish()?);
    }
    Ok(events)
}

fn placed_at(placed: &Placed) -> ObjectAt {
    ObjectAt::Placed(ObjectPlace {
        pack: placed.pack.0,
        offset: placed.offset,
    })
}
