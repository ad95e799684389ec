//! A mailbox of Outlook ([MS-PST], in Unicode, nothing encoded) made block by block: folders, messages, attachments,
//! messages that are attached.

use super::wide;

/// A property: its number, and what it is.
pub enum Property<'a> {
    Text(u16, &'a str),
    Number(u16, u32),
    Bytes(u16, &'a [u8]),
    /// A node that belongs to this one, and the size of what is in it.
    Node(u16, u32),
}

use Property::{Bytes, Node, Number, Text};

impl Property<'_> {
    fn id(&self) -> u16 {
        match self {
            Text(id, _) | Number(id, _) | Bytes(id, _) | Node(id, _) => *id,
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Number(..) => 0x0003,
            Node(..) => 0x000d,
            Text(..) => 0x001f,
            Bytes(..) => 0x0102,
        }
    }
}

/// A node's own block and that of the nodes which belong to it.
#[derive(Clone, Copy)]
pub struct Blocks {
    data: u64,
    nodes: u64,
}

/// What a mailbox is made of; [`Mailbox::file`] lays it out.
#[derive(Default)]
pub struct Mailbox {
    blocks: Vec<(u64, Vec<u8>)>,
    nodes: Vec<(u32, Blocks)>,
}

/// An attachment.
pub enum Attached {
    File(&'static str, Vec<u8>),
    Message(&'static str, Letter),
}

/// A message.
pub struct Letter {
    pub subject: &'static str,
    pub body: &'static str,
    pub attached: Vec<Attached>,
}

impl Letter {
    pub fn new(subject: &'static str, body: &'static str) -> Letter {
        Letter {
            subject,
            body,
            attached: Vec::new(),
        }
    }
}

impl Mailbox {
    fn block(&mut self, data: Vec<u8>, internal: bool) -> u64 {
        let bid = (self.blocks.len() as u64 + 1) * 4 + if internal { 2 } else { 0 };
        self.blocks.push((bid, data));
        bid
    }

    /// 2.2.2.8.3.3.1: the nodes that belong to one.
    fn own(&mut self, nodes: &[(u32, Blocks)]) -> u64 {
        let mut block = vec![2, 0];
        block.extend((nodes.len() as u16).to_le_bytes());
        block.extend([0; 4]);
        for (nid, blocks) in nodes {
            block.extend(u64::from(*nid).to_le_bytes());
            block.extend(blocks.data.to_le_bytes());
            block.extend(blocks.nodes.to_le_bytes());
        }
        self.block(block, true)
    }

    fn node(&mut self, nid: u32, data: Vec<u8>, nodes: u64) {
        let data = self.block(data, false);
        self.nodes.push((nid, Blocks { data, nodes }));
    }

    /// A folder with its tables.
    fn folder(&mut self, nid: u32, name: &str, folders: &[u32], messages: &[u32]) {
        self.node(nid, properties(&[Text(0x3001, name)]), 0);
        let rows = |ids: &[u32]| ids.iter().map(|id| (*id, Vec::new())).collect::<Vec<_>>();
        let table = |kind: u32| nid & !0x1f | kind;
        self.node(table(0x0d), table_of(&rows(folders)), 0);
        self.node(table(0x0e), table_of(&rows(messages)), 0);
        self.node(table(0x0f), table_of(&[]), 0);
    }

    fn letter(&mut self, letter: &Letter) -> Blocks {
        let to = vec![
            Number(0x0c15, 1),
            Text(0x3001, "Штаб"),
            Text(0x39fe, "staff@example.org"),
        ];
        let recipients = self.block(table_of(&[(1, to)]), false);
        let plain = |data| Blocks { data, nodes: 0 };
        let mut own = vec![(0x692, plain(recipients))];
        let mut rows = Vec::new();
        for (number, attached) in (0x401..).zip(&letter.attached) {
            let nid = number << 5 | 5;
            let blocks = self.attached(attached);
            own.push((nid, blocks));
            rows.push((nid, Vec::new()));
        }
        if !rows.is_empty() {
            let table = self.block(table_of(&rows), false);
            own.push((0x671, plain(table)));
        }
        own.sort_by_key(|(nid, _)| *nid);
        let nodes = self.own(&own);
        let data = properties(&[
            Text(0x001a, "IPM.Note"),
            Text(0x0037, letter.subject),
            Text(0x0c1a, "Грім"),
            Text(0x0c1f, "grim@example.org"),
            Text(0x1000, letter.body),
        ]);
        Blocks {
            data: self.block(data, false),
            nodes,
        }
    }

    fn attached(&mut self, attached: &Attached) -> Blocks {
        match attached {
            Attached::File(name, bytes) => {
                let data = properties(&[
                    Number(0x0e20, bytes.len() as u32),
                    Bytes(0x3701, bytes),
                    Number(0x3705, 1),
                    Text(0x3707, name),
                ]);
                Blocks {
                    data: self.block(data, false),
                    nodes: 0,
                }
            }
            // 2.4.6.2: the message is a node that belongs to the attachment.
            Attached::Message(name, letter) => {
                let inner = self.letter(letter);
                let nid = 0x9004;
                let data = properties(&[Text(0x3001, name), Node(0x3701, nid), Number(0x3705, 5)]);
                let nodes = self.own(&[(nid, inner)]);
                Blocks {
                    data: self.block(data, false),
                    nodes,
                }
            }
        }
    }

    /// A mailbox with these messages in its one folder.
    pub fn with(letters: &[Letter]) -> Mailbox {
        let mut mailbox = Mailbox::default();
        let store = properties(&[Bytes(0x0ff9, &[7; 16]), Text(0x3001, "Архів")]);
        mailbox.node(0x21, store, 0);
        mailbox.folder(0x122, "", &[0x8022], &[]);
        let nids: Vec<u32> = (0..letters.len() as u32)
            .map(|at| message(at as usize))
            .collect();
        mailbox.folder(0x8022, "Вхідні", &[], &nids);
        for (nid, letter) in nids.iter().zip(letters) {
            let blocks = mailbox.letter(letter);
            mailbox.nodes.push((*nid, blocks));
        }
        mailbox
    }

    /// The numbers of the blocks of a message: its own, and that of its nodes.
    pub fn blocks_of(&self, at: usize) -> [u64; 2] {
        let found = self.nodes.iter().find(|(nid, _)| *nid == message(at));
        found.map_or([0, 0], |(_, blocks)| [blocks.data, blocks.nodes])
    }

    /// The number of the block of a node.
    pub fn block_of(&self, nid: u32) -> u64 {
        let found = self.nodes.iter().find(|(known, _)| *known == nid);
        found.map_or(0, |(_, blocks)| blocks.data)
    }

    /// Where the block with this number lies in the file, and how long it is.
    pub fn place_of(&self, bid: u64) -> (usize, usize) {
        let mut at = FIRST;
        for (known, data) in &self.blocks {
            if *known == bid {
                return (at, data.len());
            }
            at += (data.len() + 16).next_multiple_of(64);
        }
        (0, 0)
    }

    /// The first block that holds these bytes.
    pub fn block_with(&self, bytes: &[u8]) -> u64 {
        let holds =
            |(_, data): &&(u64, Vec<u8>)| data.windows(bytes.len()).any(|window| window == bytes);
        self.blocks.iter().find(holds).map_or(0, |(bid, _)| *bid)
    }

    /// The bytes of a block, to be changed.
    pub fn block_mut(&mut self, bid: u64) -> &mut Vec<u8> {
        let at = self.blocks.iter().position(|(known, _)| *known == bid);
        &mut self.blocks[at.unwrap_or_default()].1
    }

    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let mut file = vec![0; FIRST];
        let mut blocks = Vec::new();
        for (bid, data) in &self.blocks {
            let at = file.len() as u64;
            file.extend(data);
            file.resize((file.len() + 16).next_multiple_of(64) - 16, 0);
            file.extend((data.len() as u16).to_le_bytes());
            file.extend(signature(at, *bid).to_le_bytes());
            file.extend(crc(data).to_le_bytes());
            file.extend(bid.to_le_bytes());
            let mut entry = Vec::new();
            for number in [*bid, at] {
                entry.extend(number.to_le_bytes());
            }
            entry.extend((data.len() as u16).to_le_bytes());
            entry.extend([2, 0, 0, 0, 0, 0]);
            blocks.push((*bid, entry));
        }
        let mut nodes: Vec<(u64, Vec<u8>)> = Vec::new();
        for (nid, of) in &self.nodes {
            let mut entry = Vec::new();
            for number in [u64::from(*nid), of.data, of.nodes, 0] {
                entry.extend(number.to_le_bytes());
            }
            nodes.push((u64::from(*nid), entry));
        }
        nodes.sort();
        file.resize(file.len().next_multiple_of(512), 0);
        let nodes = tree(&mut file, 0x81, 32, &nodes);
        let blocks = tree(&mut file, 0x80, 24, &blocks);
        header(&mut file, nodes, blocks);
        file
    }
}

/// Blocks begin here.
const FIRST: usize = 0x4600;

fn message(at: usize) -> u32 {
    0x20_0004 + 0x20 * at as u32
}

/// 2.2.2.7.7: a tree of one or two levels; where its top lies.
fn tree(file: &mut Vec<u8>, kind: u8, length: u8, entries: &[(u64, Vec<u8>)]) -> (u64, u64) {
    let mut page = |level: u8, length: u8, entries: &[(u64, Vec<u8>)]| {
        let at = file.len() as u64;
        let bid = at / 512;
        let mut page: Vec<u8> = entries
            .iter()
            .flat_map(|(_, entry)| entry.clone())
            .collect();
        page.resize(488, 0);
        let most = 488 / usize::from(length);
        page.extend([entries.len() as u8, most as u8, length, level, 0, 0, 0, 0]);
        let sum = crc(&page);
        page.extend([kind, kind]);
        page.extend(signature(at, bid).to_le_bytes());
        page.extend(sum.to_le_bytes());
        page.extend(bid.to_le_bytes());
        file.extend(page);
        (bid, at)
    };
    let mut above = Vec::new();
    for entries in entries.chunks(488 / usize::from(length)) {
        let (bid, at) = page(0, length, entries);
        let mut entry = Vec::new();
        for number in [entries[0].0, bid, at] {
            entry.extend(number.to_le_bytes());
        }
        above.push((entries[0].0, entry));
    }
    page(1, 24, &above)
}

/// 2.2.2.6.
fn header(file: &mut [u8], nodes: (u64, u64), blocks: (u64, u64)) {
    let end = file.len() as u64;
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"!BDN");
    put(8, b"SM\x17\0\x13\0\x01\x01");
    put(32, &1000_u64.to_le_bytes());
    put(184, &end.to_le_bytes());
    put(192, &0x4400_u64.to_le_bytes());
    put(216, &nodes.0.to_le_bytes());
    put(224, &nodes.1.to_le_bytes());
    put(232, &blocks.0.to_le_bytes());
    put(240, &blocks.1.to_le_bytes());
    put(248, &[2]);
    put(256, &[0xff; 256]);
    put(512, &[0x80, 0]);
    put(516, &4000_u64.to_le_bytes());
    let (part, all) = (crc(&file[8..479]), crc(&file[8..524]));
    file[4..8].copy_from_slice(&part.to_le_bytes());
    file[524..528].copy_from_slice(&all.to_le_bytes());
}

/// 2.3.1: a heap of pieces, of which the first has this kind; `root` is the piece it begins with.
fn heap(kind: u8, root: usize, pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut block = vec![0, 0, 0xec, kind];
    block.extend(piece(root).to_le_bytes());
    block.extend([0; 4]);
    let mut places = Vec::new();
    for bytes in pieces {
        places.push(block.len() as u16);
        block.extend(bytes);
    }
    places.push(block.len() as u16);
    block.resize(block.len().next_multiple_of(2), 0);
    let map = block.len() as u16;
    block[..2].copy_from_slice(&map.to_le_bytes());
    block.extend((pieces.len() as u16).to_le_bytes());
    block.extend([0, 0]);
    for place in places {
        block.extend(place.to_le_bytes());
    }
    block
}

/// The number of a piece of a heap.
fn piece(at: usize) -> u32 {
    (at as u32 + 1) << 5
}

/// 2.3.2.1: the head of a tree in a heap.
fn head(key: u8, entry: u8, root: u32) -> Vec<u8> {
    [&[0xb5, key, entry, 0][..], &root.to_le_bytes()].concat()
}

/// 2.3.3: the properties of a node.
fn properties(all: &[Property<'_>]) -> Vec<u8> {
    let mut pieces = vec![Vec::new(), Vec::new()];
    let mut sorted: Vec<&Property<'_>> = all.iter().collect();
    sorted.sort_by_key(|property| property.id());
    for property in sorted {
        let value = match property {
            Number(_, number) => *number,
            Text(_, "") => 0,
            _ => {
                pieces.push(match property {
                    Text(_, words) => wide(words),
                    Bytes(_, bytes) => bytes.to_vec(),
                    Node(_, nid) => [nid.to_le_bytes(), 100_u32.to_le_bytes()].concat(),
                    Number(..) => Vec::new(),
                });
                piece(pieces.len() - 1)
            }
        };
        pieces[1].extend(property.id().to_le_bytes());
        pieces[1].extend(property.kind().to_le_bytes());
        pieces[1].extend(value.to_le_bytes());
    }
    pieces[0] = head(2, 6, piece(1));
    heap(0xbc, 0, &pieces)
}

/// 2.3.4: a table with these rows, all of the same columns, each of four bytes.
fn table_of(rows: &[(u32, Vec<Property<'_>>)]) -> Vec<u8> {
    let shape: Vec<(u16, u16)> = match rows.first() {
        Some((_, cells)) => cells.iter().map(|cell| (cell.id(), cell.kind())).collect(),
        None => Vec::new(),
    };
    let mut columns = vec![(0x67f2, 3), (0x67f3, 3)];
    columns.extend(&shape);
    let width = columns.len() * 4;
    let flags = columns.len().div_ceil(8);
    let mut pieces = vec![
        Vec::new(),
        head(4, 4, if rows.is_empty() { 0 } else { piece(2) }),
    ];
    if !rows.is_empty() {
        pieces.extend([Vec::new(), Vec::new()]);
    }
    for (index, (id, cells)) in (0_u32..).zip(rows) {
        pieces[2].extend([id.to_le_bytes(), index.to_le_bytes()].concat());
        let mut row = [id.to_le_bytes(), 1_u32.to_le_bytes()].concat();
        for cell in cells {
            let value = match cell {
                Number(_, number) => *number,
                Text(_, words) => {
                    pieces.push(wide(words));
                    piece(pieces.len() - 1)
                }
                Bytes(..) | Node(..) => 0,
            };
            row.extend(value.to_le_bytes());
        }
        row.extend(vec![0xff; flags]);
        pieces[3].extend(row);
    }
    let mut about = vec![0x7c, columns.len() as u8];
    for end in [width, width, width, width + flags] {
        about.extend((end as u16).to_le_bytes());
    }
    about.extend(piece(1).to_le_bytes());
    about.extend(if rows.is_empty() { 0 } else { piece(3) }.to_le_bytes());
    about.extend([0; 4]);
    let mut described: Vec<(usize, (u16, u16))> = columns.into_iter().enumerate().collect();
    described.sort_by_key(|(_, (id, _))| *id);
    for (at, (id, kind)) in described {
        about.extend(kind.to_le_bytes());
        about.extend(id.to_le_bytes());
        about.extend((at as u16 * 4).to_le_bytes());
        about.extend([4, at as u8]);
    }
    pieces[0] = about;
    heap(0x7c, 0, &pieces)
}

/// 5.5.
fn signature(at: u64, bid: u64) -> u16 {
    let mixed = at ^ bid;
    (mixed >> 16) as u16 ^ mixed as u16
}

/// 5.3: CRC-32 without the complement at its ends.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
