//! Files of several formats with a manifest of C2PA, signed by keys that anybody knows.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use super::asn1::{bits, certificate_of, der};
use data_encoding::{BASE64, HEXUPPER};
use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rsa::{
    BoxedUint, PrivateKey, Pss,
    pkcs1::EncodeRsaPublicKey,
    rand_core::{TryCryptoRng, TryRng},
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::{convert::Infallible, io::Cursor};

const PICTURE: &[u8] =
    include_bytes!("../../../../testdata/samples/evidence/photos/crater north.jpg");
/// The primes of a key of RSA.
const PRIMES: [&str; 2] = [
    "DE6743715694BC5B64991A5ED11A030D01B9BA9F2E6AC3BF34FFB74E12073DD19BE0E23C3C6DBF096763CAD03A960E410565\
     C03BAACCD29FEF174A5E99E0C91A37C9D6214C8F8692C2D3A4D2C19B44FCFE45CB74EA532668E8B0615FD7AD2CB75C2EFB9A\
     B76715A8CE6AF95CC7BAE4E579B39CCDAC063BE374AB253108EE374B",
    "D87B6F2563A613E45521B5407CAE83DB64AA21E98A5445C07701DF5CD845A4C97BB2D612A5E84EE23163D02EA181E24F4381\
     AC7023B5A275B4A8C0BB63EC84DCADA15B4CDD844C88CE123A5288F43DF8424A1ABA1C242B9576E328C06DA8D08B8F356CC6\
     E866CF92CF1960A96CCD1ED662E46F2301A19917CB43240899313A6B",
];

/// Kinds of signatures.
#[derive(Clone, Copy, Debug)]
pub enum Signer {
    Es256,
    Es384,
    Es512,
    Ps256,
    Ps384,
    EdDsa,
}

/// What a salt is made of where nothing is secret.
struct Sevens;

impl TryRng for Sevens {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(7);
        Ok(())
    }
}

impl TryCryptoRng for Sevens {}

fn rsa_key() -> PrivateKey {
    let [p, q] = PRIMES.map(|prime| {
        let bytes = HEXUPPER.decode(prime.as_bytes()).expect("hexadecimal");
        BoxedUint::from_be_slice(&bytes, 1024).expect("a number")
    });
    PrivateKey::from_p_q(p, q, BoxedUint::from(65_537_u64)).expect("a key")
}

impl Signer {
    /// The number of the algorithm in COSE, as CBOR.
    fn number(self) -> Vec<u8> {
        match self {
            Signer::Es256 => vec![0x26],
            Signer::EdDsa => vec![0x27],
            Signer::Es384 => vec![0x38, 34],
            Signer::Es512 => vec![0x38, 35],
            Signer::Ps256 => vec![0x38, 36],
            Signer::Ps384 => vec![0x38, 37],
        }
    }

    fn certificate(self) -> Vec<u8> {
        let curve = |oid: &[u8], point: &[u8]| {
            let kind = der(0x30, &[b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", oid]);
            der(0x30, &[&kind, &bits(point)])
        };
        let key = match self {
            Signer::Es256 => {
                let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a key");
                let point = key.verifying_key().to_sec1_point(false);
                curve(
                    b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
                    point.as_bytes(),
                )
            }
            Signer::Es384 => {
                let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).expect("a key");
                let point = key.verifying_key().to_sec1_point(false);
                curve(b"\x06\x05\x2b\x81\x04\0\x22", point.as_bytes())
            }
            Signer::Es512 => {
                let point = p521_key().verifying_key().to_sec1_point(false);
                curve(b"\x06\x05\x2b\x81\x04\0\x23", point.as_bytes())
            }
            Signer::Ps256 | Signer::Ps384 => {
                let numbers = rsa_key().to_public_key().to_pkcs1_der().expect("a key");
                let kind = der(
                    0x30,
                    &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\0"],
                );
                der(0x30, &[&kind, &bits(numbers.as_bytes())])
            }
            Signer::EdDsa => {
                let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
                let kind = der(0x30, &[b"\x06\x03\x2b\x65\x70"]);
                der(0x30, &[&kind, &bits(key.verifying_key().as_bytes())])
            }
        };
        certificate_of(&key, "Invented Camera 1", None)
    }

    fn sign(self, words: &[u8]) -> Vec<u8> {
        match self {
            Signer::Es256 => {
                let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a key");
                let signed: p256::ecdsa::Signature =
                    key.sign_prehash(&Sha256::digest(words)).expect("signed");
                signed.to_bytes().to_vec()
            }
            Signer::Es384 => {
                let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).expect("a key");
                let signed: p384::ecdsa::Signature =
                    key.sign_prehash(&Sha384::digest(words)).expect("signed");
                signed.to_bytes().to_vec()
            }
            Signer::Es512 => {
                let signed: p521::ecdsa::Signature = p521_key()
                    .sign_prehash(&Sha512::digest(words))
                    .expect("signed");
                signed.to_bytes().to_vec()
            }
            Signer::Ps256 => {
                let mut scheme = Pss::<Sha256>::new_with_salt(32);
                scheme.blinded = false;
                rsa_key()
                    .sign_with_rng(&mut Sevens, scheme, &Sha256::digest(words))
                    .expect("signed")
            }
            Signer::Ps384 => {
                let mut scheme = Pss::<Sha384>::new_with_salt(48);
                scheme.blinded = false;
                rsa_key()
                    .sign_with_rng(&mut Sevens, scheme, &Sha384::digest(words))
                    .expect("signed")
            }
            Signer::EdDsa => {
                let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
                key.sign(words).to_bytes().to_vec()
            }
        }
    }
}

fn p521_key() -> p521::ecdsa::SigningKey {
    let mut number = [7; 66];
    number[0] = 0;
    p521::ecdsa::SigningKey::from_slice(&number).expect("a key")
}

/// The head of a value of CBOR, always as long.
pub fn head(kind: u8, length: usize) -> Vec<u8> {
    [&[kind << 5 | 26][..], &(length as u32).to_be_bytes()].concat()
}

pub fn text(words: &str) -> Vec<u8> {
    [&head(3, words.len())[..], words.as_bytes()].concat()
}

pub fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&head(2, bytes.len())[..], bytes].concat()
}

pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len()), items.concat()].concat()
}

pub fn named(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let each = entries
        .iter()
        .flat_map(|(name, value)| [text(name), value.clone()].concat());
    [head(5, entries.len()), each.collect()].concat()
}

/// A box, of JUMBF and of films.
pub fn single(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

pub fn labelled(label: &str, content: &[Vec<u8>]) -> Vec<u8> {
    let about = single(
        b"jumd",
        &[&[0; 16][..], &[3], label.as_bytes(), &[0]].concat(),
    );
    single(b"jumb", &[about, content.concat()].concat())
}

pub fn statement(label: &str, value: &[u8]) -> Vec<u8> {
    labelled(label, &[single(b"cbor", value)])
}

/// Bytes with the shortest head, as what is signed has them.
fn shortest(bytes: &[u8]) -> Vec<u8> {
    match u8::try_from(bytes.len()) {
        Ok(length) => [&[0x58, length][..], bytes].concat(),
        Err(_) => [&[0x59][..], &(bytes.len() as u16).to_be_bytes(), bytes].concat(),
    }
}

/// What was done, as each of the manifests here says.
pub fn actions() -> Vec<u8> {
    let action = named(&[
        ("action", text("c2pa.created")),
        ("digitalSourceType", text("digitalCapture")),
    ]);
    named(&[("actions", list(&[action]))])
}

/// A manifest that binds these statements, by their labels; `also` is put beside them.
pub fn manifest(
    name: &str,
    signer: Signer,
    statements: &[(&str, Vec<u8>)],
    also: &[Vec<u8>],
) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = statements
        .iter()
        .map(|(label, value)| statement(label, value))
        .collect();
    let bound: Vec<Vec<u8>> = statements
        .iter()
        .zip(&parts)
        .map(|((label, _), part)| {
            let address = format!("self#jumbf=c2pa.assertions/{label}");
            hashed(&address, &part[8..])
        })
        .collect();
    let claim = named(&[
        ("dc:title", text("crater")),
        (
            "claim_generator_info",
            named(&[("name", text("Camera")), ("version", text("1"))]),
        ),
        ("created_assertions", list(&bound)),
        ("alg", text("sha256")),
    ]);
    let protected = [
        head(5, 2),
        head(0, 1),
        signer.number(),
        head(0, 33),
        bytes(&signer.certificate()),
    ]
    .concat();
    let signed = [
        &[0x84][..],
        b"\x6aSignature1",
        &shortest(&protected),
        &[0x40],
        &shortest(&claim),
    ]
    .concat();
    let cose = [
        &[0xd2][..],
        &list(&[
            bytes(&protected),
            head(5, 0),
            vec![0xf6],
            bytes(&signer.sign(&signed)),
        ]),
    ]
    .concat();
    labelled(
        name,
        &[
            labelled("c2pa.assertions", &[parts.concat(), also.concat()]),
            statement("c2pa.claim.v2", &claim),
            statement("c2pa.signature", &cose),
        ],
    )
}

/// An address, and the digest of what is there.
pub fn hashed(address: &str, body: &[u8]) -> Vec<u8> {
    named(&[
        ("url", text(address)),
        ("hash", bytes(&Sha256::digest(body))),
    ])
}

/// A store with one manifest, which binds a file in this way.
pub fn store(signer: Signer, label: &str, binding: &[u8]) -> Vec<u8> {
    let statements = [(label, binding.to_vec()), ("c2pa.actions.v2", actions())];
    labelled("c2pa", &[manifest("urn:c2pa:1", signer, &statements, &[])])
}

/// The digest of a file but for some bytes of it.
pub fn but_for(start: usize, length: usize, digest: &[u8]) -> Vec<u8> {
    let range = named(&[("start", head(0, start)), ("length", head(0, length))]);
    named(&[
        ("exclusions", list(&[range])),
        ("alg", text("sha256")),
        ("hash", bytes(digest)),
    ])
}

type Wrap<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// A file with its store between two parts.
fn between(signer: Signer, before: &[u8], wrap: Wrap<'_>, after: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest([before, after].concat());
    let store = |length| {
        let binding = but_for(before.len(), length, &digest);
        wrap(&store(signer, "c2pa.hash.data", &binding))
    };
    [before, &store(store(0).len()), after].concat()
}

/// A segment of JPEG with a store.
pub fn segment(store: &[u8]) -> Vec<u8> {
    let body = [&b"JP\0\x01\0\0\0\x01"[..], store].concat();
    [
        &[0xff, 0xeb][..],
        &(body.len() as u16 + 2).to_be_bytes(),
        &body,
    ]
    .concat()
}

pub fn jpeg(signer: Signer) -> Vec<u8> {
    between(signer, &PICTURE[..2], &segment, &PICTURE[2..])
}

/// The picture with a store as it is.
pub fn jpeg_with(store: &[u8]) -> Vec<u8> {
    [&PICTURE[..2], &segment(store), &PICTURE[2..]].concat()
}

/// The digest of the picture that has a segment of so many bytes.
pub fn jpeg_binding(length: usize) -> Vec<u8> {
    but_for(2, length, &Sha256::digest(PICTURE))
}

fn drawn(format: image::ImageFormat) -> Vec<u8> {
    let picture = image::RgbaImage::from_fn(24, 16, |x, y| {
        image::Rgba([x as u8 * 9, y as u8 * 13, 90, 255])
    });
    let mut file = Cursor::new(Vec::new());
    image::DynamicImage::from(picture)
        .write_to(&mut file, format)
        .expect("a picture");
    file.into_inner()
}

fn png() -> Vec<u8> {
    let picture = drawn(image::ImageFormat::Png);
    let chunk = |store: &[u8]| {
        let body = [b"caBX", store].concat();
        let mut sum = flate2::Crc::new();
        sum.update(&body);
        [
            &(store.len() as u32).to_be_bytes()[..],
            &body,
            &sum.sum().to_be_bytes(),
        ]
        .concat()
    };
    // Behind the first chunk, of 13 bytes.
    between(Signer::Es256, &picture[..33], &chunk, &picture[33..])
}

fn gif() -> Vec<u8> {
    let picture = drawn(image::ImageFormat::Gif);
    let table = match picture[10] {
        flags if flags & 0x80 != 0 => 3 << ((flags & 7) + 1),
        _ => 0,
    };
    let extension = |store: &[u8]| {
        let pieces = store
            .chunks(255)
            .flat_map(|piece| [&[piece.len() as u8], piece].concat());
        [
            &b"\x21\xff\x0bC2PA_GIF\x01\0\0"[..],
            &pieces.collect::<Vec<u8>>(),
            &[0],
        ]
        .concat()
    };
    let (before, after) = picture.split_at(13 + table);
    between(Signer::Es256, before, &extension, after)
}

/// Chunks of RIFF with a store behind them.
fn riff(chunks: &[u8]) -> Vec<u8> {
    let chunk = |store: &[u8]| {
        let end = &[0][..store.len() % 2];
        [
            &b"C2PA"[..],
            &(store.len() as u32).to_le_bytes(),
            store,
            end,
        ]
        .concat()
    };
    let length = chunk(&store(
        Signer::Es256,
        "c2pa.hash.data",
        &but_for(0, 0, &[0; 32]),
    ))
    .len();
    let size = (chunks.len() + length) as u32;
    let before = [&b"RIFF"[..], &size.to_le_bytes(), chunks].concat();
    between(Signer::Es256, &before, &chunk, &[])
}

fn wave() -> Vec<u8> {
    let about = [
        &b"WAVEfmt \x10\0\0\0\x01\0\x01\0"[..],
        &8000_u32.to_le_bytes(),
        &16_000_u32.to_le_bytes(),
        b"\x02\0\x10\0data\x40\x06\0\0",
    ]
    .concat();
    riff(&[about, vec![9; 1600]].concat())
}

fn tiff() -> Vec<u8> {
    let mut file = drawn(image::ImageFormat::Tiff);
    let word = |file: &[u8], at: usize| {
        u32::from_le_bytes(*file[at..].first_chunk().expect("four bytes")) as usize
    };
    let first = word(&file, 4);
    let count = usize::from(u16::from_le_bytes([file[first], file[first + 1]]));
    let next = first + 2 + 12 * count;
    assert_eq!(word(&file, next), 0, "one directory");
    file.resize(file.len().next_multiple_of(2), 0);
    let second = file.len();
    file[next..next + 4].copy_from_slice(&(second as u32).to_le_bytes());
    let length = store(Signer::Es256, "c2pa.hash.data", &but_for(0, 0, &[0; 32])).len();
    file.extend(b"\x01\0\x41\xcd\x07\0");
    file.extend((length as u32).to_le_bytes());
    file.extend((second as u32 + 18).to_le_bytes());
    file.extend([0; 4]);
    between(Signer::Es256, &file, &<[u8]>::to_vec, &[])
}

fn svg() -> Vec<u8> {
    let before = "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' \
        xmlns:c2pa='http://c2pa.org/manifest'><metadata><c2pa:manifest>";
    let after = "</c2pa:manifest></metadata><text>крат\u{435}р</text></svg>";
    let letters = |store: &[u8]| BASE64.encode(store).into_bytes();
    between(Signer::Es256, before.as_bytes(), &letters, after.as_bytes())
}

fn mp3() -> Vec<u8> {
    let seven = |number: usize| [21, 14, 7, 0].map(|bits| (number >> bits & 0x7f) as u8);
    let about = b"\0application/c2pa\0c2pa\0c2pa manifest store\0";
    let length = store(Signer::Es256, "c2pa.hash.data", &but_for(0, 0, &[0; 32])).len();
    let object = about.len() + length;
    let before = [
        &b"ID3\x04\0\0"[..],
        &seven(object + 10),
        b"GEOB",
        &seven(object),
        b"\0\0",
        about,
    ]
    .concat();
    let frame = [&[0xff, 0xfb, 0x90, 0][..], &[0; 413]].concat();
    between(Signer::Es256, &before, &<[u8]>::to_vec, &frame.repeat(8))
}

fn pdf() -> Vec<u8> {
    let length = store(Signer::Es256, "c2pa.hash.data", &but_for(0, 0, &[0; 32])).len();
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/AF[4 0 R]>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>".to_owned(),
        "<</Type/Filespec/AFRelationship/C2PA_Manifest/F(manifest.c2pa)/EF<</F 5 0 R>>>>"
            .to_owned(),
        format!("<</Type/EmbeddedFile/Length {length}>>"),
    ];
    let (mut before, mut places) = (b"%PDF-1.7\n".to_vec(), Vec::new());
    for (number, object) in (1..).zip(&objects) {
        places.push(before.len());
        before.extend(format!("{number} 0 obj\n{object}\n").bytes());
        before.extend(match number {
            5 => "stream\n".bytes(),
            _ => "endobj\n".bytes(),
        });
    }
    let end = "\nendstream\nendobj\n";
    let table = before.len() + length + end.len();
    let entries: String = places
        .iter()
        .map(|place| format!("{place:010} 00000 n \n"))
        .collect();
    let after = format!(
        "{end}xref\n0 6\n0000000000 65535 f \n{entries}trailer\n<</Size 6/Root 1 0 R>>\n\
         startxref\n{table}\n%%EOF\n"
    );
    between(Signer::Es256, &before, &<[u8]>::to_vec, after.as_bytes())
}

/// How the frames of a film are bound.
#[derive(Clone, Copy, PartialEq)]
pub enum Frames {
    /// With all else.
    Plain,
    /// By a tree of pieces of 64 bytes of which the top alone is kept.
    Pieces,
    /// By a tree that does not say what its leaves are.
    Samples,
}

/// A film.
pub fn film(frames_are: Frames) -> Vec<u8> {
    let by_tree = frames_are != Frames::Plain;
    let kind = single(b"ftyp", b"isom\0\0\x02\0isommp42");
    let mut header = vec![0; 100];
    header[4..8].copy_from_slice(&3_900_000_000_u32.to_be_bytes());
    header[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    header[16..20].copy_from_slice(&2500_u32.to_be_bytes());
    let about = single(b"moov", &single(b"mvhd", &header));
    let frames = single(
        b"mdat",
        &(0..300_u32).map(|at| (at % 251) as u8).collect::<Vec<u8>>(),
    );
    let mark = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";
    let path = |path: &str| ("xpath", text(path));
    let number = |number: usize| head(0, number);
    let whole = |length: usize| {
        let places = [kind.len() + length, kind.len() + length + about.len()];
        let [first, second] = places.map(|place| (place as u64).to_be_bytes());
        let bound = if by_tree { &frames[..16] } else { &frames };
        let digest = Sha256::digest([&first[..], &about, &second, bound].concat());
        let data = named(&[("offset", number(8)), ("value", bytes(mark))]);
        let part = named(&[("offset", number(16)), ("length", number(0))]);
        let mut outs = vec![
            named(&[path("/uuid"), ("data", list(&[data]))]),
            named(&[path("/ftyp"), ("flags", vec![0xf6]), ("exact", vec![0xf5])]),
            named(&[path("/moov/trak[1]/tkhd")]),
            named(&[path("/free")]),
        ];
        let mut entries = vec![("alg", text("sha256")), ("hash", bytes(&digest))];
        if by_tree {
            outs.push(named(&[path("/mdat"), ("subset", list(&[part]))]));
            let mut row: Vec<Vec<u8>> = frames[16..]
                .chunks(64)
                .map(|piece| Sha256::digest(piece).to_vec())
                .collect();
            let count = row.len();
            while row.len() > 1 {
                row = row
                    .chunks(2)
                    .map(|pair| match pair {
                        [left, right] => Sha256::digest([&left[..], right].concat()).to_vec(),
                        _ => pair[0].clone(),
                    })
                    .collect();
            }
            let mut tree = vec![
                ("uniqueId", number(0)),
                ("localId", number(0)),
                ("count", number(count)),
                ("hashes", list(&[bytes(&row[0])])),
            ];
            if frames_are == Frames::Pieces {
                tree.push(("fixedBlockSize", number(64)));
            }
            let tree = named(&tree);
            entries.push(("merkle", list(&[tree])));
        }
        entries.push(("exclusions", list(&outs)));
        let store = store(Signer::Es256, "c2pa.hash.bmff.v3", &named(&entries));
        single(
            b"uuid",
            &[&mark[..], &[0; 4], b"manifest\0", &[0; 8], &store].concat(),
        )
    };
    let length = whole(0).len();
    [kind.clone(), whole(length), about.clone(), frames.clone()].concat()
}

/// A file of each format, with what it is called.
pub fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let webp = drawn(image::ImageFormat::WebP);
    vec![
        ("crater.jpg", "picture", jpeg(Signer::Es256)),
        ("crater.png", "picture", png()),
        ("crater.gif", "picture", gif()),
        ("crater.webp", "picture", riff(&webp[8..])),
        ("crater.tif", "picture", tiff()),
        ("crater.svg", "picture", svg()),
        ("voice.wav", "sound", wave()),
        ("voice.mp3", "sound", mp3()),
        ("order.pdf", "document", pdf()),
        ("strike.mp4", "film", film(Frames::Plain)),
        ("pieces.mp4", "film", film(Frames::Pieces)),
    ]
}
