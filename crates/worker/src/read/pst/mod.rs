//! Mailboxes of Outlook ([MS-PST]), by ranges: each message is a child, in the order of its folders.
//!
//! A message has no bytes of its own there, only properties; its child is a message of the Internet made from them,
//! with its attachments, so that two messages with the same attachment both keep it.

mod compose;
mod letter;
mod nodes;

use crate::{Input, Out, Stop, out::child, read::unless_given_up};
use comity_extract::Relation;
use letter::Made;
use nodes::Node;
use outlook_pst::{
    AnsiPstFile, PstFile, UnicodePstFile,
    ltp::table_context::{AnsiTableContext, TableContext, UnicodeTableContext},
    messaging::store::{AnsiStore, EntryId, Store, UnicodeStore},
    ndb::{
        block_id::{AnsiBlockId, BlockId, UnicodeBlockId},
        block_ref::BlockRef,
        byte_index::ByteIndex,
        header::Header,
        node_id::NodeId,
        page::{AnsiNodeBTreeEntry, NodeBTreeEntry, UnicodeNodeBTreeEntry},
        root::Root,
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    io,
    rc::Rc,
};

/// The root of all folders, those that Outlook does not show too.
const ROOT: u32 = 0x122;
/// Folders within folders, and messages within messages.
const DEPTH_MAX: usize = 64;
/// Kinds of tables of a folder ([MS-PST] 2.2.2.1): what is in it, and the folders within.
const CONTENTS: u32 = 0x0e;
const HIERARCHY: u32 = 0x0d;

/// A mailbox in one of its two forms.
#[derive(Clone)]
enum Form {
    Unicode(Rc<UnicodePstFile>, Rc<UnicodeStore>),
    Ansi(Rc<AnsiPstFile>, Rc<AnsiStore>),
}

/// A mailbox that goes on where the library gives up over a damaged part of it: then it is opened anew, since what the
/// library held locked stays so.
struct Mailbox<'a> {
    input: &'a Input,
    form: RefCell<Form>,
    given_up: Cell<bool>,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let given_up = Cell::new(false);
    let mailbox = Mailbox {
        input,
        form: RefCell::new(caught(&given_up, || Form::open(input))?),
        given_up,
    };
    let title = mailbox.with(|form| {
        let store = form.store();
        Ok(store.properties().display_name().unwrap_or_default())
    })?;
    out.field("title", &title, "PidTagDisplayName")?;
    mailbox.folder(ROOT, &[], &mut HashSet::new(), out)
}

/// Does what the library may give up over.
fn caught<T>(given_up: &Cell<bool>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    unless_given_up(work).unwrap_or_else(|why| {
        given_up.set(true);
        Err(io::Error::other(why))
    })
}

impl Form {
    fn open(input: &Input) -> io::Result<Form> {
        let unicode = UnicodePstFile::read_from(Box::new(input.rewound())).and_then(|file| {
            let file = Rc::new(file);
            Ok(Form::Unicode(file.clone(), UnicodeStore::read(file)?))
        });
        match unicode {
            Ok(form) => Ok(form),
            Err(error) => AnsiPstFile::read_from(Box::new(input.rewound()))
                .and_then(|file| {
                    let file = Rc::new(file);
                    Ok(Form::Ansi(file.clone(), AnsiStore::read(file)?))
                })
                // What the newer form said of it is nearer to the truth.
                .map_err(|_| error),
        }
    }

    fn store(&self) -> Rc<dyn Store> {
        match self {
            Form::Unicode(_, store) => store.clone(),
            Form::Ansi(_, store) => store.clone(),
        }
    }

    fn is_wide(&self) -> bool {
        matches!(self, Form::Unicode(..))
    }

    /// Where the tree of blocks begins.
    fn blocks(&self) -> u64 {
        match self {
            Form::Unicode(file, _) => file.header().root().block_btree().index().index(),
            Form::Ansi(file, _) => file.header().root().block_btree().index().index().into(),
        }
    }

    /// The node with this number, if it is one that belongs to no other.
    fn node(&self, number: u32) -> io::Result<Node> {
        let id = NodeId::from(number);
        Ok(match self {
            Form::Unicode(file, _) => {
                let node = file.read_node(id)?;
                Node {
                    number,
                    data: node.data().search_key(),
                    own: node.sub_node().map_or(0, |own| own.search_key()),
                }
            }
            Form::Ansi(file, _) => {
                let node = file.read_node(id)?;
                Node {
                    number,
                    data: node.data().search_key().into(),
                    own: node.sub_node().map_or(0, |own| own.search_key().into()),
                }
            }
        })
    }

    /// All bytes of a block, and of those that it is the head of.
    fn data(&self, block: u64) -> io::Result<Vec<u8>> {
        match self {
            Form::Unicode(file, _) => file.read_block(wide(block)?),
            Form::Ansi(file, _) => file.read_block(narrow(block)?),
        }
    }

    fn table(&self, node: Node) -> io::Result<Rc<dyn TableContext>> {
        let id = NodeId::from(node.number);
        match self {
            Form::Unicode(_, store) => {
                let own = (node.own != 0).then(|| wide(node.own)).transpose()?;
                let node = UnicodeNodeBTreeEntry::new(id, wide(node.data)?, own, None);
                UnicodeTableContext::read(store.clone(), node)
            }
            Form::Ansi(_, store) => {
                let own = (node.own != 0).then(|| narrow(node.own)).transpose()?;
                let node = AnsiNodeBTreeEntry::new(id, narrow(node.data)?, own, None);
                AnsiTableContext::read(store.clone(), node)
            }
        }
    }
}

fn wide(block: u64) -> io::Result<UnicodeBlockId> {
    UnicodeBlockId::new(block & 2 != 0, block >> 2).map_err(io::Error::other)
}

fn narrow(block: u64) -> io::Result<AnsiBlockId> {
    let index = u32::try_from(block >> 2).map_err(io::Error::other)?;
    AnsiBlockId::new(block & 2 != 0, index).map_err(io::Error::other)
}

/// The rows of a table, by the numbers of what they are of.
fn rows(table: &dyn TableContext) -> Vec<u32> {
    table.rows_matrix().map(|row| u32::from(row.id())).collect()
}

impl Mailbox<'_> {
    /// Asks the library.
    fn with<T>(&self, ask: impl FnOnce(&Form) -> io::Result<T>) -> io::Result<T> {
        let form = self.form.borrow().clone();
        let done = caught(&self.given_up, || ask(&form));
        if self.given_up.take() {
            *self.form.borrow_mut() = caught(&self.given_up, || Form::open(self.input))?;
        }
        done
    }

    fn entry(&self, number: u32) -> io::Result<EntryId> {
        self.with(|form| {
            let id = NodeId::from(number);
            form.store().properties().make_entry_id(id)
        })
    }

    /// The rows of a folder's table; that it cannot be read is told.
    fn listed(&self, folder: u32, kind: u32, path: &[String], out: &mut Out) -> Vec<u32> {
        let found = self.with(|form| {
            let node = form.node(folder & !0x1f | kind)?;
            Ok(rows(&*form.table(node)?))
        });
        // Folders of a search have other tables, and what they list lies elsewhere.
        let is_plain = folder & 0x1f == 2;
        match found {
            Ok(rows) => rows,
            Err(error) => {
                if is_plain {
                    let what = match kind {
                        CONTENTS => "messages",
                        _ => "folders",
                    };
                    out.missing(&format!(
                        "the list of {what} in {}/: {error}",
                        path.join("/")
                    ));
                }
                Vec::new()
            }
        }
    }

    /// The messages of a folder, then those of the folders within. One that was met is not gone through again.
    fn folder(
        &self,
        number: u32,
        path: &[String],
        met: &mut HashSet<u32>,
        out: &mut Out,
    ) -> Result<(), Stop> {
        if !met.insert(number) {
            out.missing(&format!(
                "the folder {}/: it is within itself",
                path.join("/")
            ));
            return Ok(());
        }
        let here = || path.join("/");
        let messages = self.listed(number, CONTENTS, path, out);
        let folders = self.listed(number, HIERARCHY, path, out);
        for number in messages {
            match self.made(number, path) {
                Ok(Made { child, bytes, lost }) => {
                    for what in lost {
                        out.missing(&format!("{}: {what}", child.path));
                    }
                    out.child(child, &mut bytes.as_slice())?;
                }
                Err(error) => {
                    let lost = child(
                        Relation::Message,
                        &format!("{}/message {number}.eml", here()),
                    );
                    out.lost_child(lost, Stop::Damaged(error.to_string()))?;
                }
            }
        }
        for number in folders {
            if path.len() == DEPTH_MAX {
                return Err(Stop::OverLimit(format!(
                    "folders are nested more than {DEPTH_MAX} deep"
                )));
            }
            // Its messages are read where its own properties cannot be.
            let name = self.entry(number).and_then(|id| {
                self.with(|form| {
                    let folder = form.store().open_folder(&id)?;
                    Ok(folder.properties().display_name().ok())
                })
            });
            let name = name.unwrap_or_else(|error| {
                out.missing(&format!("the folder {}/{number}: {error}", here()));
                None
            });
            let name = name.unwrap_or_else(|| format!("folder {number}"));
            self.folder(number, &[path, &[name]].concat(), met, out)?;
        }
        Ok(())
    }
}
