//! Recognition of characters by Tesseract: a picture of a page in, its lines out.

use super::run::{Ran, Tool};
use crate::{Outcome, sandbox::ToolWalls};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Tesseract, found on this machine with the languages that were asked for.
#[derive(Clone, Debug)]
pub struct Ocr {
    tool: Tool,
    data: PathBuf,
    version: String,
    languages: String,
}

/// A line that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcrLine {
    /// The paragraph of the page that it is in, from 1.
    pub paragraph: u32,
    /// Its place in the page, from 1.
    pub line: u32,
    /// Its words, a space between each two.
    pub text: String,
}

/// What was recognised on a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OcrPage {
    /// Its lines in reading order.
    pub lines: Vec<OcrLine>,
    /// How many words.
    pub words: u32,
    /// How sure Tesseract is of its words, from 0 to 100 on average; 0 where there are none.
    pub confidence: f32,
}

/// Where Debian has Tesseract, and its data of version 4 and later.
const PROGRAM: &str = "/usr/bin/tesseract";
const DATA: [&str; 3] = [
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
];
const MEMORY_BYTES: u64 = 2 << 30;
const CPU_SECS: u64 = 300;
const TIME: Duration = Duration::from_secs(300);
/// The table of a page as dense as a page can be has some megabytes.
const OUTPUT_BYTES: u64 = 32 << 20;

impl Ocr {
    /// Looks for Tesseract and its data for `languages` (`ukr`, `rus`, `eng`). What is not there is said in words.
    pub fn find(launcher: &Path, languages: &[String]) -> Result<Ocr, String> {
        if !Path::new(PROGRAM).is_file() {
            return Err(format!("there is no {PROGRAM} (Debian: tesseract-ocr)"));
        }
        let data = DATA.iter().map(Path::new).find(|data| data.is_dir());
        let data = data.ok_or("Tesseract has no data (Debian: tesseract-ocr-eng)")?;
        let is_name = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for name in languages {
            if !is_name(name) || !data.join(format!("{name}.traineddata")).is_file() {
                return Err(format!(
                    "Tesseract has no data for {name} (Debian: tesseract-ocr-{name})"
                ));
            }
        }
        let mut ocr = Ocr {
            tool: Tool {
                launcher: launcher.to_owned(),
                walls: ToolWalls {
                    program: PROGRAM.into(),
                    data: vec![data.to_owned()],
                    memory_bytes: MEMORY_BYTES,
                    cpu_secs: CPU_SECS,
                    output_bytes: OUTPUT_BYTES,
                },
                time: TIME,
            },
            data: data.to_owned(),
            version: String::new(),
            languages: languages.join("+"),
        };
        ocr.version = ocr.ask_version()?;
        Ok(ocr)
    }

    fn ask_version(&self) -> Result<String, String> {
        let said = match self.tool.run(&["--version"], &[]) {
            Ok(Ran::Done(said)) => String::from_utf8_lossy(&said).into_owned(),
            Ok(Ran::Failed(outcome)) => return Err(outcome.reason),
            Err(error) => return Err(error.to_string()),
        };
        let first = said.lines().next().unwrap_or_default().trim();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || " .-".contains(c);
        if first.starts_with("tesseract ") && first.len() < 60 && first.chars().all(is_plain) {
            Ok(first.to_owned())
        } else {
            Err(format!("{PROGRAM} does not say its version"))
        }
    }

    /// Name and version of the program: `tesseract 5.3.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The languages as Tesseract is told them: `ukr+rus+eng`.
    pub fn languages(&self) -> &str {
        &self.languages
    }

    /// Recognises a page: a picture that Tesseract opens, best a grey one in PGM, of so many dots an inch where that
    /// is known.
    ///
    /// # Errors
    /// The program cannot be started. What is wrong with the page is an outcome.
    pub fn page(&self, picture: &[u8], dpi: Option<u32>) -> io::Result<Result<OcrPage, Outcome>> {
        let data = self.data.to_string_lossy().into_owned();
        let mut arguments = vec![
            "stdin",
            "stdout",
            "--tessdata-dir",
            &data,
            "-l",
            &self.languages,
        ];
        let dpi = dpi.map(|dpi| dpi.to_string());
        if let Some(dpi) = &dpi {
            arguments.extend(["--dpi", dpi]);
        }
        // Pages that lie on their side are turned first.
        let psm = if self.data.join("osd.traineddata").is_file() {
            "1"
        } else {
            "3"
        };
        arguments.extend(["--psm", psm, "-c", "tessedit_create_tsv=1"]);
        Ok(match self.tool.run(&arguments, picture)? {
            Ran::Done(table) => Ok(parse_tsv(&String::from_utf8_lossy(&table))),
            Ran::Failed(outcome) => Err(outcome),
        })
    }
}

/// Reads Tesseract's table: a row for each word, with block, paragraph, line, word and confidence. The table comes
/// from a program that read hostile pixels: a row that is none is left out.
pub fn parse_tsv(table: &str) -> OcrPage {
    let mut page = OcrPage::default();
    let (mut sum, mut paragraphs, mut last) = (0.0, 0, None);
    for row in table.lines() {
        let columns: Vec<&str> = row.splitn(12, '\t').collect();
        let [level, _, block, paragraph, line, .., confidence, text] = columns[..] else {
            continue;
        };
        let text = text.trim();
        let place: Option<Vec<u32>> = [block, paragraph, line]
            .iter()
            .map(|n| n.parse().ok())
            .collect();
        let (Some(place), Ok(confidence)) = (place, confidence.parse::<f32>()) else {
            continue;
        };
        if level != "5" || text.is_empty() || !(0.0..=100.0).contains(&confidence) {
            continue;
        }
        page.words += 1;
        sum += confidence;
        match page
            .lines
            .last_mut()
            .filter(|_| last.as_ref() == Some(&place))
        {
            Some(line) => line.text.extend([" ", text]),
            None => {
                let goes_on = last
                    .as_ref()
                    .is_some_and(|before: &Vec<u32>| before[..2] == place[..2]);
                paragraphs += u32::from(!goes_on);
                page.lines.push(OcrLine {
                    paragraph: paragraphs,
                    line: page.lines.len() as u32 + 1,
                    text: text.to_owned(),
                });
                last = Some(place);
            }
        }
    }
    if page.words > 0 {
        page.confidence = sum / page.words as f32;
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_lines_and_paragraphs_and_what_is_no_row_is_left_out() {
        let table = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n\
            1\t1\t0\t0\t0\t0\t0\t0\t800\t600\t-1\t\n\
            5\t1\t1\t1\t1\t1\t10\t10\t90\t20\t96.5\tАкт\n\
            5\t1\t1\t1\t1\t2\t110\t10\t90\t20\t91.5\tогляду\n\
            5\t1\t1\t1\t2\t1\t10\t40\t90\t20\t80\tмісця\n\
            5\t1\t1\t2\t1\t1\t10\t90\t90\t20\t60\tдруга\ttab\n\
            5\t1\t2\t1\t1\t1\t10\t200\t90\t20\t95\t \n\
            5\t1\t2\tx\t1\t1\t10\t200\t90\t20\t95\tbroken\n\
            5\t1\t2\t1\t1\t1\t10\t200\t90\t20\t1e9\tbroken\n";
        let page = parse_tsv(table);
        let lines: Vec<_> = page
            .lines
            .iter()
            .map(|l| (l.paragraph, l.line, l.text.as_str()))
            .collect();
        assert_eq!(
            lines,
            [(1, 1, "Акт огляду"), (1, 2, "місця"), (2, 3, "друга\ttab")]
        );
        assert_eq!((page.words, page.confidence), (4, 82.0));
        assert_eq!(parse_tsv("\t\t\n5\n"), OcrPage::default());
    }
}
