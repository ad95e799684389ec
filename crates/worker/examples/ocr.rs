//! Recognises characters by hand: `ocr FILE…` prints what Tesseract reads on pictures and scanned pages, and how many
//! pages a second. `--keep FOLDER` also writes the pictures that it was given there, for comparison.
//!
//! `cargo build -p comity-worker --bins --examples && target/debug/examples/ocr FILE…`

use comity_extract::{Asked, Found, Limits, Outcome, Picture, Readers, Sink, tool::Ocr};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

struct Pages<'a> {
    ocr: &'a Ocr,
    keep: Option<&'a Path>,
    open: Option<(Picture, Vec<u8>)>,
    pages: usize,
}

impl Pages<'_> {
    fn page(&mut self, picture: &Picture, bytes: &[u8]) -> io::Result<()> {
        self.pages += 1;
        if let Some(folder) = self.keep {
            std::fs::write(folder.join(format!("{:06}.pgm", self.pages)), bytes)?;
        }
        let dpi = Some(picture.dpi).filter(|dpi| *dpi > 0);
        match self.ocr.page(bytes, dpi)? {
            Ok(page) => {
                println!("  page {}: confidence {:.0}", picture.page, page.confidence);
                for line in page.lines {
                    println!("    [{}.{}] {}", line.paragraph, line.line, line.text);
                }
            }
            Err(outcome) => println!("  page {}: {outcome:?}", picture.page),
        }
        Ok(())
    }
}

impl Sink for Pages<'_> {
    fn begin(&mut self, _reader: &str) -> io::Result<()> {
        self.open = None;
        Ok(())
    }

    fn take(&mut self, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::Picture(picture) => self.open = Some((picture.clone(), Vec::new())),
            Found::PictureBytes(bytes) => {
                if let Some((picture, mut all)) = self.open.take() {
                    all.extend_from_slice(bytes);
                    if (all.len() as u64) < picture.size {
                        self.open = Some((picture, all));
                    } else {
                        self.page(&picture, &all)?;
                    }
                }
            }
            Found::Missing(what) => println!("  not had: {what}"),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, outcome: &Outcome) -> io::Result<()> {
        println!("  {}: {}", outcome.state, outcome.reason);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let keeps = words
        .first()
        .is_some_and(|word| word.as_os_str() == "--keep");
    let keep = (keeps && words.len() > 1)
        .then(|| words.drain(..2).nth(1))
        .flatten();
    let launcher = std::env::current_exe()?.with_file_name("../extract-worker");
    let languages = ["ukr", "rus", "eng"].map(str::to_owned);
    let ocr = Ocr::find(&launcher, &languages)?;
    let mut readers = Readers::new(launcher, Limits::default());
    let mut pages = Pages {
        ocr: &ocr,
        keep: keep.as_deref(),
        open: None,
        pages: 0,
    };
    let begun = Instant::now();
    for file in &words {
        println!("{}", file.display());
        let name = file.to_string_lossy();
        readers.ask(Asked::Scans, &name, &File::open(file)?, &mut pages)?;
    }
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{} pages, {took:.2} seconds, {:.2} pages a second",
        pages.pages,
        pages.pages as f64 / took
    );
    Ok(())
}
