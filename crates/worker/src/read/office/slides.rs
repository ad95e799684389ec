//! Presentations of PowerPoint: slides in the order in which they are shown, with the speaker's notes and comments.

use super::{package::Package, word};
use crate::{Out, Stop, xml::Node};
use comity_extract::Place;

pub fn read(package: &mut Package, out: &mut Out) -> Result<(), Stop> {
    let slides = order(package)?;
    out.field("slides", &slides.len().to_string(), "counted")?;
    for (number, slide) in (1_u32..).zip(&slides) {
        let Some(mut xml) = package.xml(slide)? else {
            out.missing(&format!("slide {number}: the part {slide} is not there"));
            continue;
        };
        word::paragraphs(&mut xml, out, &[(Place::Slide, number)], None)?;
        drop(xml);
        for (_, target) in package.relations(slide)? {
            let place = match &target {
                _ if target.contains("notesSlides/") => Place::Note,
                _ if target.contains("comments/") => Place::Comment,
                _ if target.contains("://") => {
                    out.field("link", &target, &format!("slide {number}"))?;
                    continue;
                }
                _ => continue,
            };
            if let Some(mut xml) = package.xml(&target)? {
                word::paragraphs(&mut xml, out, &[(Place::Slide, number), (place, 1)], None)?;
            }
        }
    }
    Ok(())
}

/// The slides as the presentation lists them; as they are named, where it does not.
fn order(package: &mut Package) -> Result<Vec<String>, Stop> {
    let relations = package.relations("ppt/presentation.xml")?;
    let mut slides = Vec::new();
    if let Some(mut xml) = package.xml("ppt/presentation.xml")? {
        while let Some(node) = xml.next()? {
            if let Node::Open(tag) = node
                && tag.name == "sldId"
            {
                // Two attributes are called `id`; the one with a prefix names the relation.
                let known = |id: &String| relations.iter().find(|(known, _)| known == id);
                slides.extend(
                    tag.attributes("id")
                        .iter()
                        .find_map(known)
                        .map(|(_, target)| target.clone()),
                );
            }
        }
    }
    if slides.is_empty() {
        slides = package.named("ppt/slides/slide", ".xml");
    }
    Ok(slides)
}
