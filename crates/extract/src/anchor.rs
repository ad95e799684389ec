//! Where in a file a piece of text stands, so that a citation can point at it.

use std::fmt;

/// One kind of place. Numbers are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Place {
    /// A part of a message, in the order of its structure.
    Part = 1,
    /// A page.
    Page = 2,
    /// A slide.
    Slide = 3,
    /// A sheet; its name is a field.
    Sheet = 4,
    /// A row of a sheet or table.
    Row = 5,
    /// A column; 1 is A.
    Column = 6,
    /// A paragraph.
    Paragraph = 7,
    /// A line.
    Line = 8,
    /// A comment.
    Comment = 9,
    /// A footnote, endnote, or a speaker's note.
    Note = 10,
    /// A header or footer.
    Header = 11,
    /// Text that a tracked change removed.
    Deleted = 12,
    /// Text that is not shown.
    Hidden = 13,
    /// A record of a file of records.
    Record = 14,
    /// A text frame, diagram or chart that stands beside the running text.
    Frame = 15,
    /// A property or tag of the file, in words: its title, say, where hardly anything else has words.
    Property = 16,
}

impl Place {
    const ALL: [Place; 16] = [
        Place::Part,
        Place::Page,
        Place::Slide,
        Place::Sheet,
        Place::Row,
        Place::Column,
        Place::Paragraph,
        Place::Line,
        Place::Comment,
        Place::Note,
        Place::Header,
        Place::Deleted,
        Place::Hidden,
        Place::Record,
        Place::Frame,
        Place::Property,
    ];

    /// The place with this number.
    pub fn of(number: u8) -> Option<Place> {
        Place::ALL.into_iter().find(|place| *place as u8 == number)
    }

    /// The place with this name.
    pub fn named(name: &str) -> Option<Place> {
        Place::ALL.into_iter().find(|place| place.name() == name)
    }

    /// Its name in kept text.
    pub fn name(self) -> &'static str {
        match self {
            Place::Part => "part",
            Place::Page => "page",
            Place::Slide => "slide",
            Place::Sheet => "sheet",
            Place::Row => "row",
            Place::Column => "column",
            Place::Paragraph => "paragraph",
            Place::Line => "line",
            Place::Comment => "comment",
            Place::Note => "note",
            Place::Header => "header",
            Place::Deleted => "deleted",
            Place::Hidden => "hidden",
            Place::Record => "record",
            Place::Frame => "frame",
            Place::Property => "property",
        }
    }
}

/// Steps from the whole file to a place in it; numbers begin at 1. At most [`Anchor::MAX_STEPS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Anchor(pub Vec<(Place, u32)>);

impl Anchor {
    /// How many steps an anchor may have.
    pub const MAX_STEPS: usize = 8;

    /// An anchor of these steps.
    pub fn at(steps: &[(Place, u32)]) -> Anchor {
        Anchor(steps.to_vec())
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (place, number)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{} {number}", place.name())?;
        }
        Ok(())
    }
}
