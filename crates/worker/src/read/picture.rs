//! Pictures: their size, what the camera wrote into them (when, where, with what), and what they look like.

use super::{c2pa, xmp};
use crate::{Input, Out, Stop, pixels, time};
use exif::{Exif, Field, In, Rational, Tag, Value};
use std::io::BufReader;

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let size = imagesize::reader_size(BufReader::with_capacity(16 << 10, input.rewound()));
    if let Ok(size) = &size {
        out.field("width", &size.width.to_string(), "image header")?;
        out.field("height", &size.height.to_string(), "image header")?;
    }
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    match reader.read_from_container(&mut BufReader::with_capacity(16 << 10, input.rewound())) {
        Ok(exif) => metadata(&exif, out)?,
        Err(exif::Error::PartialResult(partial)) => {
            let (exif, errors) = partial.into_inner();
            metadata(&exif, out)?;
            let shown = errors.first().map_or_else(String::new, ToString::to_string);
            out.missing(&format!("part of its EXIF data: {shown}"));
        }
        Err(exif::Error::NotFound(_)) => match size {
            Ok(_) => {}
            Err(error) => return Err(Stop::Damaged(format!("its size cannot be found: {error}"))),
        },
        Err(exif::Error::InvalidFormat("Unknown image format")) if size.is_err() => {
            return Err(Stop::Unsupported(
                "nothing reads this kind of picture yet".to_owned(),
            ));
        }
        // Not every kind of picture can have EXIF data.
        Err(exif::Error::InvalidFormat("Unknown image format")) => {}
        Err(error) if size.is_err() => return Err(Stop::Damaged(error.to_string())),
        Err(error) => match pixels::exif(input).map(|data| reader.read_raw(data)) {
            Some(Ok(exif)) => metadata(&exif, out)?,
            _ => out.missing(&format!("its EXIF data: {error}")),
        },
    }
    xmp::of_picture(input, out)?;
    c2pa::read(input, out, "picture")?;
    looks(input, out)
}

/// What its pixels look like. That they cannot be had takes nothing from what its header said.
fn looks(input: &Input, out: &mut Out) -> Result<(), Stop> {
    match pixels::upright(input) {
        Ok(Some(picture)) => {
            let hash = pixels::perceptual_hash(&picture).unwrap_or_default();
            out.field("perceptual_hash", &hash, "pixels, upright")
        }
        Ok(None) => Ok(()),
        Err(Stop::Damaged(reason)) => {
            out.missing(&reason);
            Ok(())
        }
        Err(stop) => Err(stop),
    }
}

fn metadata(exif: &Exif, out: &mut Out) -> Result<(), Stop> {
    for (tag, offset, field, from) in [
        (
            Tag::DateTimeOriginal,
            Tag::OffsetTimeOriginal,
            "taken",
            "EXIF DateTimeOriginal",
        ),
        (
            Tag::DateTimeDigitized,
            Tag::OffsetTimeDigitized,
            "created",
            "EXIF DateTimeDigitized",
        ),
        (Tag::DateTime, Tag::OffsetTime, "modified", "EXIF DateTime"),
    ] {
        let value = text(exif, tag);
        let time = moment(&value, &text(exif, offset)).unwrap_or_else(|| value.clone());
        out.field(field, &time, &format!("{from}: {value}"))?;
    }
    let camera = format!("{} {}", text(exif, Tag::Make), text(exif, Tag::Model));
    out.field("camera", &camera, "EXIF Make, Model")?;
    for (tag, field, from) in [
        (Tag::Software, "software", "EXIF Software"),
        (Tag::Artist, "author", "EXIF Artist"),
        (Tag::ImageDescription, "title", "EXIF ImageDescription"),
        (Tag::UserComment, "comment", "EXIF UserComment"),
        (Tag::BodySerialNumber, "comment", "EXIF BodySerialNumber"),
        (Tag::Orientation, "orientation", "EXIF Orientation"),
    ] {
        if let Some(found) = exif.get_field(tag, In::PRIMARY) {
            let value = text(exif, tag);
            let value = if value.is_empty() {
                found.display_value().to_string()
            } else {
                value
            };
            out.field(field, &value, from)?;
        }
    }
    // A packet of XMP lies beside the tags of TIFF.
    if let Some(Field {
        value: Value::Byte(packet) | Value::Undefined(packet, _),
        ..
    }) = exif.get_field(Tag(exif::Context::Tiff, 700), In::PRIMARY)
    {
        xmp::packet(packet, out)?;
    }
    position(exif, out)
}

fn position(exif: &Exif, out: &mut Out) -> Result<(), Stop> {
    let latitude = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, 'S');
    let longitude = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, 'W');
    if let (Some(latitude), Some(longitude)) = (latitude, longitude)
        && latitude.abs() <= 90.0
        && longitude.abs() <= 180.0
    {
        out.field(
            "position",
            &format!("{latitude:.6},{longitude:.6}"),
            "EXIF GPSLatitude, GPSLongitude",
        )?;
    }
    if let Some(Value::Rational(values)) = exif
        .get_field(Tag::GPSAltitude, In::PRIMARY)
        .map(|field| &field.value)
        && let Some(height) = values.first().and_then(number)
    {
        let below = matches!(
            exif.get_field(Tag::GPSAltitudeRef, In::PRIMARY)
                .map(|f| f.value.get_uint(0)),
            Some(Some(1))
        );
        out.field(
            "altitude",
            &format!("{:.1}", if below { -height } else { height }),
            "EXIF GPSAltitude",
        )?;
    }
    Ok(())
}

fn degrees(exif: &Exif, tag: Tag, side: Tag, negative: char) -> Option<f64> {
    // The standard has numbers without a sign; some cameras write them with one.
    let parts: Vec<f64> = match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Rational(values) => values.iter().map(number).collect::<Option<_>>()?,
        Value::SRational(values) => values
            .iter()
            .map(|of| (of.denom != 0).then(|| of.to_f64()))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    let degrees = parts.first()?
        + parts.get(1).unwrap_or(&0.0) / 60.0
        + parts.get(2).unwrap_or(&0.0) / 3600.0;
    Some(if text(exif, side).starts_with(negative) {
        -degrees
    } else {
        degrees
    })
}

fn number(value: &Rational) -> Option<f64> {
    (value.denom != 0).then(|| f64::from(value.num) / f64::from(value.denom))
}

/// A value of letters; empty where there is none.
fn text(exif: &Exif, tag: Tag) -> String {
    let value = exif
        .get_field(tag, In::PRIMARY)
        .map(|Field { value, .. }| value);
    match value {
        Some(Value::Ascii(lines)) => lines
            .iter()
            .map(|line| crate::decode::name(line))
            .collect::<Vec<_>>()
            .join(" "),
        // The first eight bytes name the character code.
        Some(Value::Undefined(bytes, _)) if bytes.starts_with(b"ASCII\0\0\0") => {
            crate::decode::name(&bytes[8..])
        }
        _ => String::new(),
    }
    .trim_matches(['\0', ' '])
    .to_owned()
}

/// `2025:02:14 10:05:00` with its offset, where the camera knew it.
fn moment(value: &str, offset: &str) -> Option<String> {
    let numbers: Vec<u32> = value
        .split([':', ' '])
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [year, month, day, hour, minute, second] = numbers[..] else {
        return None;
    };
    let civil = time::civil(year, month, day, hour, minute, second)?;
    let offset = Some(offset).filter(|offset| offset.len() == 6 && offset.starts_with(['+', '-']));
    Some(civil + offset.unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_camera_knows_its_offset_or_none_is_guessed() {
        assert_eq!(
            moment("2025:02:14 10:05:00", "").as_deref(),
            Some("2025-02-14T10:05:00")
        );
        assert_eq!(
            moment("2025:02:14 10:05:00", "+02:00").as_deref(),
            Some("2025-02-14T10:05:00+02:00")
        );
        assert_eq!(moment("0000:00:00 00:00:00", ""), None);
    }
}
