//! What `bench/search` asks of the index: how fast it is built, beside Tantivy alone, and how fast it answers.
//!
//! ```sh
//! measure build CORPUS.jsonl FOLDER          # documents in a second and megabytes, as JSON
//! measure plain CORPUS.jsonl                 # the same of Tantivy as it comes
//! measure more CORPUS.jsonl FOLDER           # seconds until 1,000 further documents are found, as JSON
//! measure ask FOLDER QUESTIONS.txt RUNS      # for each question: hits, and milliseconds of each run, as JSON
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use comity_core::random::TestRandom;
use comity_index::{Ask, Dated, Document, Index, Passage, Position, Scope, Sort, Spoken, ask};
use comity_seal::Key;
use comity_search::query::{Field, Thing, parse};
use comity_store::Disk;
use serde_json::{Value, json};
use tantivy::directory::RamDirectory;
use tantivy::schema::{FAST, STORED, STRING, Schema, TEXT, TextOptions};
use tantivy::{IndexSettings, TantivyDocument, doc};

fn main() {
    let said: Vec<String> = std::env::args().skip(1).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    match said[..] {
        ["build", corpus, folder] => build(corpus, Path::new(folder)),
        ["plain", corpus] => plain(corpus),
        ["more", corpus, folder] => more(corpus, Path::new(folder)),
        ["ask", folder, questions, runs] => {
            answer(Path::new(folder), questions, runs.parse().unwrap());
        }
        _ => panic!(
            "measure build CORPUS FOLDER, measure plain CORPUS, measure more CORPUS FOLDER, or measure ask FOLDER QUESTIONS RUNS"
        ),
    }
}

/// The documents of a corpus: a line of JSON for each.
fn documents(corpus: &str) -> impl Iterator<Item = Document> {
    let lines = BufReader::with_capacity(1 << 20, File::open(corpus).unwrap()).lines();
    lines.zip(1..).map(|(line, number)| {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let at = line["at"].as_i64().unwrap() * 1_000_000;
        Document {
            ern: format!("UKR-000001-{number:07}"),
            case: "C0001".to_owned(),
            states: vec!["sealed".to_owned(), "read".to_owned()],
            media_type: Some("text/plain".to_owned()),
            languages: vec![Spoken {
                code: text("language"),
                origin: "found in the text".to_owned(),
            }],
            source: Some("an archive".to_owned()),
            has: vec![Thing::Text],
            size: line["text"].as_str().unwrap().len() as u64,
            received: at,
            dates: vec![Dated {
                from: at,
                to: at + 1,
                shown: at.to_string(),
                origin: "the file".to_owned(),
                own: true,
            }],
            path: text("path"),
            named: vec![(Field::Author, text("author"))],
            text: vec![Passage {
                anchor: "line 1".to_owned(),
                text: text("text"),
                flows: false,
            }],
            ..Document::default()
        }
    })
}

fn open(folder: &Path) -> Index {
    let random = Arc::new(TestRandom::new([9; 32]));
    Index::open(folder, "UKR", &Disk::real(), &Key::new([7; 32]), random).unwrap()
}

fn told(documents: u64, started: Instant, bytes: u64) {
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({ "documents": documents, "seconds": seconds, "bytes": bytes })
    );
}

fn build(corpus: &str, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let started = Instant::now();
    let mut index = open(folder);
    let mut change = index.write().unwrap();
    let mut count = 0;
    for document in documents(corpus) {
        change.put(&document).unwrap();
        count += 1;
    }
    let position = Position {
        size: count,
        leaf: "ab".to_owned(),
        ..Position::default()
    };
    change.commit(position).unwrap();
    let files = std::fs::read_dir(folder).unwrap();
    let bytes = files.map(|f| f.unwrap().metadata().unwrap().len()).sum();
    told(count, started, bytes);
}

/// Puts 1,000 further documents into an index that is there, as a search does that follows an intake: opened, written,
/// committed, and asked. Says how long that took.
fn more(corpus: &str, folder: &Path) {
    let count = 1000;
    let further: Vec<Document> = documents(corpus)
        .take(count)
        .map(|document| Document {
            ern: document.ern.replace("UKR-000001", "UKR-000002"),
            path: format!("{} subsequently", document.path),
            ..document
        })
        .collect();
    let started = Instant::now();
    let mut index = open(folder);
    let position = Position {
        size: index.position().size + count as u64,
        ..index.position().clone()
    };
    let mut change = index.write().unwrap();
    for document in &further {
        change.put(document).unwrap();
    }
    change.commit(position).unwrap();
    let asked = asked("path:subsequently", false);
    let found = ask(std::slice::from_ref(&index), &asked).unwrap();
    assert!(found.count() == count as u64);
    println!(
        "{}",
        json!({ "documents": count, "seconds": started.elapsed().as_secs_f64() })
    );
}

fn asked(question: &str, exact: bool) -> Ask {
    Ask {
        query: parse(question).unwrap(),
        scope: Scope::default(),
        exact,
        transliterate: !exact,
        sort: Sort::Relevance,
        lists: Vec::new(),
    }
}

/// The same fields in Tantivy as it comes: its own words, what hits show stored, all in memory and never on a disk.
fn plain(corpus: &str) {
    let started = Instant::now();
    let mut schema = Schema::builder();
    let ern = schema.add_text_field("ern", STRING);
    let words = schema.add_text_field("words", TEXT);
    let author_words = schema.add_text_field("author_words", TEXT);
    let path_words = schema.add_text_field("path_words", TEXT);
    let kept = schema.add_text_field("kept", STORED);
    let column = || TextOptions::default().set_fast("raw");
    let names = ["case", "state", "type", "language", "source", "year", "has"];
    let columns = names.map(|name| schema.add_text_field(name, column()));
    let [size, order] = ["size", "order"].map(|name| schema.add_u64_field(name, FAST));
    let date = schema.add_i64_field("date", FAST);
    let folder = RamDirectory::create();
    let settings = IndexSettings::default();
    let index = tantivy::Index::create(folder.clone(), schema.build(), settings).unwrap();
    let mut writer = index.writer_with_num_threads(1, 128 << 20).unwrap();
    let mut count = 0;
    for document in documents(corpus) {
        let text = &document.text[0].text;
        let (_, author) = &document.named[0];
        let mut out: TantivyDocument = doc!(
            ern => document.ern.as_str(), words => text.as_str(), words => author.as_str(), author_words => author.as_str(),
            words => document.path.as_str(), path_words => document.path.as_str(),
            kept => json!([document.path, author, text]).to_string(),
            size => document.size, order => count, date => document.dates[0].from,
        );
        let language = document.languages[0].code.as_str();
        let values = [
            "C0001",
            "read",
            "text/plain",
            language,
            "an archive",
            "2022",
            "text",
        ];
        for (column, value) in columns.iter().zip(values) {
            out.add_text(*column, value);
        }
        writer.add_document(out).unwrap();
        count += 1;
    }
    writer.commit().unwrap();
    writer.wait_merging_threads().unwrap();
    told(count, started, folder.total_mem_usage() as u64);
}

/// Asks as `comity search` does: all hits counted, all facets, a page of ten with its highlights. A question that
/// begins with `exact ` is asked as with `--exact`.
fn answer(folder: &Path, questions: &str, runs: usize) {
    let index = open(folder);
    for line in std::fs::read_to_string(questions).unwrap().lines() {
        let (question, exact) = match line.strip_prefix("exact ") {
            Some(question) => (question, true),
            None => (line, false),
        };
        let asked = asked(question, exact);
        let mut hits = 0;
        let mut times = Vec::new();
        for _ in 0..runs {
            let started = Instant::now();
            let mut answer = ask(std::slice::from_ref(&index), &asked).unwrap();
            let page = answer.page(None, 10).unwrap();
            times.push(started.elapsed().as_secs_f64() * 1000.0);
            hits = answer.count();
            assert!(page.len() as u64 == hits.min(10));
        }
        println!("{}", json!({ "question": line, "hits": hits, "ms": times }));
    }
}
