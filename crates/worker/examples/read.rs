//! Reads files and folders by hand: `read FILE…` prints state, type, fields, text and children of each, and reads the
//! children in turn. `--brief` prints a line for each, `--json` an object of JSON a line, with the digests of children,
//! `--derivative` the text as it is kept.
//!
//! `cargo build -p comity-worker --bins --examples && target/debug/examples/read FILE…`

use comity_extract::{Child, Derivative, Found, Limits, Outcome, Readers, Sink, State};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

/// Children larger than this are listed, and not read in turn.
const CHILD_MAX: usize = 256 << 20;

/// Fields with words that people gave. A search finds them, and the names of what is inside, as it finds text.
const WORDS: [&str; 10] = [
    "title",
    "subject",
    "author",
    "last_author",
    "company",
    "keywords",
    "comment",
    "sheet",
    "from",
    "to",
];

#[derive(Default)]
struct Shown {
    kind: String,
    name: String,
    fields: Vec<[String; 3]>,
    text: String,
    /// Characters of fields with words, and of the names of children.
    named: usize,
    passages: Vec<String>,
    missing: Vec<String>,
    children: Vec<(Child, Vec<u8>, Option<Outcome>)>,
}

impl Sink for Shown {
    fn begin(&mut self, _reader: &str) -> io::Result<()> {
        *self = Shown::default();
        Ok(())
    }

    fn take(&mut self, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::Type { media, name } => {
                (self.kind, self.name) = (media.to_owned(), name.to_owned())
            }
            Found::Field { name, value, from } => {
                if WORDS.contains(&name) {
                    self.named += value.chars().count();
                }
                self.fields.push([name, value, from].map(str::to_owned));
            }
            Found::Text { at, text } => {
                self.text.push_str(text);
                if self.passages.len() < 12 {
                    self.passages.push(format!(
                        "[{at}] {}",
                        text.chars().take(160).collect::<String>().trim_end()
                    ));
                }
            }
            Found::Missing(what) => self.missing.push(what.to_owned()),
            Found::Picture(_) | Found::PictureBytes(_) => {}
            Found::Child(child) => {
                self.named += child.path.chars().count();
                self.children.push((child.clone(), Vec::new(), None));
            }
            Found::ChildBytes(bytes) => {
                if let Some((_, kept, _)) = self
                    .children
                    .last_mut()
                    .filter(|child| child.1.len() < CHILD_MAX)
                {
                    kept.extend(bytes);
                }
            }
            Found::ChildEnd(outcome) => {
                if let Some(child) = self.children.last_mut() {
                    child.2 = Some(outcome.clone());
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, _outcome: &Outcome) -> io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn print(&self, name: &str, outcome: &Outcome, started: Instant, form: Form) {
        println!(
            "{name}\n  {} · {} · {} characters, {} in fields and names · {} ms {}",
            outcome.state,
            self.name,
            self.text.chars().count(),
            self.named,
            started.elapsed().as_millis(),
            if outcome.reason.is_empty() {
                String::new()
            } else {
                format!("· {}", outcome.reason)
            }
        );
        for missing in self.missing.iter().take(5) {
            println!("    missing: {missing}");
        }
        if form == Form::Full {
            let fields = self.fields.iter().take(30);
            let fields = fields.map(|[name, value, from]| format!("{name}: {value}  ({from})"));
            for line in fields.chain(self.passages.iter().cloned()) {
                println!("    {}", line.replace('\n', "\n      "));
            }
        }
    }

    fn json(&self, path: &str, outcome: &Outcome) -> Value {
        let children: Vec<Value> = self
            .children
            .iter()
            .map(|(child, bytes, end)| {
                json!({
                    "path": child.path,
                    "size": bytes.len(),
                    "sha256": data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)),
                    "state": end.as_ref().map(|end| end.state.to_string()),
                })
            })
            .collect();
        json!({
            "path": path,
            "state": outcome.state.to_string(),
            "reason": outcome.reason,
            "type": self.kind,
            "fields": self.fields,
            "text": self.text,
            "missing": self.missing,
            "children": children,
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Full,
    Brief,
    Json,
}

struct Run {
    readers: Readers,
    form: Form,
    depth: u32,
    /// For each type: files, with text, and how many ended in which state.
    table: BTreeMap<String, (u32, u32, BTreeMap<State, u32>)>,
}

impl Run {
    fn show(
        &mut self,
        name: &str,
        source: &dyn comity_extract::Source,
        depth: u32,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut shown = Shown::default();
        let started = Instant::now();
        let leaf = name.rsplit(['/', '›']).next().unwrap_or(name).trim();
        let outcome = self.readers.read(leaf, source, &mut shown)?;
        if self.form == Form::Json {
            println!("{}", shown.json(name, &outcome));
        }
        let row = self.table.entry(shown.kind.clone()).or_default();
        row.0 += 1;
        row.1 += u32::from(shown.text.trim().chars().count() >= 10);
        *row.2.entry(outcome.state).or_default() += 1;
        if self.form != Form::Json {
            shown.print(name, &outcome, started, self.form);
        }
        for (child, bytes, end) in shown.children {
            let name = format!("{name} › {}", child.path);
            match end {
                Some(Outcome {
                    state: State::Read, ..
                }) if depth < self.depth => self.show(&name, &bytes, depth + 1)?,
                _ if self.form == Form::Json => {}
                Some(Outcome {
                    state: State::Read, ..
                }) => println!("{name}\n  over a limit · nested too deep"),
                Some(outcome) => println!("{name}\n  {} · {}", outcome.state, outcome.reason),
                None => println!("{name}\n  cut off"),
            }
        }
        Ok(())
    }

    fn walk(&mut self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        if path.is_dir() {
            let mut paths: Vec<PathBuf> = path
                .read_dir()?
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<_>>()?;
            paths.sort();
            return paths.iter().try_for_each(|path| self.walk(path));
        }
        match File::open(path) {
            Ok(file) if path.is_file() => self.show(&path.to_string_lossy(), &file, 0),
            Ok(_) => Ok(()),
            Err(error) => {
                println!("{}: {error}", path.display());
                Ok(())
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (options, paths): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with("--"));
    let has = |option: &str| options.iter().any(|word| word == option);
    let beside = std::env::current_exe()?;
    let program = beside
        .ancestors()
        .nth(2)
        .ok_or("no folder above")?
        .join("extract-worker");
    let limits = Limits::default();
    let depth = limits.depth;
    let mut readers = Readers::new(program, limits);
    if has("--derivative") {
        for path in paths {
            let mut text = Derivative::new(Vec::new());
            readers.read(&path, &File::open(&path)?, &mut text)?;
            print!("{}", String::from_utf8_lossy(&text.into_inner()));
        }
        return Ok(());
    }
    let mut run = Run {
        readers,
        form: match (has("--json"), has("--brief")) {
            (true, _) => Form::Json,
            (_, true) => Form::Brief,
            _ => Form::Full,
        },
        depth,
        table: BTreeMap::new(),
    };
    for path in &paths {
        run.walk(Path::new(path))?;
    }
    if run.form == Form::Json {
        return Ok(());
    }
    println!("\n| type | files | with text | states |\n| --- | --- | --- | --- |");
    for (kind, (files, texts, states)) in &run.table {
        let states: Vec<String> = states
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        println!("| {kind} | {files} | {texts} | {} |", states.join(", "));
    }
    Ok(())
}
