//! `comity search`: find items by words, names, dates, places and what is recorded of them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use comity_app::AppError;
use comity_app::ambient::time_text;
use comity_app::search::{
    Answered, Completeness, Hit, How, Order, Search, Suggestion, question_of,
};
use comity_core::id::Ern;
use serde_json::{Value, json};

use crate::args::Global;
use crate::names::{known_json, mention_json, named_lines};
use crate::output::{answer, counted};
use crate::progress::Bar;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct SearchArgs {
    /// What is looked for: words, "phrases", AND OR NOT, near/5, begin*, similar~, field:value
    #[arg(required_unless_present = "terms")]
    pub question: Option<String>,
    /// What it is searched for; goes on record before an answer is given
    #[arg(long)]
    pub purpose: String,
    /// In this case alone, by code or name
    #[arg(long)]
    pub case: Option<String>,
    /// Only items of which this holds too, such as state:sealed; may be given again
    #[arg(long, value_name = "FIELD:VALUE")]
    pub filter: Vec<String>,
    /// At most so many hits
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
    /// Only hits after this one, in the same order
    #[arg(long, value_name = "ERN")]
    pub after: Option<Ern>,
    /// In which order
    #[arg(long, value_enum, default_value = "relevance")]
    pub sort: By,
    /// Words in the form that was typed alone
    #[arg(long)]
    pub exact: bool,
    /// Do not look for names in another alphabet
    #[arg(long)]
    pub no_transliteration: bool,
    /// A file with a question on each line: each gets its own answer
    #[arg(long, value_name = "FILE", conflicts_with_all = ["question", "after"])]
    pub terms: Option<PathBuf>,
    /// Write all hits into this new file: .csv for a table, .ern for their numbers alone
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum By {
    /// What fits best first
    Relevance,
    /// The earliest first
    Date,
    /// By number
    Ern,
}

pub fn run(global: &Global, args: &SearchArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let export = args.export.as_deref().map(Export::to).transpose()?;
    let search = search(args)?;
    let after = args.after.map(|ern| ern.to_string());
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let bar = Bar::new(!global.json);
    let searched = centre.search(&actor, &search, &bar.indexing(), &mut |answers| {
        bar.clear();
        if let Some(export) = &export {
            export.write(answers)?;
        }
        let tell = |answered: &mut Answered<'_>| {
            let hits = answered.answer.page(after.as_deref(), args.limit)?;
            Ok((in_json(answered, &hits), in_words(answered, &hits)))
        };
        answers
            .iter_mut()
            .map(tell)
            .collect::<Result<Vec<_>, AppError>>()
    })?;
    let (values, words): (Vec<Value>, Vec<Vec<String>>) = searched.told.into_iter().unzip();
    let mut lines = searched.said.clone();
    lines.extend(words.into_iter().flatten());
    if let Some(export) = &export {
        lines.push(format!("All hits are in {}.", export.file.display()));
    }
    lines.push(format!("On record: leaf {}.", searched.leaf));
    let body = match (&args.terms, values.as_slice()) {
        (None, [one]) => one.clone(),
        _ => json!({ "answers": values }),
    };
    let mut body = body;
    body["leaf"] = json!(searched.leaf);
    body["said"] = json!(searched.said);
    answer(global, &body, &lines)
}

fn search(args: &SearchArgs) -> Result<Search, Failure> {
    let questions = match (&args.terms, &args.question) {
        (Some(file), _) => {
            let text = std::fs::read_to_string(file).map_err(|e| {
                Failure::Usage(format!("the list {} cannot be read: {e}", file.display()))
            })?;
            let lines = text
                .lines()
                .enumerate()
                .filter(|(_, l)| !l.trim().is_empty());
            let question = |(n, line): (usize, &str)| {
                question_of(line, &args.filter)
                    .map_err(|e| Failure::Usage(format!("line {}: {e}", n + 1)))
            };
            lines.map(question).collect::<Result<Vec<_>, _>>()?
        }
        (None, question) => {
            vec![question_of(
                question.as_deref().unwrap_or_default(),
                &args.filter,
            )?]
        }
    };
    if questions.is_empty() {
        return Err(Failure::Usage("the list has no question in it".to_owned()));
    }
    Ok(Search {
        questions,
        case: args.case.clone(),
        exact: args.exact,
        transliterate: !args.no_transliteration,
        sort: match args.sort {
            By::Relevance => Order::Relevance,
            By::Date => Order::Date,
            By::Ern => Order::Ern,
        },
        purpose: args.purpose.clone(),
    })
}

fn in_json(answered: &Answered<'_>, hits: &[Hit]) -> Value {
    let facets: serde_json::Map<String, Value> = answered
        .answer
        .facets
        .iter()
        .map(|facet| {
            let counts = facet.counts.iter();
            let counts: Vec<Value> = counts.map(|(value, n)| json!([value, n])).collect();
            (facet.field.clone(), counts.into())
        })
        .collect();
    let c = &answered.completeness;
    json!({
        "understood": answered.understood, "found": answered.answer.count(), "facets": facets,
        "did_you_mean": answered.answer.instead.iter().map(meant_json).collect::<Vec<_>>(),
        "words": answered.answer.begin_so.iter().map(|(w, n)| json!([w, n])).collect::<Vec<_>>(),
        "hits": hits.iter().map(hit_json).collect::<Vec<_>>(),
        "complete": {
            "items": c.items, "read": c.read, "read_in_part": c.in_part,
            "unread": c.unread.iter().map(|(s, n)| json!([s, n])).collect::<Vec<_>>(),
            "waiting": c.waiting.iter().map(|(m, n)| json!([m, n])).collect::<Vec<_>>(),
            "events_behind": c.behind,
            "not_held": not_held_json(c),
        },
    })
}

fn meant_json(suggestion: &Suggestion) -> Value {
    let instead = suggestion.instead.iter();
    let instead: Vec<Value> = instead
        .map(|i| json!({ "word": i.word, "how": i.how.words(), "items": i.items }))
        .collect();
    json!({ "typed": suggestion.typed, "instead": instead })
}

/// What could be asked instead of a word that stands nowhere.
fn meant(suggestion: &Suggestion) -> String {
    let instead = suggestion.instead.iter().map(|i| match i.how {
        How::Similar => format!("{} ({})", i.word, counted(i.items, "item")),
        how => format!("{} ({}, {})", i.word, how.words(), counted(i.items, "item")),
    });
    let instead: Vec<String> = instead.collect();
    format!(
        "Nothing has “{}”. Did you mean {}?",
        suggestion.typed,
        instead.join(", ")
    )
}

fn hit_json(hit: &Hit) -> Value {
    let pieces = |found: &comity_app::search::Found| -> Vec<Value> {
        let piece =
            |p: &comity_app::search::Piece| json!({ "text": p.text, "how": p.how.map(How::words) });
        found.pieces.iter().map(piece).collect()
    };
    let found: Vec<Value> = hit
        .found
        .iter()
        .map(|f| json!({ "part": f.part, "pieces": pieces(f) }))
        .collect();
    json!({
        "ern": hit.ern, "case": hit.case, "states": hit.states, "path": hit.path, "size": hit.size,
        "received": time_text(hit.received), "type": hit.media_type, "found": found,
        "known": hit.known.iter().map(|k| json!({ "field": k.field, "value": k.value, "origin": k.origin })).collect::<Vec<_>>(),
        "names": hit.names.iter().map(mention_json).collect::<Vec<_>>(),
        "lists": hit.on_lists.iter().map(known_json).collect::<Vec<_>>(),
    })
}

fn in_words(answered: &Answered<'_>, hits: &[Hit]) -> Vec<String> {
    let count = answered.answer.count();
    let mut lines = vec![format!(
        "{} for {}",
        counted(count, "hit"),
        answered.understood
    )];
    lines.extend(answered.answer.instead.iter().map(meant));
    for hit in hits {
        lines.push(format!(
            "{}  {}  {}",
            hit.ern,
            hit.states.join(", "),
            hit.path
        ));
        for known in &hit.known {
            lines.push(format!(
                "    {} {}  ({})",
                known.field, known.value, known.origin
            ));
        }
        for found in &hit.found {
            lines.push(format!("    {}", marked(found)));
        }
        lines.extend(named_lines(hit));
    }
    if (hits.len() as u64) < count {
        lines.push(format!(
            "{} of {count} shown; --after {} goes on, --export FILE.csv writes all.",
            hits.len(),
            hits.last().map_or("ERN", |h| h.ern.as_str())
        ));
    }
    for facet in answered.answer.facets.iter().filter(|f| f.counts.len() > 1) {
        let counts = facet.counts.iter().take(8);
        let counts: Vec<String> = counts.map(|(value, n)| format!("{value} {n}")).collect();
        lines.push(format!("By {}: {}", facet.field, counts.join(", ")));
    }
    lines.extend(completeness(&answered.completeness));
    lines
}

/// A place of a hit, its words between marks that stand in few texts.
fn marked(found: &comity_app::search::Found) -> String {
    let mut line = format!("{}: ", found.part);
    let mut hows: Vec<How> = found.pieces.iter().filter_map(|p| p.how).collect();
    for piece in &found.pieces {
        match piece.how {
            Some(_) => line.push_str(&format!("⟦{}⟧", piece.text)),
            // A hit is one line, whatever lines its text had.
            None => line.push_str(&piece.text.replace(['\n', '\r', '\t'], " ")),
        }
    }
    hows.sort_unstable();
    hows.dedup();
    hows.retain(|how| *how != How::Same);
    if !hows.is_empty() {
        let hows: Vec<&str> = hows.into_iter().map(How::words).collect();
        line.push_str(&format!("  ({})", hows.join("; ")));
    }
    line
}

fn completeness(c: &Completeness) -> Vec<String> {
    let part = match c.in_part {
        0 => String::new(),
        n => format!(", {n} of them in part"),
    };
    let mut lines = vec![format!(
        "Looked at {}: {} read{part}.",
        counted(c.items, "item"),
        c.read
    )];
    if !c.unread.is_empty() {
        let unread: Vec<String> = c.unread.iter().map(|(s, n)| format!("{s} {n}")).collect();
        lines.push(format!(
            "Of {}, name and record alone ({}); {} lists them.",
            counted(c.items - c.read, "item"),
            unread.join(", "),
            Completeness::UNREAD
        ));
    }
    for (member, items) in &c.waiting {
        lines.push(format!(
            "Not looked at: {} of {member}, whose desk has not brought its key.",
            counted(*items, "item")
        ));
    }
    if c.behind > 0 {
        lines.push(format!(
            "Not looked at yet: {} that another process is bringing into the index.",
            counted(c.behind, "event")
        ));
    }
    lines.extend(not_held(c));
    lines
}

/// Of each list, how many items could not be held against it.
pub fn not_held_json(c: &Completeness) -> Value {
    c.not_held
        .iter()
        .map(|(list, n)| json!([list, n]))
        .collect()
}

/// Which items a list of files says nothing of, though it might.
pub fn not_held(c: &Completeness) -> Vec<String> {
    let line = |(list, n): &(String, u64)| {
        format!(
            "Not held against {list}: {} without MD5 and SHA-1, which are all that some of its lines have; `comity work` makes them.",
            counted(*n, "item")
        )
    };
    c.not_held.iter().map(line).collect()
}

/// Where all hits go.
struct Export {
    file: PathBuf,
    numbers_alone: bool,
}

impl Export {
    fn to(file: &Path) -> Result<Export, Failure> {
        let numbers_alone = match file.extension().and_then(|e| e.to_str()) {
            Some("csv") => false,
            Some("ern") => true,
            _ => {
                return Err(Failure::Usage(format!(
                    "--export {}: its name says what it becomes, .csv or .ern",
                    file.display()
                )));
            }
        };
        if file.exists() {
            return Err(Failure::Usage(format!(
                "{} is there already: name a new file",
                file.display()
            )));
        }
        Ok(Export {
            file: file.to_path_buf(),
            numbers_alone,
        })
    }

    fn write(&self, answers: &mut [Answered<'_>]) -> Result<(), AppError> {
        let io = |e: std::io::Error| AppError::io(&self.file, e);
        let mut out = BufWriter::new(File::create(&self.file).map_err(io)?);
        if !self.numbers_alone {
            writeln!(out, "question,ern,case,state,size,received,type,path").map_err(io)?;
        }
        for answered in answers {
            let question = answered.understood.clone();
            answered.answer.each(&mut |hit| {
                let line = if self.numbers_alone {
                    hit.ern.clone()
                } else {
                    row(&question, &hit)
                };
                writeln!(out, "{line}").map_err(io)
            })?;
        }
        out.flush().map_err(io)
    }
}

fn row(question: &str, hit: &Hit) -> String {
    let cells = [
        question,
        &hit.ern,
        &hit.case,
        &hit.states.join(" "),
        &hit.size.to_string(),
        &time_text(hit.received),
        hit.media_type.as_deref().unwrap_or_default(),
        &hit.path,
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",")
}

/// A cell of a table (RFC 4180). What a spreadsheet would run as a formula gets an apostrophe before it: the paths of
/// evidence are chosen by strangers.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_cell_and_no_formula() {
        assert_eq!(quoted("a"), "a");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }
}
