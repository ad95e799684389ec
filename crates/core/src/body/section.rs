//! Reading the clear sections of a body, with or without its content.

use super::commit::{ListBytes, Salts, commit_canonical};
use super::{Body, BodyError, Class, Field, Seeds, check_name, check_unique};
use crate::digest::Digest;
use crate::json::{Value, canonical, parse_canonical};

/// What the custody section says of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum SectionValue {
    /// The value of a custody field.
    Value(Value),
    /// The commitment to a content field, whose value is in the content section.
    Commitment(Digest),
}

/// A field as the custody section holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct SectionField {
    /// Its name.
    pub name: String,
    /// Its value, or the commitment to it.
    pub value: SectionValue,
}

impl SectionField {
    /// Its class: custody fields have their value here, content fields do not.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.value {
            SectionValue::Value(_) => Class::Custody,
            SectionValue::Commitment(_) => Class::Content,
        }
    }
}

/// A custody section, read and found well-formed.
#[derive(Clone, PartialEq)]
pub struct CustodySection {
    /// The seed of the custody fields.
    pub seed: [u8; 32],
    /// All fields of the body, in its order.
    pub fields: Vec<SectionField>,
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
    /// Reads a custody section.
    ///
    /// # Errors
    /// Anything that [`Body::encode`] would not have written: bytes missing or left over, names
    /// that break the format or occur twice, values that are not canonical, custody after content.
    pub fn parse(bytes: &[u8]) -> Result<CustodySection, BodyError> {
        let mut rest = Rest { bytes, at: 0 };
        let seed = rest.array("the seed")?;
        let count = usize::from(u16::from_be_bytes(rest.array("the number of fields")?));
        let smallest_field = 4;
        let mut fields = Vec::with_capacity(count.min(bytes.len() / smallest_field));
        let mut content = false;
        for _ in 0..count {
            let at = rest.at;
            let [class] = rest.array("a class")?;
            let name = rest.name()?;
            let value = match class {
                0 if content => return Err(BodyError::CustodyAfterContent(name)),
                0 => SectionValue::Value(rest.value(&name)?),
                1 => {
                    content = true;
                    SectionValue::Commitment(Digest(rest.array("a field commitment")?))
                }
                found => return Err(BodyError::UnknownClass { at, found }),
            };
            fields.push(SectionField { name, value });
        }
        rest.end()?;
        check_unique(fields.iter().map(|field| field.name.as_str()))?;
        Ok(CustodySection { seed, fields })
    }

    /// The value of the custody field `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .and_then(|field| match &field.value {
                SectionValue::Value(value) => Some(value),
                SectionValue::Commitment(_) => None,
            })
    }

    /// Whether the body has content fields.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.fields
            .last()
            .is_some_and(|field| field.class() == Class::Content)
    }

    /// The body commitment, recomputed from values and commitments.
    ///
    /// # Errors
    /// Fields put together by hand that [`CustodySection::parse`] would not have returned.
    pub fn commitment(&self) -> Result<Digest, BodyError> {
        let salts = Salts::new(&self.seed);
        let mut list = ListBytes::new(self.fields.len());
        for field in &self.fields {
            check_name(&field.name)?;
            list.push(field.class(), &field.name, &field_digest(field, &salts)?);
        }
        Ok(list.finish())
    }

    /// The whole body, from this section and the content section; `None` is right for a body
    /// without content fields, whose content seed then reads as zero.
    ///
    /// # Errors
    /// A content section that is missing, unexpected, malformed, or does not match the commitments.
    pub fn join(self, content: Option<&[u8]>) -> Result<Body, BodyError> {
        if self.has_content() && content.is_none() {
            return Err(BodyError::NoContent);
        }
        let opened = self.open_content(content)?;
        let (seed, values) = opened.map_or(([0; 32], Vec::new()), |o| (o.seed, o.values));
        let seeds = Seeds {
            custody: self.seed,
            content: seed,
        };
        let mut values = values.into_iter();
        let mut fields = Vec::with_capacity(self.fields.len());
        for field in self.fields {
            let class = field.class();
            let value = match field.value {
                SectionValue::Value(value) => value,
                SectionValue::Commitment(_) => values.next().ok_or(BodyError::NoContent)?,
            };
            fields.push(Field {
                class,
                name: field.name,
                value,
            });
        }
        Ok(Body { seeds, fields })
    }

    /// The fields as far as they can be opened: all of them with the content section, the custody
    /// fields and the commitments to the others without it (withheld, or erased).
    ///
    /// # Errors
    /// As [`CustodySection::join`], but a missing content section is none.
    pub fn open(&self, content: Option<&[u8]>) -> Result<Vec<OpenField>, BodyError> {
        let salts = Salts::new(&self.seed);
        let opened = self.open_content(content)?;
        let content_salts = opened.as_ref().map(|opened| Salts::new(&opened.seed));
        let mut values = opened
            .map(|opened| opened.values)
            .unwrap_or_default()
            .into_iter();
        let mut fields = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let class = field.class();
            let (salt, value) = match &field.value {
                SectionValue::Value(value) => (Some(salts.of(&field.name)), Some(value.clone())),
                SectionValue::Commitment(_) => (
                    content_salts.as_ref().map(|salts| salts.of(&field.name)),
                    values.next(),
                ),
            };
            let commitment = field_digest(field, &salts)?;
            fields.push(OpenField {
                class,
                name: field.name.clone(),
                salt,
                value,
                commitment,
            });
        }
        Ok(fields)
    }

    /// Reads a content section and holds every value against its commitment.
    fn open_content(&self, content: Option<&[u8]>) -> Result<Option<Content>, BodyError> {
        let Some(bytes) = content else {
            return Ok(None);
        };
        if !self.has_content() {
            return Err(BodyError::UnexpectedContent);
        }
        let mut rest = Rest { bytes, at: 0 };
        let seed = rest.array("the seed")?;
        let salts = Salts::new(&seed);
        let mut values = Vec::new();
        for field in &self.fields {
            let SectionValue::Commitment(commitment) = &field.value else {
                continue;
            };
            let value = rest.value_bytes()?;
            if commit_canonical(&salts.of(&field.name), &field.name, value) != *commitment {
                return Err(BodyError::WrongContent(field.name.clone()));
            }
            values.push(canonical_value(&field.name, value)?);
        }
        rest.end()?;
        Ok(Some(Content { seed, values }))
    }
}

struct Content {
    seed: [u8; 32],
    values: Vec<Value>,
}

fn field_digest(field: &SectionField, salts: &Salts) -> Result<Digest, BodyError> {
    match &field.value {
        SectionValue::Commitment(commitment) => Ok(*commitment),
        SectionValue::Value(value) => {
            let bytes = canonical(value).map_err(|source| BodyError::Value {
                name: field.name.clone(),
                source,
            })?;
            Ok(commit_canonical(
                &salts.of(&field.name),
                &field.name,
                &bytes,
            ))
        }
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

    fn value(&mut self, name: &str) -> Result<Value, BodyError> {
        canonical_value(name, self.value_bytes()?)
    }

    fn end(&self) -> Result<(), BodyError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            extra => Err(BodyError::Trailing { extra }),
        }
    }
}
