//! Office documents that are a ZIP of XML: Office Open XML and OpenDocument.

mod binary;
mod odf;
mod package;
mod sheet;
mod slides;
mod word;

pub use odf::read as odf;
pub use sheet::{date, is_date};

use self::package::Package;
use crate::{Input, Out, Stop};
use comity_extract::Place;

/// Word, Excel and PowerPoint since 2007.
pub fn ooxml(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut package = Package::open(input)?;
    package.properties(out)?;
    // Which of the three it is, the main part says, and not the media type that a name may have given it.
    if package.has("word/document.xml") || package.has("word/document2.xml") {
        word::read(&mut package, out)?;
    } else if package.has("xl/workbook.xml") {
        sheet::read(&mut package, out)?;
    } else if package.has("ppt/presentation.xml") {
        slides::read(&mut package, out)?;
    } else if package.has("xl/workbook.bin") {
        binary::read(input, out)?;
    } else {
        return Err(Stop::Damaged("it has no main part".to_owned()));
    }
    frames(&mut package, out)?;
    package.embedded(out)
}

/// Texts that stand in parts of their own: frames of sheets, diagrams (SmartArt), charts.
fn frames(package: &mut Package, out: &mut Out) -> Result<(), Stop> {
    let mut parts = Vec::new();
    for folder in ["word", "xl", "ppt"] {
        for start in ["drawings/drawing", "diagrams/data", "charts/chart"] {
            parts.extend(package.named(&format!("{folder}/{start}"), ".xml"));
        }
    }
    for (number, part) in (1..).zip(parts) {
        if let Some(mut xml) = package.xml(&part)? {
            word::paragraphs(&mut xml, out, &[(Place::Frame, number)], None)?;
        }
    }
    Ok(())
}
