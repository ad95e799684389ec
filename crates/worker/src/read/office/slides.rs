//! Presentations of PowerPoint: slides in the order in which they are shown, with the speaker's notes and comments.

use super::{package::Package, word};
use crate::{
    Out, Stop,
    xml::{Node, Xml},
};
use comity_extract::{Anchor, Place};
use std::io::Read;

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
    let mut masters = package.named("ppt/slideMasters/slideMaster", ".xml");
    masters.extend(package.named("ppt/slideLayouts/slideLayout", ".xml"));
    for (number, part) in (1..).zip(masters) {
        if let Some(mut xml) = package.xml(&part)? {
            master(&mut xml, number, out)?;
        }
    }
    Ok(())
}

/// What a master or layout shows on its slides: shapes that are no placeholders, whose texts are prompts.
fn master(xml: &mut Xml<impl Read>, number: u32, out: &mut Out) -> Result<(), Stop> {
    let (mut lines, mut is_prompt, mut in_text) = (Vec::<String>::new(), false, false);
    let mut count = 0;
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(tag) => match tag.name.as_str() {
                "sp" => (lines, is_prompt) = (Vec::new(), false),
                "ph" => is_prompt = true,
                "p" => lines.push(String::new()),
                "t" => in_text = true,
                _ => {}
            },
            Node::Text(text) if in_text => {
                if let Some(line) = lines.last_mut() {
                    line.push_str(&text);
                }
            }
            Node::Text(_) => {}
            Node::Close(name) if name == "t" => in_text = false,
            Node::Close(name) if name == "sp" => {
                let shown = std::mem::take(&mut lines);
                let shown = shown
                    .iter()
                    .filter(|line| !is_prompt && !line.trim().is_empty());
                for line in shown {
                    count += 1;
                    let at = [(Place::Header, number), (Place::Paragraph, count)];
                    out.text(&Anchor::at(&at), line)?;
                }
            }
            Node::Close(_) => {}
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
