//! Maps as XML: places and tracks of KML, points of GPX. Their words are read as text.

use crate::{
    Input, Out, Stop,
    decode::Guess,
    read::text,
    xml::{Node, Xml},
};
use std::collections::HashSet;

/// Different places that are given of one map.
const MOST: usize = 4000;

pub fn read(input: &Input, out: &mut Out, guess: Guess) -> Result<(), Stop> {
    text::read(input, out, guess)?;
    let mut places = Places::default();
    let mut xml = Xml::new(input.rewound());
    let (mut name, mut inside, mut written) = (String::new(), String::new(), String::new());
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(tag) => {
                let coordinate = |name: &str| tag.attribute(name)?.trim().parse::<f64>().ok();
                if matches!(tag.name.as_str(), "wpt" | "trkpt" | "rtept")
                    && let Some((north, east)) = coordinate("lat").zip(coordinate("lon"))
                {
                    places.put(out, north, east, &format!("GPX {}", tag.name))?;
                }
                if tag.name == "Placemark" {
                    name.clear();
                }
                inside = tag.name;
                written.clear();
            }
            Node::Text(text) if written.len() < 1 << 20 => written.push_str(&text),
            Node::Text(_) => {}
            Node::Close(closed) => {
                if closed == inside && closed == "name" {
                    name = written.split_whitespace().collect::<Vec<_>>().join(" ");
                }
                if closed == inside && closed == "coordinates" {
                    let from = match name.is_empty() {
                        true => "KML coordinates".to_owned(),
                        false => format!("KML coordinates, {name}"),
                    };
                    for triple in written.split_whitespace() {
                        // Longitude comes first here, and the height last.
                        let mut numbers = triple.split(',').map_while(|n| n.parse::<f64>().ok());
                        if let Some((east, north)) = numbers.next().zip(numbers.next()) {
                            places.put(out, north, east, &from)?;
                        }
                    }
                }
                inside.clear();
            }
        }
    }
    if places.left_out > 0 {
        let value = format!("positions: {} more", places.left_out);
        out.field("not_listed", &value, "map")?;
    }
    Ok(())
}

#[derive(Default)]
struct Places {
    seen: HashSet<String>,
    left_out: u64,
}

impl Places {
    fn put(&mut self, out: &mut Out, north: f64, east: f64, from: &str) -> Result<(), Stop> {
        if north.abs() > 90.0 || east.abs() > 180.0 {
            return Ok(());
        }
        let value = format!("{north:.6},{east:.6}");
        if self.seen.contains(&value) {
            return Ok(());
        }
        if self.seen.len() == MOST {
            self.left_out += 1;
            return Ok(());
        }
        out.field("position", &value, from)?;
        self.seen.insert(value);
        Ok(())
    }
}
