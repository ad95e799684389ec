//! The chain of each exhibit, followed event by event, and the exhibit's file held against it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;

use crate::digest::Sha256Hasher;
use crate::id::{ChainId, Ern};
use crate::tile::FULL_WIDTH;

use super::event::{CheckedEvent, EventLine, Signer};
use super::intakes::Intakes;
use super::item::{ItemBytes, ItemLine, payload_ern};
use super::persons::Persons;
use super::report::Findings;
use super::source::Lines;
use super::threads::HashJob;
use super::tiles::LeafTiles;
use super::words::words;

/// What the threads find out about one line of `events.jsonl`.
#[derive(Debug, Default)]
pub(super) struct LineFacts {
    /// The event, when fields, body and leaf agree.
    checked: Option<CheckedEvent>,
    /// What is wrong otherwise.
    problem: Option<String>,
    withheld: bool,
    received: bool,
    ern: Option<Result<Ern, String>>,
    other_case: bool,
    sha256: Option<String>,
    size_bytes: Option<u64>,
    path: Option<String>,
    signer: Option<Result<Signer, String>>,
    /// By this event the exhibit came in; and the act that it names.
    enters: bool,
    act: Option<String>,
    erased: Option<String>,
}

impl LineFacts {
    /// Reads and checks a line of a package about the case `case`, of the log `origin`.
    pub(super) fn of(line: &[u8], case: Option<&str>, origin: Option<&str>) -> LineFacts {
        let event = match EventLine::parse(line) {
            Ok(event) => event,
            Err(error) => {
                return LineFacts {
                    problem: Some(error),
                    ..LineFacts::default()
                };
            }
        };
        let mut facts = LineFacts {
            withheld: !event.is_opened(),
            received: matches!(
                event.text("kind").as_deref(),
                Some("received" | "extracted")
            ),
            ern: event
                .text("ern")
                .map(|ern| ern.parse().map_err(|_| ern.into_owned())),
            ..LineFacts::default()
        };
        if facts.withheld != event.why.is_some() {
            facts.problem = Some(match facts.withheld {
                true => "shows no field and gives no reason".to_owned(),
                false => "gives a reason to show nothing, and shows fields".to_owned(),
            });
        }
        if facts.received {
            facts.sha256 = event.text("sha256").map(Cow::into_owned);
            facts.size_bytes = event.integer("size");
            facts.path = event.text("path").map(Cow::into_owned);
            facts.other_case = event
                .text("case")
                .is_some_and(|found| case.is_some_and(|case| found != case));
        }
        // What was found inside of an item came in with that.
        if let Some("received" | "delivered_again") = event.text("kind").as_deref() {
            facts.enters = true;
            facts.act = event.text("act").map(Cow::into_owned);
        }
        if let Some(origin) = origin {
            facts.signer = event.signer(origin).transpose();
        }
        if event.text("kind").as_deref() == Some("erased") {
            facts.erased = Some(words(&|name: &str| event.value(name)));
        }
        match event.check() {
            Ok(checked) => facts.checked = Some(checked),
            Err(problem) => facts.problem = Some(problem),
        }
        facts
    }
}

/// What is known of a chain whose exhibit has been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) ern: Ern,
    pub(super) events: u64,
}

/// The payload files: hashed, and perhaps claimed by an exhibit.
pub(super) struct Payload<'a> {
    pub(super) names: &'a [String],
    pub(super) jobs: &'a [HashJob],
    pub(super) sizes: &'a [u64],
    pub(super) claimed: Vec<bool>,
}

/// Follows the events of all exhibits in the order of `items.jsonl`.
pub(super) struct Exhibits<'a, 's, 'p, R> {
    pub(super) persons: &'a mut Persons,
    pub(super) intakes: &'a mut Intakes<'s>,
    items: Lines<R>,
    items_ended: bool,
    current: Option<Current>,
    /// A chain whose events are passed over, because its exhibit has no line.
    unlisted: Option<ChainId>,
    last_ern: Option<Ern>,
    line: u64,
    pub(super) tiles: Option<&'a mut LeafTiles<'s>>,
    pub(super) payload: &'a mut Payload<'p>,
    pub(super) findings: &'a mut Findings,
    pub(super) totals: &'a mut Totals,
}

/// What is left when all exhibits have been followed.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) chains: HashMap<ChainId, Chain>,
    pub(super) leaf_tiles: BTreeSet<u64>,
    pub(super) exhibits: u64,
    pub(super) events: u64,
    pub(super) withheld: u64,
    pub(super) signers: BTreeMap<Signer, u64>,
    pub(super) erased: BTreeMap<Ern, String>,
    /// Over the numbers of the exhibits, each with a line feed.
    pub(super) selection: Sha256Hasher,
    /// `items.jsonl` or `events.jsonl` is not there, so that nothing was followed.
    pub(super) unread: bool,
}

struct Current {
    item: ItemLine,
    next: u64,
    last: Option<CheckedEvent>,
    /// By how many events it came in so far.
    entered: usize,
}

const ITEMS: &str = "comity/items.jsonl";
const EVENTS: &str = "comity/events.jsonl";

impl<'a, 's, 'p, R: Read> Exhibits<'a, 's, 'p, R> {
    pub(super) fn new(
        items: R,
        (persons, intakes): (&'a mut Persons, &'a mut Intakes<'s>),
        tiles: Option<&'a mut LeafTiles<'s>>,
        payload: &'a mut Payload<'p>,
        findings: &'a mut Findings,
        totals: &'a mut Totals,
    ) -> Exhibits<'a, 's, 'p, R> {
        Exhibits {
            persons,
            intakes,
            items: Lines::new(items),
            items_ended: false,
            current: None,
            unlisted: None,
            last_ern: None,
            line: 0,
            tiles,
            payload,
            findings,
            totals,
        }
    }

    /// Takes the next event.
    pub(super) fn event(&mut self, facts: LineFacts) {
        self.line += 1;
        self.totals.events += 1;
        self.totals.withheld += u64::from(facts.withheld);
        if let Some(checked) = &facts.checked {
            self.totals
                .leaf_tiles
                .insert(checked.index / u64::from(FULL_WIDTH));
        }
        self.go_to_exhibit_of(&facts);
        let chain = facts.checked.map(|checked| checked.leaf.chain);
        if chain.is_some() && chain == self.unlisted {
            return;
        }
        match self.current.take() {
            Some(mut current) => {
                self.follow(&mut current, facts);
                self.current = Some(current);
            }
            None => {
                let what = format!(
                    "line {}: the event belongs to no exhibit of {ITEMS}",
                    self.line
                );
                self.findings.add(EVENTS, what);
            }
        }
    }

    /// Both files are in the order of the exhibits: goes on to the one that an event belongs to.
    fn go_to_exhibit_of(&mut self, facts: &LineFacts) {
        let chain = facts.checked.map(|checked| checked.leaf.chain);
        let same_chain = |current: &Current| Some(current.item.chain) == chain;
        if self.current.as_ref().is_some_and(same_chain) {
            return;
        }
        let first = facts.checked.is_some_and(|checked| checked.leaf.n == 0);
        let ern = facts
            .ern
            .as_ref()
            .and_then(|ern| ern.as_ref().ok())
            .filter(|_| first);
        if let Some(ern) = ern {
            while self
                .current
                .as_ref()
                .is_none_or(|current| current.item.ern < *ern)
            {
                self.next_exhibit();
                if self.current.is_none() {
                    break;
                }
            }
            let listed = self
                .current
                .as_ref()
                .is_some_and(|current| current.item.ern == *ern);
            self.unlisted = chain.filter(|_| !listed);
            if !listed {
                self.findings.add(
                    ern.to_string(),
                    format!("it has events, and no line in {ITEMS}"),
                );
            }
        } else if self
            .current
            .as_ref()
            .is_none_or(|current| current.next >= current.item.events)
        {
            self.next_exhibit();
        }
    }

    fn follow(&mut self, current: &mut Current, facts: LineFacts) {
        let ern = current.item.ern.to_string();
        let Some(event) = facts.checked else {
            let problem = facts.problem.unwrap_or_default();
            self.findings.add(
                &ern,
                format!(
                    "event {} ({EVENTS}, line {}): {problem}",
                    current.next, self.line
                ),
            );
            current.next += 1;
            current.last = None;
            return;
        };
        if event.leaf.chain != current.item.chain {
            let what = format!(
                "line {}: an event of another chain stands where event {} of {ern} should",
                self.line, current.next
            );
            self.findings.add(EVENTS, what);
            return;
        }
        let at = format!("event {}", event.leaf.n);
        if let Some(problem) = facts.problem.as_ref() {
            self.findings.add(&ern, format!("{at}: {problem}"));
        }
        match facts.signer.clone() {
            Some(Ok(signer)) => {
                if let Err(problem) = self.persons.bind(&signer, Some(event.index)) {
                    self.findings.add(&ern, format!("{at}: {problem}"));
                }
                *self.totals.signers.entry(signer).or_default() += 1;
            }
            Some(Err(problem)) => self.findings.add(&ern, format!("{at}: {problem}")),
            None => {}
        }
        if let Some(words) = facts.erased.clone() {
            self.totals.erased.insert(current.item.ern, words);
        }
        if facts.enters {
            self.check_entry(current, &facts, &event, &ern);
        }
        self.follow_chain(current, &event, &ern);
        if let Some(tiles) = &mut self.tiles {
            match tiles.contains(event.index, &event.hash) {
                Ok(true) => {}
                Ok(false) => self.findings.add(
                    &ern,
                    format!(
                        "{at}: its leaf is not the one that the log has at index {}",
                        event.index
                    ),
                ),
                Err(error) => self.findings.add(
                    &ern,
                    format!("{at}: its place in the log cannot be shown: {error}"),
                ),
            }
        }
        match &facts.ern {
            Some(Ok(found)) if *found != current.item.ern => {
                self.findings.add(
                    &ern,
                    format!("{at}: it was recorded for {found}, not for this exhibit"),
                );
            }
            Some(Err(found)) => self.findings.add(
                &ern,
                format!("{at}: {found:?} is not a registration number"),
            ),
            None if event.leaf.n == 0 => self
                .findings
                .add(&ern, format!("{at}: it does not open ern")),
            _ => {}
        }
        if event.leaf.n == 0 {
            self.check_received(&current.item, &facts);
        } else if facts.received {
            self.findings.add(
                &ern,
                format!("{at}: an exhibit is received once, as its event 0"),
            );
        }
    }

    /// Holds an event by which the exhibit came in against the tree of its intake.
    fn check_entry(
        &mut self,
        current: &mut Current,
        facts: &LineFacts,
        event: &CheckedEvent,
        ern: &str,
    ) {
        let places = current.item.intakes.as_ref();
        let place = places.map(|places| places.get(current.entered));
        current.entered += 1;
        let problem = match place {
            // As it is with packages that show no intakes.
            None | Some(Some(None)) => {
                self.intakes.unbound += 1;
                return;
            }
            Some(None) => Err(format!("{ITEMS} does not say its place in its intake")),
            Some(Some(Some(at))) => {
                let act = facts.act.as_deref();
                self.intakes.holds(act, *at, event.index, &event.hash)
            }
        };
        if let Err(problem) = problem {
            self.findings
                .add(ern, format!("event {}: {problem}", event.leaf.n));
        }
    }

    fn follow_chain(&mut self, current: &mut Current, event: &CheckedEvent, ern: &str) {
        let n = event.leaf.n;
        if n > current.next {
            let what = match n - current.next {
                1 => format!("event {} is missing", current.next),
                _ => format!("events {} to {} are missing", current.next, n - 1),
            };
            self.findings.add(ern, what);
        } else if n < current.next {
            self.findings.add(
                ern,
                format!(
                    "event {n} stands after event {}",
                    current.next.saturating_sub(1)
                ),
            );
        } else if let Some(last) = &current.last {
            if event.leaf.prev != Some(last.hash) {
                self.findings.add(
                    ern,
                    format!(
                        "event {n} does not continue event {}: it names another leaf before it",
                        last.leaf.n
                    ),
                );
            }
            if event.index <= last.index {
                self.findings.add(
                    ern,
                    format!("event {n} stands before event {} in the log", last.leaf.n),
                );
            }
        }
        current.next = current.next.max(n + 1);
        current.last = Some(*event);
    }

    /// Holds the exhibit's line and file against the event that received it.
    fn check_received(&mut self, item: &ItemLine, facts: &LineFacts) {
        let ern = item.ern.to_string();
        let mut wrong = |what: String| self.findings.add(&ern, what);
        if !facts.received {
            return wrong("its chain does not begin with the event that received it".to_owned());
        }
        if facts.other_case {
            wrong("it was received for another case than that of comity/package.json".to_owned());
        }
        if facts.sha256 != item.sha256.map(|digest| digest.to_string()) {
            wrong(format!(
                "{ITEMS} gives another digest than the event that received it"
            ));
        }
        if facts.size_bytes != item.size_bytes {
            wrong(format!(
                "{ITEMS} gives another size than the event that received it"
            ));
        }
        if facts.path != item.path {
            wrong(format!(
                "{ITEMS} gives another path than the event that received it"
            ));
        }
        let ItemBytes::File(file) = &item.bytes else {
            return;
        };
        if payload_ern(file) != Some(item.ern) {
            return wrong(format!("its file {file} has another exhibit's name"));
        }
        let Some(place) = self.payload.find(file) else {
            return wrong(format!(
                "its file {file} is not listed in manifest-sha256.txt"
            ));
        };
        if let Some(claimed) = self.payload.claimed.get_mut(place) {
            *claimed = true;
        }
        let listed = self
            .payload
            .jobs
            .get(place)
            .map(|job| job.expected.to_string());
        if facts.sha256.is_some() && listed != facts.sha256 {
            wrong(format!(
                "{file} is not what was received: the digest that was recorded is another"
            ));
        } else if self.payload.sizes.get(place).copied() != facts.size_bytes {
            wrong(format!("{file} has another size than was recorded"));
        }
    }

    /// Closes the current exhibit and goes to the next line of `items.jsonl`.
    fn next_exhibit(&mut self) {
        self.close();
        self.current = self.read_item().map(|item| Current {
            item,
            next: 0,
            last: None,
            entered: 0,
        });
    }

    fn close(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        let ern = current.item.ern.to_string();
        let places = current.item.intakes.as_ref().map_or(0, Vec::len);
        if places > current.entered {
            let what = format!("{ITEMS} says more places in intakes than it came in by");
            self.findings.add(&ern, what);
        }
        if current.next != current.item.events {
            let what = format!(
                "its chain has {} events here, and {ITEMS} says {}",
                current.next, current.item.events
            );
            self.findings.add(&ern, what);
        } else if current
            .last
            .is_some_and(|last| last.hash != current.item.last)
        {
            self.findings.add(
                &ern,
                format!("its last event is not the one that {ITEMS} names"),
            );
        }
    }

    fn read_item(&mut self) -> Option<ItemLine> {
        while !self.items_ended {
            let parsed = match self.items.next() {
                Ok(None) => {
                    self.items_ended = true;
                    return None;
                }
                Ok(Some(line)) => ItemLine::parse(line),
                Err(error) => {
                    self.items_ended = true;
                    self.findings.add(ITEMS, error.to_string());
                    return None;
                }
            };
            self.totals.exhibits += 1;
            match parsed {
                Ok(item) => {
                    self.register(&item);
                    return Some(item);
                }
                Err(error) => {
                    let what = format!("line {}: {error}", self.totals.exhibits);
                    self.findings.add(ITEMS, what);
                }
            }
        }
        None
    }

    fn register(&mut self, item: &ItemLine) {
        let ern = item.ern.to_string();
        if self.last_ern.is_some_and(|last| last >= item.ern) {
            self.findings
                .add(&ern, format!("{ITEMS} names it twice, or out of order"));
        }
        self.last_ern = Some(item.ern);
        self.totals.selection.update(format!("{ern}\n").as_bytes());
        let chain = Chain {
            ern: item.ern,
            events: item.events,
        };
        if let Some(other) = self.totals.chains.insert(item.chain, chain) {
            self.findings
                .add(&ern, format!("it claims the chain of {}", other.ern));
        }
    }

    /// Closes the last exhibit, and reports those that no event came for.
    pub(super) fn finish(mut self) {
        loop {
            self.next_exhibit();
            if self.current.is_none() {
                return;
            }
        }
    }
}

impl Payload<'_> {
    /// The place of the job for the file `path`.
    fn find(&self, path: &str) -> Option<usize> {
        let name = |job: &HashJob| self.names.get(job.file as usize).map(String::as_str);
        self.jobs
            .binary_search_by(|job| name(job).unwrap_or_default().cmp(path))
            .ok()
    }
}
