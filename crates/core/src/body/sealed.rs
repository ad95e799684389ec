//! The frame around the sealed sections (`docs/format/body.md`, Sealed body).

use super::{BodyError, Class};
use crate::digest::Digest;

const HEADER_BYTES: usize = 32;

/// A sealed body as it is kept in the ledger: key numbers, and sections that only those keys open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedBody<'a> {
    /// The number of the key that opens the custody section.
    pub custody_key: u64,
    /// The number of the key that opens the content section; 0 exactly when there is none.
    pub content_key: u64,
    /// The sealed custody section.
    pub custody: &'a [u8],
    /// The sealed content section.
    pub content: Option<&'a [u8]>,
}

impl<'a> SealedBody<'a> {
    /// Reads a sealed body.
    ///
    /// # Errors
    /// An unknown version, reserved bytes that are not zero, lengths that do not fit the bytes,
    /// and a content key without content or the other way round.
    pub fn parse(bytes: &'a [u8]) -> Result<SealedBody<'a>, BodyError> {
        let (header, sections) =
            bytes
                .split_first_chunk::<HEADER_BYTES>()
                .ok_or(BodyError::CutShort {
                    at: bytes.len(),
                    what: "the header",
                })?;
        let [version, r1, r2, r3, r4, r5, r6, r7, numbers @ ..] = header;
        if *version != 1 {
            return Err(BodyError::UnknownVersion(*version));
        }
        if [r1, r2, r3, r4, r5, r6, r7].iter().any(|byte| **byte != 0) {
            return Err(BodyError::Header("reserved bytes are not zero"));
        }
        let custody_key = be_u64(&numbers[..8]);
        let content_key = be_u64(&numbers[8..16]);
        let lengths = be_u64(&numbers[16..]);
        let (custody_len, content_len) = ((lengths >> 32) as usize, (lengths as u32) as usize);
        if (content_key == 0) != (content_len == 0) {
            return Err(BodyError::Header(
                "a content key without content, or content without a key",
            ));
        }
        let cut = |what| BodyError::CutShort {
            at: bytes.len(),
            what,
        };
        let (custody, rest) = sections
            .split_at_checked(custody_len)
            .ok_or(cut("the custody section"))?;
        let (content, rest) = rest
            .split_at_checked(content_len)
            .ok_or(cut("the content section"))?;
        if !rest.is_empty() {
            return Err(BodyError::Trailing { extra: rest.len() });
        }
        let content = (content_len > 0).then_some(content);
        Ok(SealedBody {
            custody_key,
            content_key,
            custody,
            content,
        })
    }

    /// The bytes of the sealed body.
    ///
    /// # Errors
    /// Sections of 4 GiB and more, and a content key without content or the other way round.
    pub fn encode(&self) -> Result<Vec<u8>, BodyError> {
        let content = self.content.unwrap_or_default();
        let mut out = Vec::with_capacity(HEADER_BYTES + self.custody.len() + content.len());
        self.encode_into(&mut out)?;
        Ok(out)
    }

    /// Appends the bytes of the sealed body to `out`.
    ///
    /// # Errors
    /// As [`SealedBody::encode`]; `out` is then as it was.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let content = self.content.unwrap_or_default();
        if (self.content_key == 0) != content.is_empty() {
            return Err(BodyError::Header(
                "a content key without content, or content without a key",
            ));
        }
        let too_large = |_| BodyError::TooLarge {
            what: "a sealed section",
        };
        let custody_len = u32::try_from(self.custody.len()).map_err(too_large)?;
        let content_len = u32::try_from(content.len()).map_err(too_large)?;
        out.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.custody_key.to_be_bytes());
        out.extend_from_slice(&self.content_key.to_be_bytes());
        out.extend_from_slice(&custody_len.to_be_bytes());
        out.extend_from_slice(&content_len.to_be_bytes());
        out.extend_from_slice(self.custody);
        out.extend_from_slice(content);
        Ok(())
    }
}

fn be_u64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The context with which a section is sealed: a tag and the body commitment, so that a section
/// in the place of another does not open.
#[must_use]
pub fn section_context(class: Class, commitment: &Digest) -> Vec<u8> {
    let tag: &[u8] = match class {
        Class::Custody => b"comity/body/v1/custody\n",
        Class::Content => b"comity/body/v1/content\n",
    };
    [tag, &commitment.0].concat()
}
