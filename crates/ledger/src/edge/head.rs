//! The head of the growing edge, byte by byte (`docs/format/ledger.md`, Edge).

use comity_core::digest::Digest;

use crate::levels::Levels;

const MAGIC: &[u8; 8] = b"CMTYEDGE";
const VERSION: u16 = 1;
const FIXED: usize = 25;
const DIGEST: usize = 32;

/// No head is longer, in bytes: seven levels of 255 hashes.
pub(crate) const MAX_LEN: usize = FIXED + 7 * (2 + 255 * DIGEST) + DIGEST;

/// What the frames after it stand on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The index of the first leaf that the frames hold: a multiple of 256.
    pub(crate) first: u64,
    /// The unfinished tiles of level 1 and up at size `first`.
    pub(crate) upper: Vec<Vec<Digest>>,
}

impl Head {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED + DIGEST);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&self.first.to_be_bytes());
        out.push(self.upper.len() as u8);
        for hashes in &self.upper {
            out.extend_from_slice(&(hashes.len() as u16).to_be_bytes());
            for hash in hashes {
                out.extend_from_slice(&hash.0);
            }
        }
        let digest = Digest::of(&out);
        out.extend_from_slice(&digest.0);
        out
    }

    /// Reads a head from the beginning of `bytes`: the head and its length, or what is wrong with it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Head, usize), String> {
        let mut rest = bytes;
        if take::<8>(&mut rest)? != *MAGIC {
            return Err("it does not begin as an edge".into());
        }
        let version = u16::from_be_bytes(take(&mut rest)?);
        if version != VERSION {
            return Err(format!(
                "version {version} of the edge is not known to this program"
            ));
        }
        if take::<6>(&mut rest)? != [0; 6] {
            return Err("reserved bytes of the head are not zero".into());
        }
        let first = u64::from_be_bytes(take(&mut rest)?);
        let [levels] = take(&mut rest)?;
        let mut upper = Vec::new();
        for _ in 0..levels {
            let count = u16::from_be_bytes(take(&mut rest)?);
            let hashes: Result<Vec<Digest>, String> =
                (0..count).map(|_| take(&mut rest).map(Digest)).collect();
            upper.push(hashes?);
        }
        let covered = bytes.len() - rest.len();
        if Digest(take(&mut rest)?) != Digest::of(&bytes[..covered]) {
            return Err("the digest of the head does not fit".into());
        }
        if Levels::restore(first, &upper).is_none() {
            return Err(format!(
                "no tree of {first} leaves has the tiles of the head"
            ));
        }
        Ok((Head { first, upper }, covered + DIGEST))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (array, after) = rest
        .split_first_chunk::<N>()
        .ok_or("the head is cut short")?;
    *rest = after;
    Ok(*array)
}
