//! A small centre in memory: a log that grows, and the packages, receipts and exported logs that
//! are made from it by the writers of `comity_core::package`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use comity_core::body::{Body, CustodySection, Field, OpenField, Seeds};
use comity_core::checkpoint::{Checkpoint, LogKeys, LogSigner};
use comity_core::json::{Value, json};
use comity_core::leaf::{Leaf, leaf_hash};
use comity_core::merkle::{Frontier, consistency_proof, full_subtree_root, inclusion_proof};
use comity_core::package::bag::{self, ManifestWriter};
use comity_core::package::{
    ActLines, Consistency, Difference, DifferenceLine, Differences, ItemBytes, ItemLine,
    PackageHead, RECEIPT_SUMS, ReceiptHead, act_extra, event_line, manifest_line, needed_tiles,
    payload_path,
};
use comity_core::proof::TlogProof;
use comity_core::tile::{TileId, entries_path};
use comity_core::{ChainId, Digest, Ern};

pub use crate::run::*;

pub const ORIGIN: &str = "comity.example/log";
pub const TIME_SECS: u64 = 1_795_516_867;

/// An event that was recorded.
#[derive(Clone)]
pub struct Event {
    pub index: u64,
    pub leaf: String,
    pub fields: Vec<OpenField>,
    pub hash: Digest,
    pub n: u64,
}

impl Event {
    /// The same with nothing opened.
    pub fn withheld(&self) -> Event {
        let mut event = self.clone();
        for field in &mut event.fields {
            field.salt = None;
            field.value = None;
        }
        event
    }

    /// The same without what is never opened.
    pub fn without(&self, name: &str) -> Event {
        let mut event = self.clone();
        for field in event.fields.iter_mut().filter(|field| field.name == name) {
            field.salt = None;
            field.value = None;
        }
        event
    }
}

/// A log whose tiles can be told for any size.
pub struct Log {
    pub signer: LogSigner,
    /// What the key file says; the signer's keys, unless a test says otherwise.
    pub keys: LogKeys,
    pub entries: Vec<Vec<u8>>,
    hashes: Vec<Digest>,
}

impl Log {
    pub fn new(seed: u8) -> Log {
        let signer = LogSigner::new(ORIGIN, &[seed; 32], &[seed + 1; 32]).unwrap();
        Log {
            keys: signer.keys().clone(),
            signer,
            entries: Vec::new(),
            hashes: Vec::new(),
        }
    }

    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn root(&self, size: u64) -> Digest {
        let mut frontier = Frontier::new();
        self.hashes[..size as usize]
            .iter()
            .for_each(|hash| frontier.push(*hash));
        frontier.root()
    }

    pub fn append(&mut self, entry: Vec<u8>) -> u64 {
        self.hashes.push(leaf_hash(&entry));
        self.entries.push(entry);
        self.size() - 1
    }

    pub fn checkpoint(&self, size: u64) -> Vec<u8> {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root: self.root(size),
        };
        self.signer.sign(&checkpoint, TIME_SECS + size).unwrap()
    }

    /// The bytes of a tile; levels above the first are worked out anew each time.
    pub fn tile(&self, tile: TileId) -> Vec<u8> {
        let mut row = self.hashes.clone();
        for _ in 0..tile.level {
            row = row
                .as_chunks::<256>()
                .0
                .iter()
                .map(|chunk| full_subtree_root(chunk).unwrap())
                .collect();
        }
        let first = tile.index as usize * 256;
        row[first..first + usize::from(tile.width)]
            .iter()
            .flat_map(|hash| hash.0)
            .collect()
    }

    pub fn tiles(&self, tiles: &[TileId]) -> Result<Vec<Vec<u8>>, ()> {
        Ok(tiles.iter().map(|tile| self.tile(*tile)).collect())
    }

    /// Writes the tree as `comity ledger export` does.
    pub fn export(&self, folder: &Path, size: u64) {
        write(folder, "checkpoint", &self.checkpoint(size));
        write(folder, "keys", self.keys.to_file().as_bytes());
        for (bundle, entries) in self.entries[..size as usize].chunks(256).enumerate() {
            let mut bytes = Vec::new();
            for entry in entries {
                bytes.extend_from_slice(&(entry.len() as u16).to_be_bytes());
                bytes.extend_from_slice(entry);
            }
            write(
                folder,
                &entries_path(bundle as u64, entries.len() as u16),
                &bytes,
            );
        }
        let all: Vec<u64> = (0..size).collect();
        for tile in needed_tiles(&all, size) {
            write(folder, &tile.path(), &self.tile(tile));
        }
    }
}

/// A centre: a log, and what was recorded of each chain.
pub struct Centre {
    pub log: Log,
    chains: BTreeMap<ChainId, (u64, Digest)>,
    counter: u64,
}

impl Centre {
    pub fn new() -> Centre {
        Centre {
            log: Log::new(1),
            chains: BTreeMap::new(),
            counter: 0,
        }
    }

    fn random(&mut self) -> [u8; 32] {
        self.counter += 1;
        Digest::of(&self.counter.to_be_bytes()).0
    }

    pub fn chain(&mut self) -> ChainId {
        let random = self.random();
        ChainId(random[..16].try_into().unwrap())
    }

    /// The fields of the event that [`Centre::record`] would make of these.
    pub fn fields_of(&mut self, kind: &str, fields: Vec<Field>) -> Vec<OpenField> {
        let counter = self.counter;
        let (_, fields) = self.body(kind, fields);
        self.counter = counter;
        fields
    }

    fn body(&mut self, kind: &str, fields: Vec<Field>) -> (Digest, Vec<OpenField>) {
        let event = comity_core::hex(&self.random()[..16]);
        let time = format!("2026-11-24T10:41:07.{:06}Z", self.counter % 1_000_000);
        let mut all = vec![
            Field::custody("kind", kind),
            Field::custody("event", event),
            Field::custody("time", time),
            Field::custody("actor", "UKR-P0001"),
            Field::custody("auth", "stated"),
        ];
        all.extend(fields);
        let seeds = Seeds {
            custody: self.random(),
            content: self.random(),
        };
        let encoded = Body { seeds, fields: all }.encode().unwrap();
        let custody = CustodySection::parse(&encoded.custody).unwrap();
        let fields = custody.open(encoded.content.as_deref()).unwrap();
        (encoded.commitment, fields)
    }

    /// Records an event with the five custody fields that every event has and `fields`.
    pub fn record(&mut self, chain: ChainId, kind: &str, fields: Vec<Field>) -> Event {
        let (body, fields) = self.body(kind, fields);
        let (n, prev) = match self.chains.get(&chain) {
            Some((n, hash)) => (n + 1, Some(*hash)),
            None => (0, None),
        };
        let leaf = Leaf {
            chain,
            n,
            prev,
            body,
        }
        .encode();
        let hash = leaf_hash(&leaf);
        self.chains.insert(chain, (n, hash));
        let index = self.log.append(leaf.clone());
        Event {
            index,
            leaf: String::from_utf8(leaf).unwrap(),
            fields,
            hash,
            n,
        }
    }

    /// Makes the next event of a chain name another one before it, as only the keeper of a log
    /// could.
    pub fn break_chain(&mut self, chain: ChainId) {
        let hash = Digest(self.random());
        self.chains.entry(chain).and_modify(|last| last.1 = hash);
    }

    /// Swaps two leaves of the log, as only its keeper could before it was signed.
    pub fn swap(&mut self, a: &mut Event, b: &mut Event) {
        self.log.entries.swap(a.index as usize, b.index as usize);
        self.log.hashes.swap(a.index as usize, b.index as usize);
        std::mem::swap(&mut a.index, &mut b.index);
    }

    /// Leaves of other subjects.
    pub fn fill(&mut self, count: usize) {
        for _ in 0..count {
            let chain = self.chain();
            self.record(chain, "centre_created", vec![Field::content("name", "x")]);
        }
    }
}

/// An exhibit, its events, and its bytes if it has any.
#[derive(Clone)]
pub struct Item {
    pub ern: Ern,
    pub chain: ChainId,
    pub path: String,
    pub bytes: Option<Vec<u8>>,
    pub state: &'static str,
    pub events: Vec<Event>,
    /// Where it stands in the trees of its intakes.
    pub places: Option<Vec<Option<u64>>>,
}

impl Item {
    pub fn file(&self) -> Option<String> {
        self.bytes
            .as_ref()
            .map(|_| payload_path(self.ern, &self.path))
    }

    pub fn line(&self) -> ItemLine {
        ItemLine {
            ern: self.ern,
            chain: self.chain,
            events: self.events.len() as u64,
            last: self.events.last().unwrap().hash,
            bytes: match self.file() {
                Some(file) => ItemBytes::File(file),
                None => ItemBytes::Without(self.state.to_owned()),
            },
            intakes: self.places.clone(),
            path: Some(self.path.clone()),
            size_bytes: self.bytes.as_ref().map(|bytes| bytes.len() as u64),
            sha256: self.bytes.as_ref().map(|bytes| Digest::of(bytes)),
        }
    }
}

pub fn receive(
    centre: &mut Centre,
    number: u32,
    path: &str,
    bytes: Option<&[u8]>,
    state: &'static str,
) -> Item {
    receive_by(centre, &"00".repeat(16), number, path, bytes, state)
}

/// As [`receive`], by the intake that the event `act` opened.
pub fn receive_by(
    centre: &mut Centre,
    act: &str,
    number: u32,
    path: &str,
    bytes: Option<&[u8]>,
    state: &'static str,
) -> Item {
    let ern = Ern::new("UKR".parse().unwrap(), 123, number).unwrap();
    let chain = centre.chain();
    let mut fields = vec![
        Field::custody("act", act),
        Field::custody("member", "UKR"),
        Field::custody("case", "C0001"),
        Field::custody("ern", ern.to_string()),
        Field::custody("state", state),
        Field::content("source", "Поліція"),
        Field::content("path", path),
    ];
    if let Some(bytes) = bytes {
        fields.push(Field::content("size", bytes.len() as u64));
        fields.push(Field::content("sha256", Digest::of(bytes).to_string()));
        fields.push(Field::content(
            "object",
            json!({"id": "ab", "sealed_size": 7}),
        ));
    } else {
        fields.push(Field::content("reason", "it is not a file"));
    }
    let event = centre.record(chain, "received", fields).without("object");
    let bytes = bytes.map(<[u8]>::to_vec);
    Item {
        ern,
        chain,
        path: path.to_owned(),
        bytes,
        state,
        events: vec![event],
        places: None,
    }
}

/// A package on disk and what it was made from.
pub struct Made {
    pub centre: Centre,
    pub items: Vec<Item>,
    pub size_a: u64,
    pub folder: PathBuf,
    pub keys: PathBuf,
    pub tree: PathBuf,
}

/// Six exhibits in a log of more than one tile, disclosed and recorded.
pub fn made(root: &Path) -> Made {
    made_after(root, 250)
}

/// The same exhibits in a log that had this many leaves before.
pub fn made_after(root: &Path, leaves: usize) -> Made {
    let mut centre = Centre::new();
    centre.fill(leaves);
    let mut items = vec![
        receive(
            &mut centre,
            1,
            "тека/лист №1.txt",
            Some("Перший лист".as_bytes()),
            "sealed",
        ),
        receive(
            &mut centre,
            2,
            "mail/\"second\"\n.EML",
            Some(b"Second letter"),
            "sealed",
        ),
        receive(&mut centre, 3, "empty", Some(b""), "sealed"),
        receive(&mut centre, 4, "link", None, "link"),
        receive(&mut centre, 5, "secret.pdf", None, "unreadable"),
    ];
    centre.fill(40);
    let big = vec![7; 3_000];
    items.push(receive(&mut centre, 6, "photo.JPG", Some(&big), "sealed"));
    for (item, purpose) in [(0, "translation"), (1, "review"), (1, "trial")] {
        let fields = vec![
            Field::custody("ern", items[item].ern.to_string()),
            Field::custody("purpose", purpose),
        ];
        let event = centre.record(items[item].chain, "opened", fields);
        // The second letter's viewings are work product.
        items[item]
            .events
            .push(if item == 1 { event.withheld() } else { event });
    }
    disclose(root, centre, items)
}

pub fn disclose(root: &Path, centre: Centre, items: Vec<Item>) -> Made {
    disclose_with(root, centre, items, &More::default())
}

/// As [`disclose`], with more files in the package.
pub fn disclose_with(root: &Path, mut centre: Centre, items: Vec<Item>, more: &More) -> Made {
    let folder = root.join("NAME");
    let size_a = centre.log.size();
    write_package_with(&folder, &centre.log, &items, size_a, more);
    let tagmanifest = Digest::of(&fs::read(folder.join(bag::TAGMANIFEST)).unwrap());
    let disclosure = centre.chain();
    let act = centre.record(
        disclosure,
        "disclosed",
        vec![
            Field::custody("case", "C0001"),
            Field::custody("purpose", "trial"),
            Field::custody("recipient", "the court"),
            Field::content("tagmanifest_sha256", tagmanifest.to_string()),
            Field::content("exhibits", items.len() as u64),
            Field::content("checkpoint", json!({"size": size_a})),
        ],
    );
    for item in &items {
        let last = item.events.last().unwrap();
        let fields = vec![
            Field::custody("act", "00".repeat(16)),
            Field::custody("ern", item.ern.to_string()),
            Field::custody("purpose", "trial"),
            Field::content("last", json!({"leaf": last.hash.to_string(), "n": last.n})),
        ];
        centre.record(item.chain, "disclosed", fields);
    }
    let size_b = centre.log.size();
    write_beside(&folder, &centre.log, &act, size_a, size_b);
    centre.fill(3);
    let tree = root.join("tree");
    centre.log.export(&tree, centre.log.size());
    let keys = root.join("keys-from-elsewhere");
    fs::write(&keys, centre.log.keys.to_file()).unwrap();
    Made {
        centre,
        items,
        size_a,

        folder,
        keys,
        tree,
    }
}

pub fn write_beside(folder: &Path, log: &Log, act: &Event, size_a: u64, size_b: u64) {
    let proof = TlogProof {
        extra: Some(
            act_extra(
                ActLines {
                    leaf: &act.leaf,
                    fields: &act.fields,
                },
                None,
            )
            .unwrap(),
        ),
        index: act.index,
        hashes: inclusion_proof(act.index, size_b, |tiles| log.tiles(tiles)).unwrap(),
        checkpoint: log.checkpoint(size_b),
    };
    let consistency = Consistency {
        hashes: consistency_proof(size_a, size_b, |tiles| log.tiles(tiles)).unwrap(),
        old: log.checkpoint(size_a),
        new: log.checkpoint(size_b),
    };
    fs::write(beside(folder, ".disclosure.tlog-proof"), proof.encode()).unwrap();
    fs::write(beside(folder, ".consistency"), consistency.encode()).unwrap();
}

pub fn beside(folder: &Path, ending: &str) -> PathBuf {
    let name = folder.file_name().unwrap().to_str().unwrap();
    folder.with_file_name(format!("{name}{ending}"))
}

/// Files of a package besides those that every package has, and the leaves that its tiles show for them.
#[derive(Clone, Default)]
pub struct More {
    pub files: Vec<(String, Vec<u8>)>,
    pub indices: Vec<u64>,
}

pub fn write_package(folder: &Path, log: &Log, items: &[Item], size: u64) {
    write_package_with(folder, log, items, size, &More::default());
}

pub fn write_package_with(folder: &Path, log: &Log, items: &[Item], size: u64, more: &More) {
    let mut events = String::new();
    let mut lines = String::new();
    let mut indices = Vec::new();
    for item in items {
        lines.push_str(&item.line().to_line());
        for event in &item.events {
            let why = Some("work product");
            events.push_str(&event_line(event.index, &event.leaf, &event.fields, why).unwrap());
            indices.push(event.index);
        }
        if let (Some(file), Some(bytes)) = (item.file(), &item.bytes) {
            write(folder, &file, bytes);
        }
    }
    let count = indices.len() as u64;
    indices.extend(&more.indices);
    for (name, bytes) in &more.files {
        write(folder, name, bytes);
    }
    write(folder, "comity/items.jsonl", lines.as_bytes());
    write(folder, "comity/events.jsonl", events.as_bytes());
    write(folder, "comity/keys", log.keys.to_file().as_bytes());
    write(folder, "comity/log/checkpoint", &log.checkpoint(size));
    for tile in needed_tiles(&indices, size) {
        write(
            folder,
            &format!("comity/log/{}", tile.path()),
            &log.tile(tile),
        );
    }
    write(
        folder,
        "comity/format/disclosure.md",
        b"# The disclosure package\n",
    );
    write(folder, "comity/case.jsonld", b"{}\n");
    write(folder, "index.html", b"<!doctype html>\n");
    let payload: Vec<&Vec<u8>> = items
        .iter()
        .filter_map(|item| item.bytes.as_ref())
        .collect();
    let head = PackageHead {
        centre: "The centre".to_owned(),
        origin: ORIGIN.to_owned(),
        case: "C0001".to_owned(),
        case_name: "Справа".to_owned(),
        purpose: "trial".to_owned(),
        recipient: Some("the court".to_owned()),
        exhibits: items.len() as u64,
        files: payload.len() as u64,
        bytes: payload.iter().map(|bytes| bytes.len() as u64).sum(),
        events: count,
        size,
        root: log.root(size),
        made_at: "2026-11-24T10:41:07.123456Z".to_owned(),
        made_by: "UKR-P0001".to_owned(),
        program: "comity 0.1.0".to_owned(),
    };
    write(folder, "comity/package.json", &head.to_bytes());
    seal_bag(folder);
}

/// Writes declaration, info and manifests for whatever is in the folder, as one does who wants to
/// hide a change.
pub fn seal_bag(folder: &Path) {
    let (mut bytes, mut count) = (0, 0);
    let (mut payload, mut tags) = (ManifestWriter::new(), ManifestWriter::new());
    for name in names(folder)
        .into_iter()
        .filter(|name| name.starts_with("data/"))
    {
        let data = fs::read(folder.join(&name)).unwrap();
        bytes += data.len() as u64;
        count += 1;
        payload.add(name, Digest::of(&data));
    }
    write(folder, "bagit.txt", bag::BAGIT_TXT.as_bytes());
    write(folder, bag::MANIFEST, &payload.finish());
    let info = bag::info(&[("Source-Organization", "The centre")], bytes, count);
    write(folder, bag::BAG_INFO, info.as_bytes());
    for name in names(folder) {
        if !name.starts_with("data/") && name != bag::TAGMANIFEST {
            let data = fs::read(folder.join(&name)).unwrap();
            tags.add(name, Digest::of(&data));
        }
    }
    write(folder, bag::TAGMANIFEST, &tags.finish());
}

/// A receipt for the intake of `items`, and for one thing more that was delivered again.
pub fn write_receipt(folder: &Path, centre: &mut Centre, items: &[Item]) -> Vec<Item> {
    let mut earlier = receive(centre, 9, "mail/again.txt", Some(b"again"), "sealed");
    let ern = Ern::new("UKR".parse().unwrap(), 7, 9).unwrap();
    earlier.ern = ern;
    let mut fields = earlier.events[0].fields.clone();
    let chain = centre.chain();
    let plain: Vec<Field> = fields
        .drain(5..)
        .filter(|field| field.value.is_some())
        .map(|field| Field {
            class: field.class,
            value: if field.name == "ern" {
                Value::from(ern.to_string())
            } else {
                field.value.unwrap()
            },
            name: field.name,
        })
        .collect();
    earlier.events = vec![centre.record(chain, "received", plain)];
    let again = centre.record(
        chain,
        "delivered_again",
        vec![
            Field::custody("act", "00".repeat(16)),
            Field::custody("ern", ern.to_string()),
        ],
    );
    let mut lines: Vec<(u64, String)> = Vec::new();
    let received = items
        .iter()
        .map(|item| &item.events[0])
        .chain(&earlier.events)
        .chain([&again]);
    for event in received {
        lines.push((
            event.index,
            manifest_line(event.index, &event.leaf, &event.fields).unwrap(),
        ));
    }
    lines.sort();
    let manifest: String = lines.iter().map(|(_, line)| line.as_str()).collect();
    let size = centre.log.size();
    let indices: Vec<u64> = lines.iter().map(|(index, _)| *index).collect();
    for tile in needed_tiles(&indices, size) {
        write(
            folder,
            &format!("log/{}", tile.path()),
            &centre.log.tile(tile),
        );
    }
    write(folder, "log/checkpoint", &centre.log.checkpoint(size));
    write(folder, "keys", centre.log.keys.to_file().as_bytes());
    write(folder, "manifest.jsonl", manifest.as_bytes());
    write(folder, "index.html", b"<!doctype html>\n");
    let differences = DifferenceLine {
        expected: Some("md5:00".to_owned()),
        finding: Difference::Missing,
        found: None,
        path: "lost.txt".to_owned(),
    }
    .to_line();
    write(folder, "differences.jsonl", differences.as_bytes());
    let mut states = BTreeMap::new();
    for item in items {
        *states.entry(item.state.to_owned()).or_insert(0) += 1;
    }
    let head = ReceiptHead {
        centre: "The centre".to_owned(),
        origin: ORIGIN.to_owned(),
        member: "UKR".to_owned(),
        case: "C0001".to_owned(),
        case_name: "Справа".to_owned(),
        source: "Поліція".to_owned(),
        intake: 123,
        lines: lines.len() as u64,
        received: items.len() as u64,
        again: 1,
        states,
        bytes: items
            .iter()
            .filter_map(|item| item.bytes.as_ref())
            .map(|b| b.len() as u64)
            .sum(),
        manifest_sha256: Digest::of(manifest.as_bytes()),
        differences: Some(Differences {
            different: 0,
            extra: 0,
            missing: 1,
            sha256: Digest::of(differences.as_bytes()),
        }),
        size,
        root: centre.log.root(size),
        made_at: "2026-11-24T10:41:07.123456Z".to_owned(),
        made_by: "UKR-P0001".to_owned(),
        program: "comity 0.1.0".to_owned(),
    };
    write(folder, "receipt.json", &head.to_bytes());
    seal_receipt(folder);
    let mut all = items.to_vec();
    all.push(earlier);
    all
}

/// Writes `SHA256SUMS` for whatever is in the folder.
pub fn seal_receipt(folder: &Path) {
    let mut sums = ManifestWriter::new();
    for name in names(folder) {
        if name != RECEIPT_SUMS {
            let data = fs::read(folder.join(&name)).unwrap();
            sums.add(name, Digest::of(&data));
        }
    }
    write(folder, RECEIPT_SUMS, &sums.finish());
}

pub fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The names of all files below a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    fn walk(root: &Path, prefix: &str, names: &mut Vec<String>) {
        for entry in fs::read_dir(root.join(prefix)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                walk(root, &format!("{name}/"), names);
            } else {
                names.push(name);
            }
        }
    }
    let mut all = Vec::new();
    walk(folder, "", &mut all);
    all.sort();
    all
}

pub fn copy(from: &Path, to: &Path) {
    for name in names(from) {
        write(to, &name, &fs::read(from.join(&name)).unwrap());
    }
}

/// Zips a folder with its name, payload stored and the rest deflated.
pub fn zip_folder(folder: &Path, zip: &Path) {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let files = names(folder).into_iter().map(|file| {
        let bytes = fs::read(folder.join(&file)).unwrap();
        (format!("{name}/{file}"), bytes)
    });
    zip_files(zip, &files.collect::<Vec<_>>());
}

pub fn zip_files(zip: &Path, files: &[(String, Vec<u8>)]) {
    let mut writer = zip::ZipWriter::new(fs::File::create(zip).unwrap());
    for (name, bytes) in files {
        let stored = name.contains("/data/");
        let method = if stored {
            zip::CompressionMethod::Stored
        } else {
            zip::CompressionMethod::Deflated
        };
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut writer, bytes).unwrap();
    }
    writer.finish().unwrap();
}
