//! Every event opened: its body against its leaf, its chain, its object; in the full check its object's bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use comity_core::body::{Field, SealedBody};
use comity_core::digest::unhex;
use comity_core::finding::Finding;
use comity_core::id::ObjectId;
use comity_core::json::Value;
use comity_core::leaf::Leaf;
use comity_keyring::{Inspection, Secret};
use comity_ledger::{Batch, Tree};
use comity_seal::Key;
use comity_vault::{Also, Hasher, Hashes, PackId, ReadScratch};

use super::chains::{Bundles, Chains};
use super::mirror::Second;
use super::signatures::Signatures;
use super::successions::Successions;
use super::tables::Tables;
use super::two_persons::ActsOfTwo;
use super::{AbsentKeys, Depth, Report, Scene, need_key, sealed};
use crate::cores::{ahead, on_all_cores};
use crate::error::{AppError, Result};
use crate::intake_tree::IntakeTrees;
use crate::keychange::KINDS;
use crate::keys::Keys;
use crate::packs::Packs;
use crate::places::{Found, FoundObjects, Places};
use crate::reading::Pass;
use crate::rebuild::{Opened, chain_no, item_keys, opened};

/// Bundles that are opened at once; three such blocks are in memory at a time.
const BUNDLES: usize = 4;
/// Objects of fewer sealed bytes are read in one go.
const WHOLE: u64 = 5 << 20;

/// Everything that the passphrase makes visible.
pub fn check(
    scene: &Scene<'_>,
    keys: &Keys,
    tree: &Tree,
    inspection: &Inspection,
    depth: Depth,
    second: &mut Option<Second<'_>>,
    report: &mut Report,
) -> Result<OpenedKeys> {
    let mut tables = Tables::begin(scene, keys, tree, report)?;
    let places = places(scene, tables.packs_in_work(), report)?;
    let packs = Packs::new(&scene.vault);
    let (mut chains, mut told, mut met) = (Chains::default(), BTreeSet::new(), 0u64);
    let mut absent = AbsentKeys::default();
    let mut epoch = 1;
    let mut locks = Locks::default();
    let mut signatures = Signatures::default();
    let mut two = ActsOfTwo::default();
    let mut successions = Successions::default();
    let mut intakes = IntakeTrees::default();
    let mut locked = BTreeMap::<u64, u64>::new();
    let mut unlike: Vec<(String, &'static str, String)> = Vec::new();
    let size = tree.size();
    let mut bundles = Bundles::of(tree);
    let mut opened_keys = OpenedKeys::default();
    let look = || {
        let (mut block, mut is_lost) = (Vec::<Batch>::with_capacity(BUNDLES), false);
        for batch in bundles.by_ref().take(BUNDLES) {
            match batch? {
                Some(batch) => block.push(batch),
                None => {
                    is_lost = true;
                    break;
                }
            }
        }
        let stored: Vec<_> = block.iter().flat_map(Batch::iter).collect();
        let items = item_keys(keys, &stored)?;
        items.opened().for_each(|number| opened_keys.add(number));
        let events = on_all_cores(
            &stored,
            || (),
            |(), _, s| {
                opened(keys, &items, s, Some(&scene.config.origin)).map_err(|e| match e {
                    AppError::Locked { number, .. } => Closed::Locked(number),
                    e => Closed::Wrong(Finding::new(
                        format!("event {} of the ledger", s.index),
                        e.to_string(),
                    )),
                })
            },
        );
        let of_events = events.iter().flatten().filter_map(Opened::object);
        let found = places.find(of_events)?;
        let bytes = on_all_cores(&events, ReadScratch::default, |scratch, _, event| {
            let event = event.as_ref().ok()?;
            object_of(event, &found, depth, &packs, second.as_ref(), scratch)
        });
        let seen: Vec<_> = events.into_iter().zip(bytes).collect();
        Ok((!block.is_empty() || is_lost).then_some((block, seen, found, is_lost)))
    };
    ahead(look, |(block, seen, found, is_lost)| {
        for (record, (answer, bytes)) in block.iter().flat_map(Batch::iter).zip(seen) {
            if let Ok(body) = SealedBody::parse(record.body) {
                absent.meet(inspection, body.content_key);
            }
            match answer {
                Ok(event) => {
                    let leaf = &event.event.leaf;
                    let broken = chains.follow(event.event.index, leaf, &event.event.hash);
                    if broken.is_some() {
                        // The tables know each chain by when it began.
                        tables.give_up();
                    }
                    report.findings.extend(broken);
                    let number = chains.number(&leaf.chain).filter(|_| leaf.n > 0);
                    need_key(inspection, event.event.custody_key, report, &mut told);
                    epoch = epoch.max(epoch_told(&event.fields));
                    locks.meet(&event);
                    report.findings.extend(signatures.meet(&event));
                    report.findings.extend(successions.meet(&event));
                    report
                        .findings
                        .extend(two.meet(&event, successions.chain()));
                    report.findings.extend(intakes.meet(
                        event.event.index,
                        event.event.leaf.chain,
                        event.event.hash,
                        &event.fields,
                    ));
                    if let Some(bytes) = bytes {
                        unlike.extend(bytes.mirror);
                        report.findings.extend(bytes.findings);
                        if bytes.absent {
                            tables.give_up();
                        }
                        report.items_read += u64::from(bytes.read.is_some());
                        report.bytes_read += bytes.read.unwrap_or(0);
                    }
                    tables.take(keys, &found, number.map(chain_no), event)?;
                }
                Err(closed) => {
                    tables.give_up();
                    two.gap();
                    intakes.gap();
                    match closed {
                        Closed::Wrong(finding) => {
                            successions.gap();
                            report.findings.push(finding);
                        }
                        // No desk locks what the centre's own events say.
                        Closed::Locked(number) => *locked.entry(number).or_default() += 1,
                    }
                    // The body is hurt; the leaf may be whole, and its chain goes on.
                    if let Ok(leaf) = Leaf::parse(record.entry) {
                        report
                            .findings
                            .extend(chains.follow(record.index, &leaf, &record.hash));
                    }
                }
            }
            met += 1;
        }
        if is_lost {
            chains.gap();
            two.gap();
            successions.gap();
            intakes.gap();
            tables.give_up();
        }
        (scene.watch)("events", met, size);
        Ok(())
    })?;
    if let Some(second) = second {
        for (pack, what, ern) in unlike {
            second.meet(pack, what, ern);
        }
        second.tell(report);
    }
    absent.tell(report);
    report.findings.extend(two.end());
    report.findings.extend(successions.end(scene, size)?);
    for (number, events) in locked {
        let who = locks.member_of(keys, number);
        report.notes.push(format!("{events} events wait for {who}: their leaves and chains were checked, and not what they say; bring its key with --desk-key. The tables were not compared."));
    }
    let present = u64::from(keys.ring().epoch());
    if epoch > present {
        report.findings.push(Finding::new("keyring", format!("the ledger tells of its epoch {epoch} and it is of epoch {present}: an older copy was put in place")));
    }
    if met < size {
        tables.give_up();
        if depth == Depth::Full {
            // Whose objects these are cannot be seen; that they are whole can.
            sealed::packs(scene, report)?;
        }
    }
    tables.end(scene, tree, report)?;
    Ok(opened_keys)
}

/// Keys that opened while events were read: a bit for each.
#[derive(Default)]
pub struct OpenedKeys(Vec<u64>);

impl OpenedKeys {
    fn add(&mut self, number: u64) {
        let word = usize::try_from(number / 64).unwrap_or(usize::MAX);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// Whether this key is among them.
    pub fn has(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok();
        let word = word.and_then(|word| self.0.get(word));
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

/// Why an event was not opened.
enum Closed {
    Wrong(Finding),
    /// It waits for the desk that locked this key.
    Locked(u64),
}

/// The members by their chains, to say whose desk a locked key waits for.
#[derive(Default)]
struct Locks(HashMap<[u8; 16], String>);

impl Locks {
    fn meet(&mut self, event: &Opened) {
        if text(&event.fields, "kind") == Some("member_registered")
            && let Some(member) = text(&event.fields, "member")
        {
            self.0.insert(event.event.leaf.chain.0, member.to_owned());
        }
    }

    fn member_of(&self, keys: &Keys, number: u64) -> String {
        let info = keys.ring().slot_info(number).ok();
        match info.and_then(|info| self.0.get(&info.subject)) {
            Some(member) => format!("the desk of {member}"),
            None => format!("the desk that locked key {number}"),
        }
    }
}

/// The epoch of the keyring that an event tells of; 0 where it tells of none.
fn epoch_told(fields: &[Field]) -> u64 {
    match text(fields, "kind") {
        Some(kind) if KINDS.contains(&kind) => {
            let epoch = fields.iter().find(|f| f.name == "epoch");
            epoch.and_then(|f| f.value.as_u64()).unwrap_or(0)
        }
        _ => 0,
    }
}

/// Where the objects of the vault lie. A pack whose index is damaged is a finding.
fn places<'a>(
    scene: &'a Scene<'_>,
    in_work: &HashSet<PackId>,
    report: &mut Report,
) -> Result<Places<'a>> {
    let files = scene.vault.packs()?;
    report.packs = files.len() as u64;
    let places = Places::of(&scene.vault, files, in_work, |file, wrong| {
        let Some(wrong) = wrong else {
            let what = "this file is no pack";
            return report.findings.push(Finding::new(&file.name, what));
        };
        // The keyless check of this one pack says which of its objects are hurt.
        match scene.vault.check_pack(&file.name) {
            Ok(found) if !found.is_empty() => {
                let found = found.into_iter().map(Finding::from);
                report.findings.extend(found);
            }
            _ => {
                let what = wrong.to_string();
                report.findings.push(Finding::new(&file.name, what));
            }
        }
    });
    Ok(places)
}

/// What the check of one event's object said.
#[derive(Default)]
struct ObjectCheck {
    findings: Vec<Finding>,
    read: Option<u64>,
    /// The vault does not have it: the tables say where it lay, and nothing else does.
    absent: bool,
    /// What the mirror lacks or has otherwise: of which pack, what, and of which item.
    mirror: Option<(String, &'static str, String)>,
}

pub(super) fn text<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|f| f.name == name)
        .and_then(|f| f.value.as_str())
}

fn object_of(
    event: &Opened,
    objects: &FoundObjects,
    depth: Depth,
    packs: &Packs<'_>,
    second: Option<&Second<'_>>,
    scratch: &mut ReadScratch,
) -> Option<ObjectCheck> {
    let object = event
        .fields
        .iter()
        .find(|f| f.name == "object")
        .map(|f| &f.value)?;
    let ern = text(&event.fields, "ern").unwrap_or("an item without a number");
    let ern = match text(&event.fields, "kind") {
        Some(kind) if Pass::of_event(kind).is_some() => format!("the derivative of {ern}"),
        Some("list_imported") => match text(&event.fields, "list") {
            Some(list) => format!("list {list}"),
            None => "a list without a number".to_owned(),
        },
        _ => ern.to_owned(),
    };
    let part = |name: &str| object.get(name).and_then(Value::as_str).and_then(unhex);
    let Some(id) = part("id")
        .and_then(|b| <[u8; 16]>::try_from(b).ok())
        .map(ObjectId)
    else {
        let what = "its event names no object";
        return Some(ObjectCheck {
            findings: vec![Finding::new(ern, what)],
            ..ObjectCheck::default()
        });
    };
    let (len, digest) = (
        object.get("sealed_size").and_then(Value::as_u64),
        part("sealed_sha256"),
    );
    let fault = second.and_then(|second| second.fault(&id, len, digest.as_deref()));
    let pack = |held: &Found| PackId(held.place.pack).name();
    let mirror = fault.map(|what| {
        let pack = objects.get(&id).map_or_else(String::new, pack);
        (pack, what, ern.clone())
    });
    // Where the first store fails, it matters whether the mirror does not.
    let elsewhere = match (second, fault) {
        (Some(_), None) => {
            "; the mirror holds it as recorded, and `comity vault repair` mends it from there"
        }
        _ => "",
    };
    let finding = |what: String| ObjectCheck {
        findings: vec![Finding::new(ern.clone(), format!("{what}{elsewhere}"))],
        mirror: mirror.clone(),
        ..ObjectCheck::default()
    };
    let Some(held) = objects.get(&id) else {
        let check = finding("the vault does not hold its bytes".to_owned());
        return Some(ObjectCheck {
            absent: true,
            ..check
        });
    };
    if digest.as_deref() != Some(held.sha256.as_bytes()) || len != Some(held.len) {
        return Some(finding(format!(
            "{} holds other sealed bytes for it than its event says",
            PackId(held.place.pack).name()
        )));
    }
    if depth < Depth::Full {
        return mirror.is_some().then(|| ObjectCheck {
            mirror,
            ..ObjectCheck::default()
        });
    }
    Some(
        match read_back(
            event.secret.as_ref(),
            &event.fields,
            &id,
            held,
            packs,
            scratch,
        ) {
            Ok(read) => ObjectCheck {
                read: Some(read),
                mirror,
                ..ObjectCheck::default()
            },
            Err(what) => finding(what),
        },
    )
}

/// Reads an object and holds its bytes against the event's digests.
fn read_back(
    secret: Option<&Secret>,
    fields: &[Field],
    id: &ObjectId,
    held: &Found,
    packs: &Packs<'_>,
    scratch: &mut ReadScratch,
) -> std::result::Result<u64, String> {
    let secret = secret.ok_or("its key is gone")?;
    let pack = packs.get(held.place.pack).map_err(|e| e.to_string())?;
    // A derivative is sealed with the item's own key, the item's bytes with a data key.
    let key = Key::new(match text(fields, "kind") {
        Some(kind) if Pass::of_event(kind).is_some() => secret.first,
        _ => secret.second,
    });
    let small = match held.len < WHOLE {
        true => pack.read_small(held.place.offset, held.len, &key, *id, scratch),
        false => Ok(None),
    };
    let found = match small.map_err(|e| e.to_string())? {
        Some(bytes) => Hashes::of(bytes, Also::default()),
        None => {
            let reader = pack.object(held.place.offset, held.len, &key, *id);
            let mut hasher = Hasher::new(Also::default());
            reader
                .and_then(|reader| reader.copy_to(&mut Sink(&mut hasher)))
                .map_err(|e| e.to_string())?;
            hasher.finish()
        }
    };
    if text(fields, "sha256") != Some(found.sha256.to_string().as_str()) {
        return Err(format!(
            "its bytes have the SHA-256 {}, which is not the recorded one",
            found.sha256
        ));
    }
    if text(fields, "blake3") != Some(found.blake3.to_string().as_str()) {
        return Err(format!(
            "its bytes have the BLAKE3 {}, which is not the recorded one",
            found.blake3
        ));
    }
    Ok(found.size)
}

struct Sink<'a>(&'a mut Hasher);

impl std::io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
