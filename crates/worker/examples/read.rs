//! Reads files and folders by hand: `read FILE…` prints state, type, fields, text and children of each, and reads the
//! children in turn. `--brief` prints a line for each, `--derivative` the text as it is kept.
//!
//! `cargo build -p comity-worker --bins --examples && target/debug/examples/read FILE…`

use comity_extract::{Child, Derivative, Found, Limits, Outcome, Readers, Sink, State};
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
    fields: Vec<String>,
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
                self.fields.push(format!("{name}: {value}  ({from})"))
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

struct Run {
    readers: Readers,
    brief: bool,
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
        let row = self.table.entry(shown.kind.clone()).or_default();
        row.0 += 1;
        row.1 += u32::from(shown.text.trim().chars().count() >= 10);
        *row.2.entry(outcome.state).or_default() += 1;
        println!(
            "{name}\n  {} · {} · {} characters, {} in fields and names · {} ms {}",
            outcome.state,
            shown.name,
            shown.text.chars().count(),
            shown.named,
            started.elapsed().as_millis(),
            if outcome.reason.is_empty() {
                String::new()
            } else {
                format!("· {}", outcome.reason)
            }
        );
        for missing in shown.missing.iter().take(5) {
            println!("    missing: {missing}");
        }
        if !self.brief {
            for line in shown.fields.iter().take(30).chain(&shown.passages) {
                println!("    {}", line.replace('\n', "\n      "));
            }
        }
        for (child, bytes, end) in shown.children {
            let name = format!("{name} › {}", child.path);
            match end {
                Some(Outcome {
                    state: State::Read, ..
                }) if depth < self.depth => self.show(&name, &bytes, depth + 1)?,
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
        brief: has("--brief"),
        depth,
        table: BTreeMap::new(),
    };
    for path in &paths {
        run.walk(Path::new(path))?;
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
