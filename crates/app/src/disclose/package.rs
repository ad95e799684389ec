//! Writing the bag: a function of checkpoint A, the selection and the policy of what is opened.

use std::collections::{BTreeMap, BTreeSet};

use comity_core::checkpoint::SignedCheckpoint;
use comity_core::digest::Digest;
use comity_core::id::{Ern, MemberCode};
use comity_core::package::PackageHead;
use comity_core::package::bag::{MANIFEST, ManifestWriter, info};

use super::caseld::CaseLd;
use super::intakes::Intakes;
use super::page::{self, EXHIBITS_PER_PAGE, Sheet, Shown};
use super::reading::{Payload, Prepared, Reading, Scene};
use super::{Exhibit, Selected, Selection, persons};
use crate::centre::Centre;
use crate::cores::ahead;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::handover::{Growing, Handover, Written};
use crate::outgoing::Outgoing;
use crate::packs::Packs;
use crate::receipt::{PROGRAM, centre_name, custody_lines, published};
use crate::registry::Named;
use crate::sql::Session;

/// The documents that go into every package.
const DOCUMENTS: &[(&str, &str)] = &[
    (
        "README.md",
        include_str!("../../../../docs/format/README.md"),
    ),
    (
        "ledger.md",
        include_str!("../../../../docs/format/ledger.md"),
    ),
    ("body.md", include_str!("../../../../docs/format/body.md")),
    (
        "events.md",
        include_str!("../../../../docs/format/events.md"),
    ),
    ("acts.md", include_str!("../../../../docs/format/acts.md")),
    (
        "disclosure.md",
        include_str!("../../../../docs/format/disclosure.md"),
    ),
    (
        "receipt.md",
        include_str!("../../../../docs/format/receipt.md"),
    ),
    (
        "witness.md",
        include_str!("../../../../docs/format/witness.md"),
    ),
    ("stamp.md", include_str!("../../../../docs/format/stamp.md")),
    ("vault.md", include_str!("../../../../docs/format/vault.md")),
    (
        "keyring.md",
        include_str!("../../../../docs/format/keyring.md"),
    ),
];

/// A bag under its partial name, durable.
pub struct Made {
    /// Its head.
    pub head: PackageHead,
    /// SHA-256 of its `tagmanifest-sha256.txt`.
    pub tagmanifest: Digest,
    /// By which a later start knows that all of it is there: of an encrypted one the SHA-256 of its bytes, which
    /// nobody here can open again; else the same as `tagmanifest`.
    pub whole: Digest,
    /// Its exhibits, in order.
    pub exhibits: Vec<Exhibit>,
}

/// Writes the package.
#[expect(
    clippy::too_many_arguments,
    reason = "one caller, which has them all at hand"
)]
pub fn write(
    centre: &Centre,
    session: &mut Session,
    actor: &Actor,
    selection: &Selection,
    case: &Named,
    selected: &[Selected],
    work: &Outgoing,
    watch: &dyn Fn(&str, u64, u64),
) -> Result<Made> {
    let covers = published(centre)?.size();
    let checkpoint = centre.checkpoint_for_paper(covers)?;
    work.stands_at(session, checkpoint.as_bytes())?;
    let out = Handover::begin(
        &centre.ambient.disk,
        &work.place,
        &work.made,
        selection.to.as_deref(),
    )?;
    let head = PackageHead {
        centre: centre_name(centre)?,
        origin: centre.config.origin.clone(),
        case: case.code.clone(),
        case_name: case.name.clone().unwrap_or_else(|| "(erased)".to_owned()),
        purpose: selection.purpose.clone(),
        recipient: selection.recipient.clone(),
        exhibits: 0,
        files: 0,
        bytes: 0,
        events: 0,
        size: checkpoint.size(),
        root: *checkpoint.root(),
        made_at: centre.now(),
        made_by: actor.person.clone(),
        program: PROGRAM.to_owned(),
    };
    // Whoever makes it, or has proposed it, signs the record of it.
    let proposer = actor.confirms.as_ref().map(|p| p.person.clone());
    let signs = actor.registered.map(|_| actor.person.clone());
    let mut bag = Bag {
        signers: signs.into_iter().chain(proposer).collect(),
        places: BTreeMap::new(),
        items: out.growing("comity/items.jsonl")?,
        events: out.growing("comity/events.jsonl")?,
        case: CaseLd::begin(out.growing("comity/case.jsonld")?, &centre.config.origin)?,
        payload: Payloads {
            out: out.growing(MANIFEST)?,
            of: None,
            family: ManifestWriter::new(),
        },
        tags: Vec::new(),
        indices: Vec::new(),
        exhibits: Vec::new(),
        page: Vec::new(),
        sheets: Vec::new(),
        many: selected.len() > EXHIBITS_PER_PAGE,
        head,
    };
    let scene = Scene {
        centre,
        selection,
        size: checkpoint.size(),
        out: &out,
        packs: Packs::new(&centre.vault),
        intakes: Intakes::of_case(centre, case.no, checkpoint.size())?,
    };
    let mut reading = Reading::new(&scene, session, selected);
    let mut done = 0;
    ahead(
        || reading.next(),
        |block| {
            for prepared in block {
                if let Some(prepared) = prepared {
                    bag.add(prepared, &scene)?;
                }
                done += 1;
                watch("exhibits", done, selected.len() as u64);
            }
            Ok(())
        },
    )?;
    bag.add_intakes(&scene)?;
    drop(scene);
    bag.add_persons(centre, session, checkpoint.size(), &out)?;
    bag.finish(centre, &checkpoint, out)
}

/// The manifest of the payload, written as exhibits come: in the order of their numbers, which is that of the paths
/// but within an item and what was found in it.
struct Payloads {
    out: Growing,
    /// The item whose files wait, by the number that it was handed over with.
    of: Option<(MemberCode, u32, u32)>,
    family: ManifestWriter,
}

impl Payloads {
    fn add(&mut self, ern: Ern, file: Written) -> Result<()> {
        let of = Some((ern.member(), ern.intake(), ern.number()));
        if self.of != of {
            self.write_down()?;
            self.of = of;
        }
        self.family.add(file.path, file.sha256);
        Ok(())
    }

    fn write_down(&mut self) -> Result<()> {
        self.out.write(&std::mem::take(&mut self.family).finish())
    }

    fn end(mut self) -> Result<Written> {
        self.write_down()?;
        self.out.end()
    }
}

struct Bag {
    items: Growing,
    events: Growing,
    case: CaseLd,
    payload: Payloads,
    tags: Vec<Written>,
    indices: Vec<u64>,
    /// Persons whose signature the package shows.
    signers: BTreeSet<String>,
    /// The places of exhibits in the tree of each intake, by the id of what opened it.
    places: BTreeMap<String, Vec<u64>>,
    exhibits: Vec<Exhibit>,
    page: Vec<page::Exhibit>,
    sheets: Vec<Sheet>,
    many: bool,
    head: PackageHead,
}

impl Bag {
    fn add(&mut self, prepared: Prepared, scene: &Scene<'_>) -> Result<()> {
        let ern = prepared.exhibit.ern;
        let written = match prepared.payload {
            Payload::Without => None,
            Payload::Put(written) => Some(written),
            Payload::Bytes(path, bytes) => Some(scene.out.payload(&path, |to| {
                to.write_all(&bytes)
                    .map_err(|e| AppError::io(path.as_ref(), e))?;
                Ok(bytes.len() as u64)
            })?),
            Payload::Large(path, object) => Some(
                scene
                    .out
                    .payload(&path, |to| object.copy_to(&scene.packs, &ern, to))?,
            ),
        };
        if let Some(written) = written {
            // What is handed over is what was recorded.
            if prepared.sha256 != Some(written.sha256.to_string()) {
                return Err(AppError::damaged(
                    ern.to_string(),
                    "its bytes are not those whose digest is on record; nothing was handed over; `comity verify --full` says more",
                ));
            }
            self.head.files += 1;
            self.head.bytes += written.size;
            self.payload.add(ern, written)?;
        }
        self.items.write(prepared.item.as_bytes())?;
        self.events.write(prepared.events.as_bytes())?;
        self.case.item(&prepared.nodes)?;
        self.head.events += prepared.indices.len() as u64;
        self.indices.extend(prepared.indices);
        self.signers.extend(prepared.signers);
        for (act, place) in prepared.places {
            self.places.entry(act).or_default().push(place);
        }
        self.exhibits.push(prepared.exhibit);
        self.page.push(prepared.page);
        if self.many && self.page.len() == EXHIBITS_PER_PAGE {
            self.end_sheet(scene.out)?;
        }
        Ok(())
    }

    /// How the exhibits' intakes were closed, and that these are among their items.
    fn add_intakes(&mut self, scene: &Scene<'_>) -> Result<()> {
        for (act, places) in &self.places {
            let Some(intake) = scene.intakes.get(act)? else {
                continue;
            };
            let folder = format!("comity/intakes/{}/", intake.name());
            let events = [&intake.opened, &intake.closed];
            let lines = custody_lines(events)?;
            let name = format!("{folder}events.jsonl");
            self.tags.push(scene.out.add(&name, lines.as_bytes())?);
            for (tile, bytes) in intake.tiles(scene.centre, places)? {
                let name = format!("{folder}{}", tile.path());
                self.tags.push(scene.out.add(&name, &bytes)?);
            }
            let signed = events.into_iter().filter_map(persons::signer);
            self.signers.extend(signed.map(str::to_owned));
            self.indices.extend(events.map(|event| event.index));
        }
        Ok(())
    }

    /// Whose the keys are that signed anything of this.
    fn add_persons(
        &mut self,
        centre: &Centre,
        session: &mut Session,
        size: u64,
        out: &Handover,
    ) -> Result<()> {
        let signers = std::mem::take(&mut self.signers);
        let persons = persons::of(centre, session, signers, size)?;
        if !persons.lines.is_empty() {
            let lines = persons.lines.as_bytes();
            self.tags.push(out.add("comity/persons.jsonl", lines)?);
            self.indices.extend(persons.indices);
        }
        Ok(())
    }

    fn end_sheet(&mut self, out: &Handover) -> Result<()> {
        let exhibits = std::mem::take(&mut self.page);
        if let (Some(first), Some(last)) = (exhibits.first(), exhibits.last()) {
            self.sheets.push(Sheet {
                first: first.ern.clone(),
                last: last.ern.clone(),
                exhibits: exhibits.len() as u64,
            });
            let number = self.sheets.len();
            self.tags.push(out.add(
                &page::sheet_path(number),
                page::sheet(&self.head, number, &exhibits).as_bytes(),
            )?);
        }
        Ok(())
    }

    fn finish(
        mut self,
        centre: &Centre,
        checkpoint: &SignedCheckpoint,
        out: Handover,
    ) -> Result<Made> {
        if self.many {
            self.end_sheet(&out)?;
        }
        self.head.exhibits = self.exhibits.len() as u64;
        if self.exhibits.is_empty() {
            return Err(AppError::Usage(
                "none of these items is in a published checkpoint yet".to_owned(),
            ));
        }
        let shown = if self.many {
            Shown::Sheets(&self.sheets)
        } else {
            Shown::Here(&self.page)
        };
        let mut tags = self.tags;
        let stamps = centre.write_stamps(&out, "comity/stamps/", checkpoint, &mut tags)?;
        let vouching = centre.vouching(checkpoint, stamps)?;
        tags.push(out.add(
            "index.html",
            page::index(&self.head, &vouching, shown).as_bytes(),
        )?);
        tags.push(self.items.end()?);
        tags.push(self.events.end()?);
        tags.push(self.case.end()?);
        tags.push(out.add("comity/package.json", &self.head.to_bytes())?);
        tags.push(out.add("comity/keys", centre.key_file()?.as_bytes())?);
        tags.push(out.add("comity/log/checkpoint", checkpoint.as_bytes())?);
        centre.write_tiles(
            &out,
            "comity/log/",
            &self.indices,
            checkpoint.size(),
            &mut tags,
        )?;
        for (name, text) in DOCUMENTS {
            tags.push(out.add(&format!("comity/format/{name}"), text.as_bytes())?);
        }
        tags.push(out.add(
            "bagit.txt",
            b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        )?);
        let day = self.head.made_at.get(..10).unwrap_or_default();
        let about = format!(
            "Disclosure in case {}: {} exhibits",
            self.head.case, self.head.exhibits
        );
        let fields = [
            ("Source-Organization", self.head.centre.as_str()),
            ("External-Description", &about),
            ("Bagging-Date", day),
            ("Bag-Software-Agent", PROGRAM),
        ];
        tags.push(out.add(
            "bag-info.txt",
            info(&fields, self.head.bytes, self.head.files).as_bytes(),
        )?);
        tags.push(self.payload.end()?);
        let mut manifest = ManifestWriter::new();
        for tag in &tags {
            manifest.add(tag.path.clone(), tag.sha256);
        }
        let tagmanifest = out.add("tagmanifest-sha256.txt", &manifest.finish())?;
        let digest = tagmanifest.sha256;
        tags.push(tagmanifest);
        tags.sort_by(|a, b| a.path.cmp(&b.path));
        let names: Vec<&str> = tags.iter().map(|t| t.path.as_str()).collect();
        let sealed = out.finish(&names)?;
        Ok(Made {
            head: self.head,
            tagmanifest: digest,
            whole: sealed.unwrap_or(digest),
            exhibits: self.exhibits,
        })
    }
}
