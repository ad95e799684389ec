//! Objects in compound files: what other programs put into a document, as files of their own where they have a form.

use super::Ole;
use crate::{Out, Stop, decode, out::child};
use comity_extract::{Child, Relation};

/// Takes out packages, and files within objects. `all` asks for every other stream too: of a compound file that is
/// itself such an object, nothing is left unseen.
pub fn read(ole: &mut Ole, all: bool, out: &mut Out) -> Result<(), Stop> {
    for path in ole.streams() {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let whole = child(Relation::Embedded, path.trim_start_matches('/'));
        match name.as_str() {
            "\u{1}Ole10Native" => {
                let bytes = ole.stream(&path)?.unwrap_or_default();
                match native(&bytes) {
                    Some((name, mut data)) => {
                        let stated_size = Some(data.len() as u64);
                        out.child(
                            Child {
                                stated_size,
                                ..child(Relation::Embedded, &name)
                            },
                            &mut data,
                        )?;
                    }
                    None => out.child(whole, &mut bytes.as_slice())?,
                }
            }
            "Package" | "CONTENTS" => {
                let bytes = ole.stream(&path)?.unwrap_or_default();
                out.child(whole, &mut bytes.as_slice())?;
            }
            _ if all => {
                let bytes = ole.stream(&path)?.unwrap_or_default();
                out.child(whole, &mut bytes.as_slice())?;
            }
            "WordDocument" | "Workbook" | "PowerPoint Document"
                if path.matches('/').count() > 1 =>
            {
                out.missing(&format!(
                    "an embedded document is not taken out yet: {path}"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The file in a packaged object: its name, and its bytes. Length, kind, label, path, eight bytes, path, length, bytes.
fn native(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (label, rest) = zero_ended(bytes.get(6..)?)?;
    let (_, rest) = zero_ended(rest)?;
    let length = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?) as usize;
    let rest = rest.get(8usize.checked_add(length)?..)?;
    let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
    Some((
        decode::name(label),
        rest.get(4..4usize.checked_add(length)?)?,
    ))
}

fn zero_ended(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::native;

    #[test]
    fn a_packaged_file_has_its_name_and_its_bytes() {
        let mut bytes = b"\x30\0\0\0\x02\0order.txt\0C:\\order.txt\0\0\0\x03\0".to_vec();
        bytes.extend([9, 0, 0, 0]);
        bytes.extend(b"C:\\order\0");
        bytes.extend([4, 0, 0, 0]);
        bytes.extend(b"fire and more");
        assert_eq!(native(&bytes), Some(("order.txt".to_owned(), &b"fire"[..])));
        assert_eq!(native(&bytes[..40]), None);
    }
}
