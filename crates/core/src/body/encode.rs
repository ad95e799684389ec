//! Writing a body: sections in the clear and their commitment, in one pass.

use super::commit::{ListBytes, Salts, commit_canonical};
use super::{Body, BodyError, Class, Field, check_name, check_unique};
use crate::digest::Digest;
use crate::json::write_canonical;

/// A body as bytes, still in the clear: the caller seals the sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBody {
    /// The body commitment, which goes into the leaf and into the sections' contexts.
    pub commitment: Digest,
    /// The custody section.
    pub custody: Vec<u8>,
    /// The content section; `None` when the body has no content fields.
    pub content: Option<Vec<u8>>,
}

impl Body {
    /// Writes both sections and the commitment.
    ///
    /// # Errors
    /// Names that break the format or occur twice, custody after content, values that canonical
    /// JSON cannot say, and more than 65,535 fields or 4 GiB in a value.
    pub fn encode(&self) -> Result<EncodedBody, BodyError> {
        let count = u16::try_from(self.fields.len()).map_err(|_| BodyError::TooLarge {
            what: "the number of fields",
        })?;
        check_unique(self.fields.iter().map(|field| field.name.as_str()))?;
        let mut custody = Vec::with_capacity(34 + 96 * self.fields.len());
        custody.extend_from_slice(&self.seeds.custody);
        custody.extend_from_slice(&count.to_be_bytes());
        let custody_salts = Salts::new(&self.seeds.custody);
        let mut content: Option<(Vec<u8>, Salts)> = None;
        let mut list = ListBytes::new(self.fields.len());
        for field in &self.fields {
            check_name(&field.name)?;
            custody.push(u8::from(field.class == Class::Content));
            custody.push(field.name.len() as u8);
            custody.extend_from_slice(field.name.as_bytes());
            let commitment = match field.class {
                Class::Custody if content.is_some() => {
                    return Err(BodyError::CustodyAfterContent(field.name.clone()));
                }
                Class::Custody => write_value(field, &custody_salts, &mut custody)?,
                Class::Content => {
                    let (section, salts) = content.get_or_insert_with(|| {
                        let mut section = Vec::with_capacity(32 + 96 * self.fields.len());
                        section.extend_from_slice(&self.seeds.content);
                        (section, Salts::new(&self.seeds.content))
                    });
                    let commitment = write_value(field, salts, section)?;
                    custody.extend_from_slice(&commitment.0);
                    commitment
                }
            };
            list.push(field.class, &field.name, &commitment);
        }
        let content = content.map(|(section, _)| section);
        Ok(EncodedBody {
            commitment: list.finish(),
            custody,
            content,
        })
    }
}

/// Appends length and canonical bytes of a field's value, and commits to them.
fn write_value(field: &Field, salts: &Salts, section: &mut Vec<u8>) -> Result<Digest, BodyError> {
    let at = section.len();
    section.extend_from_slice(&[0; 4]);
    write_canonical(&field.value, section).map_err(|source| BodyError::Value {
        name: field.name.clone(),
        source,
    })?;
    let len = u32::try_from(section.len() - at - 4).map_err(|_| BodyError::TooLarge {
        what: "a field's value",
    })?;
    section[at..at + 4].copy_from_slice(&len.to_be_bytes());
    Ok(commit_canonical(
        &salts.of(&field.name),
        &field.name,
        &section[at + 4..],
    ))
}
