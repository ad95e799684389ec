//! Reading the clear sections of a body, with or without its content.

use super::commit::{ListBytes, Salts, commit_canonical};
use super::{Body, BodyError, Class, Field, Seeds, check_name, check_unique};
use crate::digest::Digest;
use crate::json::{Value, parse_canonical};

/// A custody section, read and found well-formed.
#[derive(Clone, PartialEq)]
pub struct CustodySection {
    seed: [u8; 32],
    /// All fields of the body, in its order; of content fields only the commitments.
    fields: Vec<OpenField>,
    commitment: Digest,
}

/// One field of a body as far as it can be opened.
#[derive(Clone, PartialEq)]
pub struct OpenField {
    /// Its class.
    pub class: Class,
    /// Its name.
    pub name: String,
    /// Its salt; `None` when its value is withheld or erased.
    pub salt: Option<[u8; 32]>,
    /// Its value; `None` when it is withheld or erased.
    pub value: Option<Value>,
    /// The commitment to it.
    pub commitment: Digest,
}

impl std::fmt::Debug for CustodySection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustodySection")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OpenField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenField")
            .field("class", &self.class)
            .field("name", &self.name)
            .field("value", &self.value)
            .field("commitment", &self.commitment)
            .finish_non_exhaustive()
    }
}

impl CustodySection {
    /// Reads a custody section, and commits to what it says in the same pass.
    ///
    /// # Errors
    /// Anything that [`Body::encode`] would not have written: bytes missing or left over, names
    /// that break the format or occur twice, values that are not canonical, custody after content.
    pub fn parse(bytes: &[u8]) -> Result<CustodySection, BodyError> {
        let mut rest = Rest { bytes, at: 0 };
        let seed = rest.array("the seed")?;
        let salts = Salts::new(&seed);
        let count = usize::from(u16::from_be_bytes(rest.array("the number of fields")?));
        let smallest_field = 4;
        let room = count.min(bytes.len() / smallest_field);
        let mut fields = Vec::with_capacity(room);
        let mut list = ListBytes::new(room);
        let mut content = false;
        for _ in 0..count {
            let at = rest.at;
            let [class] = rest.array("a class")?;
            let name = rest.name()?;
            let field = match class {
                0 if content => return Err(BodyError::CustodyAfterContent(name)),
                0 => {
                    let (salt, value, commitment) = rest.committed(&salts, &name)?;
                    OpenField {
                        class: Class::Custody,
                        name,
                        salt: Some(salt),
                        value: Some(value),
                        commitment,
                    }
                }
                1 => {
                    content = true;
                    OpenField {
                        class: Class::Content,
                        name,
                        salt: None,
                        value: None,
                        commitment: Digest(rest.array("a field commitment")?),
                    }
                }
                found => return Err(BodyError::UnknownClass { at, found }),
            };
            list.push(field.class, &field.name, &field.commitment);
            fields.push(field);
        }
        rest.end()?;
        check_unique(fields.iter().map(|field| field.name.as_str()))?;
        Ok(CustodySection {
            seed,
            fields,
            commitment: list.finish(),
        })
    }

    /// The value of the custody field `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .and_then(|field| field.value.as_ref())
    }

    /// Whether the body has content fields.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.fields
            .last()
            .is_some_and(|field| field.class == Class::Content)
    }

    /// The body commitment, computed from values and commitments.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        self.commitment
    }

    /// The whole body, from this section and the content section; `None` is right for a body
    /// without content fields, whose content seed then reads as zero.
    ///
    /// # Errors
    /// A content section that is missing, unexpected, malformed, or does not match the commitments.
    pub fn join(mut self, content: Option<&[u8]>) -> Result<Body, BodyError> {
        let seeds = Seeds {
            custody: self.seed,
            content: match content {
                Some(bytes) => self.open_content(bytes)?,
                None => [0; 32],
            },
        };
        let fields = self.fields.into_iter().map(|field| {
            Ok(Field {
                class: field.class,
                name: field.name,
                value: field.value.ok_or(BodyError::NoContent)?,
            })
        });
        Ok(Body {
            seeds,
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    /// The fields as far as they can be opened: all of them with the content section, the custody
    /// fields and the commitments to the others without it (withheld, or erased).
    ///
    /// # Errors
    /// As [`CustodySection::join`], but a missing content section is none.
    pub fn open(mut self, content: Option<&[u8]>) -> Result<Vec<OpenField>, BodyError> {
        if let Some(bytes) = content {
            self.open_content(bytes)?;
        }
        Ok(self.fields)
    }

    /// Reads a content section and holds every value against its commitment. Its seed.
    fn open_content(&mut self, bytes: &[u8]) -> Result<[u8; 32], BodyError> {
        if !self.has_content() {
            return Err(BodyError::UnexpectedContent);
        }
        let mut rest = Rest { bytes, at: 0 };
        let seed = rest.array("the seed")?;
        let salts = Salts::new(&seed);
        for field in &mut self.fields {
            if field.class == Class::Custody {
                continue;
            }
            let value = rest.value_bytes()?;
            let salt = salts.of(&field.name);
            if commit_canonical(&salt, &field.name, value) != field.commitment {
                return Err(BodyError::WrongContent(field.name.clone()));
            }
            field.value = Some(canonical_value(&field.name, value)?);
            field.salt = Some(salt);
        }
        rest.end()?;
        Ok(seed)
    }
}

fn canonical_value(name: &str, bytes: &[u8]) -> Result<Value, BodyError> {
    parse_canonical(bytes).map_err(|source| BodyError::Value {
        name: name.to_owned(),
        source,
    })
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], BodyError> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..len));
        let taken = taken.ok_or(BodyError::CutShort { at: self.at, what })?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], BodyError> {
        let at = self.at;
        self.take(N, what)?
            .try_into()
            .map_err(|_| BodyError::CutShort { at, what })
    }

    fn name(&mut self) -> Result<String, BodyError> {
        let [len] = self.array("the length of a name")?;
        let bytes = self.take(usize::from(len), "a name")?;
        let name = String::from_utf8_lossy(bytes).into_owned();
        check_name(&name)?;
        Ok(name)
    }

    fn value_bytes(&mut self) -> Result<&'a [u8], BodyError> {
        let len = u32::from_be_bytes(self.array("the length of a value")?);
        self.take(len as usize, "a value")
    }

    /// A value with its salt and the commitment to it, over the very bytes that were read.
    fn committed(
        &mut self,
        salts: &Salts,
        name: &str,
    ) -> Result<([u8; 32], Value, Digest), BodyError> {
        let bytes = self.value_bytes()?;
        let value = canonical_value(name, bytes)?;
        let salt = salts.of(name);
        Ok((salt, value, commit_canonical(&salt, name, bytes)))
    }

    fn end(&self) -> Result<(), BodyError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            extra => Err(BodyError::Trailing { extra }),
        }
    }
}
