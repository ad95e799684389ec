//! What a worker finds in a file.

use crate::{Anchor, Outcome};
use std::io;

/// How a child belongs to the file that it was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Relation {
    /// A member of an archive.
    Member = 0,
    /// An attachment of a message.
    Attachment = 1,
    /// A message of a mailbox.
    Message = 2,
    /// Embedded in a document.
    Embedded = 3,
    /// The content of a compressed file.
    Content = 4,
}

impl Relation {
    /// The relation with this number.
    pub fn of(number: u8) -> Option<Relation> {
        use Relation::*;
        [Member, Attachment, Message, Embedded, Content]
            .get(usize::from(number))
            .copied()
    }
}

/// What a container says of one of its children, before the child's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Place in the container's order, from 1.
    pub ordinal: u32,
    /// How it belongs to the container.
    pub relation: Relation,
    /// The container's path for it, as text, whatever it says.
    pub path: String,
    /// The path's bytes where they are not the UTF-8 of `path`; else empty.
    pub path_bytes: Vec<u8>,
    /// Size in bytes as the container states it.
    pub stated_size: Option<u64>,
    /// Time of change as the container states it, as in fields; else empty.
    pub modified: String,
}

/// One finding. Between `Child` and `ChildEnd` there are only `ChildBytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// The type by content.
    Type {
        /// Media type.
        media: &'a str,
        /// The format's name in words.
        name: &'a str,
    },
    /// A field of metadata.
    Field {
        /// One of the names in the format's table.
        name: &'a str,
        /// Its value.
        value: &'a str,
        /// Where in the file it stands.
        from: &'a str,
    },
    /// A piece of text. Pieces that follow each other with one anchor are one passage.
    Text {
        /// Where it stands.
        at: &'a Anchor,
        /// The text.
        text: &'a str,
    },
    /// A child begins.
    Child(&'a Child),
    /// Bytes of the child that is open.
    ChildBytes(&'a [u8]),
    /// The child ends.
    ChildEnd(&'a Outcome),
    /// Something that was not read, and why.
    Missing(&'a str),
}

/// Takes what is found in one item.
pub trait Sink {
    /// An attempt begins: what an earlier one found is of no account.
    fn begin(&mut self, reader: &str) -> io::Result<()>;

    /// Takes one finding. An error ends the reading of the item and is given to the caller of it.
    fn take(&mut self, found: Found<'_>) -> io::Result<()>;

    /// The item has ended in this state.
    fn end(&mut self, outcome: &Outcome) -> io::Result<()>;
}
