//! Office documents that are encrypted ([MS-OFFCRYPTO] 2.3.4): one with the passphrase that Office tries by itself is
//! opened. Excel writes it into workbooks that are protected against changes only, so that it is no secret.

use super::Ole;
use crate::{
    Stop,
    ints::{u16_at, u32_at, u64_at},
};
use aes::{
    Aes128, Aes192, Aes256,
    cipher::{BlockDecrypt, BlockDecryptMut, KeyInit, KeyIvInit, generic_array::GenericArray},
};
use data_encoding::BASE64;
use quick_xml::{Reader, events::Event};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// What Office tries before it asks ([MS-XLS] 2.4.191).
const KNOWN: &str = "VelvetSweatshop";
/// Turns of the hash; Office makes 100,000.
const TURNS_MAX: u32 = 1_000_000;
const BLOCK: usize = 16;
/// Each piece of the package has a beginning of its own.
const PIECE: usize = 4096;

/// The package within; `None` where the passphrase is another one, or the encryption is of a kind that is not known.
pub fn package(ole: &mut Ole) -> Result<Option<Vec<u8>>, Stop> {
    let (Some(about), Some(mut sealed)) = (
        ole.stream("/EncryptionInfo")?,
        ole.stream("/EncryptedPackage")?,
    ) else {
        return Ok(None);
    };
    if sealed.len() < 8 {
        return Ok(None);
    }
    let size = u64_at(&sealed, 0).min(sealed.len() as u64) as usize;
    let mut bytes = sealed.split_off(8);
    let opened = match (u16_at(&about, 0), u16_at(&about, 2)) {
        (4, 4) => agile(&about[8.min(about.len())..], &mut bytes),
        (2..=4, 2) => standard(&about, &mut bytes),
        _ => None,
    };
    bytes.truncate(size);
    Ok(opened.map(|()| bytes))
}

fn hash(name: &str, parts: &[&[u8]]) -> Option<Vec<u8>> {
    fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
        let mut digest = D::new();
        for part in parts {
            digest.update(part);
        }
        digest.finalize().to_vec()
    }
    Some(match name {
        "SHA1" => of::<Sha1>(parts),
        "SHA256" => of::<Sha256>(parts),
        "SHA384" => of::<Sha384>(parts),
        "SHA512" => of::<Sha512>(parts),
        _ => return None,
    })
}

/// The hash of the passphrase, turned so many times.
fn turned(name: &str, salt: &[u8], turns: u32) -> Option<Vec<u8>> {
    if turns > TURNS_MAX {
        return None;
    }
    let words: Vec<u8> = KNOWN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found = hash(name, &[salt, &words])?;
    for turn in 0..turns {
        found = hash(name, &[&turn.to_le_bytes(), &found])?;
    }
    Some(found)
}

/// What an element says of an encryption (2.3.4.10).
#[derive(Default)]
struct About {
    salt: Vec<u8>,
    hash: String,
    key_bytes: usize,
    turns: u32,
    input: Vec<u8>,
    hashed: Vec<u8>,
    key: Vec<u8>,
}

/// 2.3.4.10 to 2.3.4.15: described in XML; AES in chains.
fn agile(xml: &[u8], bytes: &mut [u8]) -> Option<()> {
    let (mut data, mut known) = (None, None);
    let mut reader = Reader::from_reader(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"keyData" => data = Some(described(&element)?),
                b"encryptedKey" if known.is_none() => known = Some(described(&element)?),
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    let (data, known): (About, About) = (data?, known?);
    let turned = turned(&known.hash, &known.salt, known.turns)?;
    let opened = |purpose: u64, sealed: &[u8]| {
        let mut key = hash(&known.hash, &[&turned, &purpose.to_be_bytes()])?;
        key.resize(known.key_bytes, 0x36);
        let mut opened = sealed.to_vec();
        chained(&key, &known.salt, &mut opened)?;
        Some(opened)
    };
    let input = opened(0xfea7_d276_3b4b_9e79, &known.input)?;
    let hashed = opened(0xd7aa_0f6d_3061_344e, &known.hashed)?;
    if !hashed.starts_with(&hash(&known.hash, &[&input])?) {
        return None;
    }
    let key = opened(0x146e_0be7_abac_d0d6, &known.key)?;
    let key = key.get(..data.key_bytes)?;
    for (number, piece) in (0_u32..).zip(bytes.chunks_mut(PIECE)) {
        let begin = hash(&data.hash, &[&data.salt, &number.to_le_bytes()])?;
        chained(key, &begin, piece)?;
    }
    Some(())
}

fn described(element: &quick_xml::events::BytesStart<'_>) -> Option<About> {
    let mut about = About::default();
    for attribute in element.attributes() {
        let attribute = attribute.ok()?;
        let text = String::from_utf8_lossy(&attribute.value).into_owned();
        let bytes = || BASE64.decode(text.as_bytes()).ok();
        match attribute.key.local_name().as_ref() {
            b"saltValue" => about.salt = bytes()?,
            b"hashAlgorithm" => about.hash = text.replace('-', ""),
            b"keyBits" => about.key_bytes = text.parse::<usize>().ok()? / 8,
            b"spinCount" => about.turns = text.parse().ok()?,
            b"encryptedVerifierHashInput" => about.input = bytes()?,
            b"encryptedVerifierHashValue" => about.hashed = bytes()?,
            b"encryptedKeyValue" => about.key = bytes()?,
            b"cipherAlgorithm" if text != "AES" => return None,
            b"cipherChaining" if text != "ChainingModeCBC" => return None,
            _ => {}
        }
    }
    Some(about)
}

/// 2.3.4.5 to 2.3.4.9: AES, each block by itself, and SHA-1.
fn standard(about: &[u8], bytes: &mut [u8]) -> Option<()> {
    let head = u32_at(about, 8) as usize;
    let key_bytes = u32_at(about, 12 + 16) as usize / 8;
    let verifier = about.get(12_usize.checked_add(head)?..)?;
    let (salt, input) = (verifier.get(4..20)?, verifier.get(20..36)?);
    let hashed = verifier.get(40..72)?;
    // 0x660e to 0x6610 are AES.
    if u32_at(verifier, 0) != 16 || !(0x660e..=0x6610).contains(&u32_at(about, 12 + 8)) {
        return None;
    }
    let turned = turned("SHA1", salt, 50_000)?;
    let last = hash("SHA1", &[&turned, &[0; 4]])?;
    let half = |byte: u8| {
        let mut block = [byte; 64];
        for (place, byte) in block.iter_mut().zip(&last) {
            *place ^= byte;
        }
        hash("SHA1", &[&block])
    };
    let key = [half(0x36)?, half(0x5c)?].concat();
    let key = key.get(..key_bytes)?;
    let (mut input, mut hashed) = (input.to_vec(), hashed.to_vec());
    alone(key, &mut input)?;
    alone(key, &mut hashed)?;
    if !hashed.starts_with(&hash("SHA1", &[&input])?) {
        return None;
    }
    alone(key, bytes)
}

/// Decrypts blocks that are chained; a rest of less than a block stays as it is.
fn chained(key: &[u8], begin: &[u8], bytes: &mut [u8]) -> Option<()> {
    fn of<C: BlockDecryptMut + KeyIvInit>(
        key: &[u8],
        begin: &[u8],
        bytes: &mut [u8],
    ) -> Option<()> {
        let mut cipher = C::new_from_slices(key, begin).ok()?;
        for block in bytes.chunks_exact_mut(BLOCK) {
            cipher.decrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        Some(())
    }
    let mut begin = begin.to_vec();
    begin.resize(BLOCK, 0x36);
    match key.len() {
        16 => of::<cbc::Decryptor<Aes128>>(key, &begin, bytes),
        24 => of::<cbc::Decryptor<Aes192>>(key, &begin, bytes),
        32 => of::<cbc::Decryptor<Aes256>>(key, &begin, bytes),
        _ => None,
    }
}

/// Decrypts blocks each by itself.
fn alone(key: &[u8], bytes: &mut [u8]) -> Option<()> {
    fn of<C: BlockDecrypt + KeyInit>(key: &[u8], bytes: &mut [u8]) -> Option<()> {
        let cipher = C::new_from_slice(key).ok()?;
        for block in bytes.chunks_exact_mut(BLOCK) {
            cipher.decrypt_block(GenericArray::from_mut_slice(block));
        }
        Some(())
    }
    match key.len() {
        16 => of::<Aes128>(key, bytes),
        24 => of::<Aes192>(key, bytes),
        32 => of::<Aes256>(key, bytes),
        _ => None,
    }
}
