//! `comity names`: lists of names, brought by members and looked for in everything that was read.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use comity_app::lists::{Import, Imported, List};
use comity_app::search::{Class, Hit, Mention, OnList, Order, Search, question_of};
use comity_lists::Kind;
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, columns, counted};
use crate::progress::Bar;
use crate::search::{not_held, not_held_json};
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct NamesArgs {
    #[command(subcommand)]
    pub verb: NamesVerb,
}

#[derive(Subcommand)]
pub enum NamesVerb {
    /// Bring a list: FollowTheMoney JSON lines, or a table with a column `name`
    Import(ImportArgs),
    #[command(flatten)]
    Kept(ListVerb),
}

/// What is done with lists of any kind once they were brought.
#[derive(Subcommand)]
pub enum ListVerb {
    /// List the lists that you may see
    List,
    /// Show what is on record of a list, all its versions
    Show {
        /// Its number, such as L0001
        list: String,
    },
    /// Use a list no longer; what it was stays on record
    Drop {
        /// Its number, such as L0001
        list: String,
    },
    /// What of a list stands in how many items
    Hits {
        /// Its number, such as L0001
        list: String,
        /// What it is looked up for; goes on record before an answer is given
        #[arg(long)]
        purpose: String,
        /// In this case alone, by code or name
        #[arg(long)]
        case: Option<String>,
    },
}

#[derive(Args)]
pub struct ImportArgs {
    /// The file
    pub file: PathBuf,
    /// What the list is called; your member's list of this name gets a new version
    #[arg(long)]
    pub name: String,
    /// What its names are, where it does not say so: person, organisation, place or unit
    #[arg(long, value_parser = kind)]
    pub kind: Option<Kind>,
    /// Let all members see what it says
    #[arg(long)]
    pub shared: bool,
    /// Leave out lines that cannot be used, and say which, instead of refusing the whole
    #[arg(long)]
    pub skip_bad: bool,
}

fn kind(word: &str) -> Result<Kind, String> {
    let found = Kind::ALL.into_iter().find(|k| k.word() == word);
    found.ok_or_else(|| "it is person, organisation, place or unit".to_owned())
}

pub fn run(global: &Global, args: &NamesArgs) -> Result<(), Failure> {
    match &args.verb {
        NamesVerb::Import(args) => import(global, args),
        NamesVerb::Kept(verb) => kept(global, verb, &[Class::Names]),
    }
}

/// Does it with the lists of these classes.
pub fn kept(global: &Global, verb: &ListVerb, classes: &[Class]) -> Result<(), Failure> {
    match verb {
        ListVerb::List => list(global, classes),
        ListVerb::Show { list } => show(global, list),
        ListVerb::Drop { list } => drop_list(global, list),
        ListVerb::Hits {
            list,
            purpose,
            case,
        } => hits(global, list, purpose, case.as_deref()),
    }
}

fn import(global: &Global, args: &ImportArgs) -> Result<(), Failure> {
    let import = Import {
        file: &args.file,
        class: Class::Names,
        name: &args.name,
        shared: args.shared,
        kind: args.kind,
        skip_bad: args.skip_bad,
    };
    bring(global, &import)
}

/// Brings a list, and says what was found in it.
pub fn bring(global: &Global, import: &Import<'_>) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let brought = centre.import_list(&actor, import)?;
    let seen = match import.shared {
        true => "all members see what it says".to_owned(),
        false => format!("the people of {} alone see what it says", actor.member),
    };
    let mut lines = vec![format!(
        "{}, version {}: {}; {seen}.",
        brought.number,
        brought.version,
        entries(&brought)
    )];
    lines.extend(left_out(&brought));
    lines.extend(cannot_match(&brought));
    lines.push("The next search holds all items against it.".to_owned());
    lines.push(format!("On record: leaf {}.", brought.leaf));
    let found = &brought.found;
    let bad = found.bad.iter().map(|b| json!([b.line, b.what]));
    let body = json!({
        "list": brought.number, "version": brought.version, "leaf": brought.leaf, "sha256": brought.sha256,
        "entries": found.entries, "by": found.by, "others": found.others, "bad": found.bad_count,
        "bad_lines": bad.collect::<Vec<_>>(), "shared": import.shared,
    });
    answer(global, &body, &lines)
}

fn entries(brought: &Imported) -> String {
    let by = brought.found.by.iter();
    let by: Vec<String> = by.map(|(what, n)| format!("{what} {n}")).collect();
    format!(
        "{} ({})",
        counted(brought.found.entries, "record"),
        by.join(", ")
    )
}

/// What of the file is not in the list, and why.
fn left_out(brought: &Imported) -> Vec<String> {
    let found = &brought.found;
    let mut lines = Vec::new();
    if !found.others.is_empty() {
        let others = found.others.iter();
        let others: Vec<String> = others.map(|(what, n)| format!("{what} {n}")).collect();
        lines.push(format!(
            "Left out, for want of a name to be found by: {}.",
            others.join(", ")
        ));
    }
    if found.bad_count > 0 {
        lines.push(format!(
            "Left out, {} that cannot be used:",
            counted(found.bad_count, "line")
        ));
        let first = found.bad.iter().take(20);
        lines.extend(first.map(|b| format!("  line {}: {}", b.line, b.what)));
    }
    lines
}

/// Digests that only some items have.
fn cannot_match(brought: &Imported) -> Option<String> {
    let alone = brought.found.by.iter();
    let alone = alone.filter(|(sums, _)| sums.contains("MD5") || sums.contains("SHA-1"));
    let n: u64 = alone
        .filter(|(sums, _)| !sums.contains("SHA-256"))
        .map(|(_, n)| n)
        .sum();
    (n > 0).then(|| {
        format!(
            "{} without SHA-256: held against items once `comity work` has read them, or that were taken in with --legacy-hashes.",
            counted(n, "record")
        )
    })
}

fn list_json(list: &List) -> Value {
    let facts = list.facts.as_ref();
    json!({
        "list": list.number, "version": list.version, "member": list.member, "class": list.class.word(),
        "shared": list.shared, "dropped": list.dropped, "leaf": list.leaf,
        "name": facts.map(|f| &f.name), "entries": facts.map(|f| f.entries), "bad": facts.map(|f| f.bad),
        "sha256": facts.map(|f| &f.sha256),
    })
}

/// The member of whoever looks; nobody in particular sees what is shared.
pub fn looks(global: &Global, centre: &comity_app::Centre) -> Result<Option<String>, Failure> {
    Ok(match &global.actor {
        Some(_) => Some(actor(global, centre)?.member),
        None => None,
    })
}

/// Lists the lists of these classes that whoever looks may see.
fn list(global: &Global, classes: &[Class]) -> Result<(), Failure> {
    let centre = open(global)?;
    let member = looks(global, &centre)?;
    let mut lists = centre.lists_seen(&mut centre.session()?, member.as_deref())?;
    lists.retain(|l| classes.contains(&l.class));
    let rows: Vec<Vec<String>> = lists.iter().map(row).collect();
    let values: Vec<Value> = lists.iter().map(list_json).collect();
    answer(global, &json!(values), &columns(&rows))
}

fn row(list: &List) -> Vec<String> {
    let facts = list.facts.as_ref();
    vec![
        list.number.clone(),
        format!("version {}", list.version),
        list.member.clone(),
        list.class.word().to_owned(),
        if list.shared { "shared" } else { "not shared" }.to_owned(),
        facts.map_or_else(String::new, |f| counted(f.entries, "record")),
        facts.map_or_else(String::new, |f| f.name.clone()),
        if list.dropped { "dropped" } else { "" }.to_owned(),
    ]
}

/// Shows all versions of a list.
fn show(global: &Global, number: &str) -> Result<(), Failure> {
    let centre = open(global)?;
    let member = looks(global, &centre)?;
    let mut lists = centre.all_lists(&mut centre.session()?)?;
    lists.retain(|l| l.number == number && l.is_seen_by(member.as_deref()));
    if lists.is_empty() {
        return Err(Failure::Usage(format!(
            "there is no list {number} that you may see"
        )));
    }
    let mut rows = Vec::new();
    for list in &lists {
        let mut row = row(list);
        row.push(format!("leaf {}", list.leaf));
        row.push(
            list.facts
                .as_ref()
                .map_or_else(String::new, |f| format!("sha256 {}", f.sha256)),
        );
        rows.push(row);
    }
    let values: Vec<Value> = lists.iter().map(list_json).collect();
    answer(global, &json!(values), &columns(&rows))
}

/// Drops a list.
fn drop_list(global: &Global, number: &str) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let at = centre.drop_list(&actor, number)?;
    let line = format!(
        "{number} is used no longer; what it was stays on record. Leaf {}.",
        at.index
    );
    answer(
        global,
        &json!({ "dropped": number, "leaf": at.index }),
        &[line],
    )
}

/// Tells how many items a list speaks of, and by whom of it.
fn hits(global: &Global, number: &str, purpose: &str, case: Option<&str>) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let seen = centre.lists_seen(&mut centre.session()?, Some(&actor.member))?;
    let Some(list) = seen.iter().find(|l| l.number == number) else {
        return Err(Failure::Usage(format!(
            "there is no list {number} that you may see"
        )));
    };
    let question = match list.class {
        Class::Names => format!("entity:{number}/*"),
        class => format!("{}:{number}", class.word()),
    };
    let search = Search {
        questions: vec![question_of(&question, &[])?],
        case: case.map(str::to_owned),
        exact: false,
        transliterate: true,
        sort: Order::Ern,
        purpose: purpose.to_owned(),
    };
    let of_list = format!("({number}/");
    let bar = Bar::new(!global.json);
    let searched = centre.search(&actor, &search, &bar.indexing(), &mut |answers| {
        bar.clear();
        let facets = answers.iter().flat_map(|a| &a.answer.facets);
        let counts = facets.filter(|f| f.field == "name").flat_map(|f| &f.counts);
        let own = counts
            .filter(|(label, _)| label.contains(&of_list))
            .cloned();
        let items = answers.iter().map(|a| a.answer.count()).sum::<u64>();
        let mut complete = answers.first().map(|a| a.completeness.clone());
        if let Some(complete) = &mut complete {
            complete.not_held.retain(|(list, _)| list == number);
        }
        Ok((own.collect::<Vec<_>>(), items, complete.unwrap_or_default()))
    })?;
    let (counts, items, complete) = searched.told;
    let mut lines = searched.said;
    lines.push(match list.class {
        Class::Names => format!(
            "{} of {number} in {}.",
            counted(counts.len() as u64, "name"),
            counted(items, "item")
        ),
        _ => format!(
            "{} on {number}; `comity search {question}` has them.",
            counted(items, "item")
        ),
    });
    lines.extend(counts.iter().map(|(label, n)| format!("{n:>8}  {label}")));
    lines.extend(not_held(&complete));
    lines.push(format!("On record: leaf {}.", searched.leaf));
    let body = json!({
        "list": number, "items": items, "entities": counts, "leaf": searched.leaf,
        "not_held": not_held_json(&complete),
    });
    answer(global, &body, &lines)
}

/// Names of an item that a hit shows at most.
const SHOWN: usize = 3;

/// Who stands in a hit, the first few.
pub fn named_lines(hit: &Hit) -> Vec<String> {
    let named = hit.names.iter().filter(|m| m.places > 0);
    let mut lines: Vec<String> = named
        .take(SHOWN)
        .map(|m| format!("    {}: {} “{}”, {}", m.part, m.caption, m.text, m.how))
        .collect();
    if hit.names.len() > SHOWN {
        let more = hit.names.len() - SHOWN;
        lines.push(format!(
            "    {more} more names of lists; `comity item show` has all"
        ));
    }
    lines
}

/// What lists say of an item, for people.
pub fn listed_lines(hit: &Hit) -> Vec<String> {
    let mut lines = Vec::new();
    if !hit.names.is_empty() {
        lines.push("names".to_owned());
    }
    for m in &hit.names {
        if m.places == 0 {
            lines.push(format!("  {}", m.caption));
            continue;
        }
        let more = match m.places {
            1 => String::new(),
            n => format!("; {n} places"),
        };
        lines.push(format!(
            "  {} ({}, {})  {}: “{}”, {}{more}",
            m.caption, m.kind, m.id, m.part, m.text, m.how
        ));
    }
    for k in &hit.on_lists {
        lines.push(format!("{:<12}{}", "on a list", known_words(k)));
    }
    lines
}

fn known_words(known: &OnList) -> String {
    match known.name.as_str() {
        "" => format!("by its {}", known.by),
        name => format!("as “{name}”, by its {}", known.by),
    }
}

/// A name that stands in an item.
pub fn mention_json(m: &Mention) -> Value {
    json!({
        "list": m.list, "id": m.id, "kind": m.kind, "caption": m.caption, "how": m.how, "part": m.part,
        "text": m.text, "places": m.places,
    })
}

/// A list of files that an item is on.
pub fn known_json(k: &OnList) -> Value {
    json!({ "list": k.list, "name": k.name, "by": k.by })
}
