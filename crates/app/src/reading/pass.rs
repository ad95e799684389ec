//! The passes over what was taken in: everything is read first, and then, at leisure, drawn and recognised.

use comity_extract::Asked;

/// A pass. Numbers are those of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Pass {
    /// Text, metadata, and what is inside.
    Read = 0,
    /// Thumbnails and pages, to be looked at.
    Draw = 1,
    /// Characters of pictures and scanned pages.
    Recognise = 2,
}

impl Pass {
    /// All of them, in the order in which they are made.
    pub const ALL: [Pass; 3] = [Pass::Read, Pass::Draw, Pass::Recognise];
    /// Those that follow the first where a reading says that there is something for them.
    pub const FURTHER: [Pass; 2] = [Pass::Draw, Pass::Recognise];

    /// The kind of the event that records it.
    pub fn event(self) -> &'static str {
        match self {
            Pass::Read => "read",
            Pass::Draw => "drawn",
            Pass::Recognise => "recognised",
        }
    }

    /// The pass that events of this kind record; such an event names a derivative.
    pub fn of_event(kind: &str) -> Option<Pass> {
        Pass::ALL.into_iter().find(|pass| pass.event() == kind)
    }

    /// The field of its event that has the state, and its name in the list of what is to follow a reading.
    pub fn field(self) -> &'static str {
        match self {
            Pass::Read => "reading",
            Pass::Draw => "drawing",
            Pass::Recognise => "recognition",
        }
    }

    /// What a worker is asked for.
    pub fn asked(self) -> Asked {
        match self {
            Pass::Read => Asked::Read,
            Pass::Draw => Asked::Draw,
            Pass::Recognise => Asked::Scans,
        }
    }
}
