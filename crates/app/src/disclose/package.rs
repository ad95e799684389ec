//! Writing the bag: a function of checkpoint A, the selection and the policy of what is opened.

use comity_core::checkpoint::SignedCheckpoint;
use comity_core::digest::Digest;
use comity_core::id::Ern;
use comity_core::package::bag::{ManifestWriter, info};
use comity_core::package::{ItemBytes, ItemLine, PackageHead, event_line, payload_path, words};
use comity_rules::opening::{self, Reader};

use super::caseld::CaseLd;
use super::page::{self, CustodyEvent, EXHIBITS_PER_PAGE, Sheet, Shown};
use super::{Exhibit, Selection, without};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::handover::{Growing, Handover, Written};
use crate::item::Item;
use crate::outgoing::Outgoing;
use crate::project::ItemState;
use crate::read::OpenedEvent;
use crate::receipt::{PROGRAM, centre_name, hide_internal, published};
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
    (
        "disclosure.md",
        include_str!("../../../../docs/format/disclosure.md"),
    ),
    (
        "receipt.md",
        include_str!("../../../../docs/format/receipt.md"),
    ),
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
    erns: &[Ern],
    work: &Outgoing,
    watch: &dyn Fn(&str, u64, u64),
) -> Result<Made> {
    let checkpoint = published(centre)?;
    let mut out = Handover::begin(&centre.ambient.disk, &work.place, &work.made)?;
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
    let mut bag = Bag {
        items: out.growing("comity/items.jsonl")?,
        events: out.growing("comity/events.jsonl")?,
        case: CaseLd::begin(out.growing("comity/case.jsonld")?, &centre.config.origin)?,
        payload: ManifestWriter::new(),
        tags: Vec::new(),
        indices: Vec::new(),
        exhibits: Vec::new(),
        page: Vec::new(),
        sheets: Vec::new(),
        many: erns.len() > EXHIBITS_PER_PAGE,
        head,
    };
    for (i, ern) in erns.iter().enumerate() {
        bag.add(centre, session, selection, &checkpoint, ern, &mut out)?;
        watch("exhibits", i as u64 + 1, erns.len() as u64);
    }
    bag.finish(centre, &checkpoint, out)
}

struct Bag {
    items: Growing,
    events: Growing,
    case: CaseLd,
    payload: ManifestWriter,
    tags: Vec<Written>,
    indices: Vec<u64>,
    exhibits: Vec<Exhibit>,
    page: Vec<page::Exhibit>,
    sheets: Vec<Sheet>,
    many: bool,
    head: PackageHead,
}

impl Bag {
    fn add(
        &mut self,
        centre: &Centre,
        session: &mut Session,
        selection: &Selection,
        checkpoint: &SignedCheckpoint,
        ern: &Ern,
        out: &mut Handover,
    ) -> Result<()> {
        let item = centre.item(session, ern)?;
        let mut custody = Vec::new();
        let mut first: Option<OpenedEvent> = None;
        let mut last: Option<(u64, Digest)> = None;
        for index in centre
            .chain_indices(session, item.no)?
            .into_iter()
            .filter(|i| *i < checkpoint.size())
        {
            let mut event = centre.read_event(index)?;
            hide_internal(&mut event.fields);
            last = Some((event.leaf.n, event.hash));
            custody.push(self.event(&mut event, selection)?);
            first.get_or_insert(event);
        }
        let (Some(first), Some((last_n, last))) = (first, last) else {
            // Recorded after checkpoint A: not part of what is published, so not of this package.
            return Ok(());
        };
        let bytes = self.bytes(centre, session, &item, &first, out)?;
        let path = first.text("path").map(str::to_owned);
        let sha256 = first.text("sha256").and_then(|d| d.parse().ok());
        let size = first
            .value("size")
            .and_then(comity_core::json::Value::as_u64);
        let line = ItemLine {
            ern: *ern,
            chain: first.leaf.chain,
            events: last_n + 1,
            last,
            bytes: bytes.clone(),
            path: path.clone(),
            size_bytes: size,
            sha256,
        };
        self.items.write(line.to_line().as_bytes())?;
        self.case.item(&first, &line)?;
        self.exhibits.push(Exhibit {
            no: item.no,
            last_n,
            last,
        });
        self.page.push(page::Exhibit {
            ern: ern.to_string(),
            path,
            file: match bytes {
                ItemBytes::File(file) => Ok(file),
                ItemBytes::Without(why) => Err(why),
            },
            size_bytes: size,
            sha256: sha256.map(|d| d.to_string()),
            custody,
        });
        if self.many && self.page.len() == EXHIBITS_PER_PAGE {
            self.end_sheet(out)?;
        }
        Ok(())
    }

    /// One line of `events.jsonl`. A viewing by a person is named and not opened, unless asked for.
    fn event(&mut self, event: &mut OpenedEvent, selection: &Selection) -> Result<CustodyEvent> {
        let reader = Reader::Recipient {
            viewings: selection.viewings,
        };
        let why = opening::event(event.text("kind").unwrap_or_default(), reader)
            .map(|withheld| withheld.to_string());
        if why.is_some() {
            for field in &mut event.fields {
                (field.salt, field.value) = (None, None);
            }
        }
        let leaf = String::from_utf8_lossy(&event.entry);
        let line = event_line(event.index, &leaf, &event.fields, why.as_deref())
            .map_err(|e| AppError::damaged(format!("event {}", event.index), e.to_string()))?;
        self.events.write(line.as_bytes())?;
        self.indices.push(event.index);
        self.head.events += 1;
        let said = match why {
            Some(why) => format!("An event that is withheld ({why})"),
            None => words(&|name: &str| event.value(name).cloned()),
        };
        Ok(CustodyEvent {
            index: event.index,
            leaf: event.hash.to_string(),
            time: event.text("time").map(str::to_owned),
            words: said,
        })
    }

    /// The exhibit's bytes into the payload, held against the recorded digest.
    fn bytes(
        &mut self,
        centre: &Centre,
        session: &mut Session,
        item: &Item,
        first: &OpenedEvent,
        out: &mut Handover,
    ) -> Result<ItemBytes> {
        if item.state != ItemState::Sealed || first.is_erased() && first.text("sha256").is_none() {
            return Ok(ItemBytes::Without(without(
                item.state,
                item.state == ItemState::Sealed,
            )));
        }
        let path = payload_path(item.ern, first.text("path").unwrap_or_default());
        let reader = centre.item_reader(session, item)?;
        let written = out.payload(&path, |to| {
            reader
                .copy_to(to)
                .map_err(|e| AppError::of_item(&item.ern, e))
        })?;
        if first.text("sha256") != Some(written.sha256.to_string().as_str()) {
            return Err(AppError::damaged(
                item.ern.to_string(),
                "its bytes are not those whose digest is on record; nothing was handed over; `comity verify --full` says more",
            ));
        }
        self.head.files += 1;
        self.head.bytes += written.size;
        self.payload.add(path.clone(), written.sha256);
        Ok(ItemBytes::File(path))
    }

    fn end_sheet(&mut self, out: &mut Handover) -> Result<()> {
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
        mut out: Handover,
    ) -> Result<Made> {
        if self.many {
            self.end_sheet(&mut out)?;
        }
        self.head.exhibits = self.exhibits.len() as u64;
        if self.exhibits.is_empty() {
            return Err(AppError::Usage(
                "none of these items is in a published checkpoint yet".to_owned(),
            ));
        }
        let fingerprint = centre.log_keys().fingerprint_groups();
        let shown = if self.many {
            Shown::Sheets(&self.sheets)
        } else {
            Shown::Here(&self.page)
        };
        let mut tags = self.tags;
        tags.push(out.add(
            "index.html",
            page::index(&self.head, &fingerprint, shown).as_bytes(),
        )?);
        tags.push(self.items.end()?);
        tags.push(self.events.end()?);
        tags.push(self.case.end()?);
        tags.push(out.add("comity/package.json", &self.head.to_bytes())?);
        tags.push(out.add("comity/keys", centre.log_keys().to_file().as_bytes())?);
        tags.push(out.add("comity/log/checkpoint", checkpoint.as_bytes())?);
        centre.write_tiles(
            &mut out,
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
        tags.push(out.add("manifest-sha256.txt", &self.payload.finish())?);
        let mut manifest = ManifestWriter::new();
        for tag in &tags {
            manifest.add(tag.path.clone(), tag.sha256);
        }
        let tagmanifest = out.add("tagmanifest-sha256.txt", &manifest.finish())?;
        let digest = tagmanifest.sha256;
        tags.push(tagmanifest);
        tags.sort_by(|a, b| a.path.cmp(&b.path));
        let names: Vec<&str> = tags.iter().map(|t| t.path.as_str()).collect();
        out.finish(&names)?;
        Ok(Made {
            head: self.head,
            tagmanifest: digest,
            exhibits: self.exhibits,
        })
    }
}
