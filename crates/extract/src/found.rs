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

/// What a picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Small, for lists.
    Thumbnail = 1,
    /// Small, grey, and so coarse that nothing of it is recognised.
    Blurred = 2,
    /// A page as it is looked at; a picture is a page.
    Page = 3,
    /// A page whose characters are to be recognised. It is not kept.
    Scan = 4,
}

impl Role {
    const ALL: [Role; 4] = [Role::Thumbnail, Role::Blurred, Role::Page, Role::Scan];

    /// The role with this number.
    pub fn of(number: u8) -> Option<Role> {
        Role::ALL.into_iter().find(|role| *role as u8 == number)
    }

    /// The role with this name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Its name, as events say it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Thumbnail => "thumbnail",
            Role::Blurred => "blurred",
            Role::Page => "page",
            Role::Scan => "scan",
        }
    }
}

/// What a worker says of a picture that it has drawn, before the picture's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What it is for.
    pub role: Role,
    /// Of which page, from 1.
    pub page: u32,
    /// Width in points.
    pub width: u32,
    /// Height in points.
    pub height: u32,
    /// Points an inch; 0 where that is not known.
    pub dpi: u32,
    /// Media type.
    pub media: String,
    /// Bytes that follow.
    pub size: u64,
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
    /// A picture begins.
    Picture(&'a Picture),
    /// Bytes of the picture that is open.
    PictureBytes(&'a [u8]),
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
