//! Documents of Office that are encrypted ([MS-OFFCRYPTO]).

#![allow(clippy::expect_used)]

use super::{compound, wide};
use aes::{
    Aes128, Aes256,
    cipher::{BlockEncrypt, BlockEncryptMut, KeyInit, KeyIvInit, generic_array::GenericArray},
};
use data_encoding::BASE64;
use sha1::Sha1;
use sha2::{Digest, Sha512};

fn chained(key: &[u8], begin: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    let mut cipher = cbc::Encryptor::<Aes256>::new_from_slices(key, begin).expect("a key");
    for block in bytes.chunks_exact_mut(16) {
        cipher.encrypt_block_mut(GenericArray::from_mut_slice(block));
    }
    bytes
}

fn turned<D: Digest>(salt: &[u8], passphrase: &str, turns: u32) -> Vec<u8> {
    let mut hash = D::digest([salt, &wide(passphrase)].concat());
    for turn in 0..turns {
        hash = D::digest([&turn.to_le_bytes()[..], &hash].concat());
    }
    hash.to_vec()
}

/// As Office since 2010 does it.
pub fn agile(package: &[u8], passphrase: &str) -> Vec<u8> {
    let (salt, other, secret) = ([3; 16], [4; 16], [5; 32]);
    let turned = turned::<Sha512>(&salt, passphrase, 1000);
    let sealed = |purpose: [u8; 8], bytes: &[u8]| {
        let key = Sha512::digest([&turned[..], &purpose].concat());
        BASE64.encode(&chained(&key[..32], &salt, bytes))
    };
    let input = [6; 16];
    let about = "cipherAlgorithm='AES' cipherChaining='ChainingModeCBC' hashAlgorithm='SHA512' \
        saltSize='16' blockSize='16' keyBits='256' hashSize='64'";
    let xml = format!(
        "<?xml version='1.0'?><encryption xmlns='http://schemas.microsoft.com/office/2006/encryption' \
         xmlns:p='http://schemas.microsoft.com/office/2006/keyEncryptor/password'>\
         <keyData {about} saltValue='{}'/><keyEncryptors>\
         <keyEncryptor uri='http://schemas.microsoft.com/office/2006/keyEncryptor/password'>\
         <p:encryptedKey spinCount='1000' {about} saltValue='{}' encryptedVerifierHashInput='{}' \
         encryptedVerifierHashValue='{}' encryptedKeyValue='{}'/></keyEncryptor></keyEncryptors></encryption>",
        BASE64.encode(&other),
        BASE64.encode(&salt),
        sealed(*b"\xfe\xa7\xd2\x76\x3b\x4b\x9e\x79", &input),
        sealed(*b"\xd7\xaa\x0f\x6d\x30\x61\x34\x4e", &Sha512::digest(input)),
        sealed(*b"\x14\x6e\x0b\xe7\xab\xac\xd0\xd6", &secret),
    );
    let mut stream = (package.len() as u64).to_le_bytes().to_vec();
    for (number, piece) in (0_u32..).zip(package.chunks(4096)) {
        let begin = Sha512::digest([&other[..], &number.to_le_bytes()].concat());
        stream.extend(chained(&secret, &begin[..16], piece));
    }
    let info = [&b"\x04\0\x04\0\x40\0\0\0"[..], xml.as_bytes()].concat();
    compound(&[("/EncryptionInfo", info), ("/EncryptedPackage", stream)])
}

/// As Office 2007 does it.
pub fn standard(package: &[u8], passphrase: &str) -> Vec<u8> {
    let salt = [3; 16];
    let last = Sha1::digest([&turned::<Sha1>(&salt, passphrase, 50_000)[..], &[0; 4]].concat());
    let mut block = [0x36; 64];
    for (place, byte) in block.iter_mut().zip(&last) {
        *place ^= byte;
    }
    let cipher = Aes128::new_from_slice(&Sha1::digest(block)[..16]).expect("a key");
    let sealed = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        for block in bytes.chunks_exact_mut(16) {
            cipher.encrypt_block(GenericArray::from_mut_slice(block));
        }
        bytes
    };
    let name = wide("Microsoft Enhanced RSA and AES Cryptographic Provider\0");
    let words = [0x24, 0, 0x660e, 0x8004, 128, 0x18, 0, 0_u32];
    let header = [&words.map(u32::to_le_bytes).concat()[..], &name].concat();
    let input = [6; 16];
    let info = [
        &b"\x03\0\x02\0\x24\0\0\0"[..],
        &(header.len() as u32).to_le_bytes(),
        &header,
        &16_u32.to_le_bytes(),
        &salt,
        &sealed(&input),
        &20_u32.to_le_bytes(),
        &sealed(&Sha1::digest(input)),
    ]
    .concat();
    let size = (package.len() as u64).to_le_bytes();
    let stream = [&size[..], &sealed(package)].concat();
    compound(&[("/EncryptionInfo", info), ("/EncryptedPackage", stream)])
}
