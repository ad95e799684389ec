//! The structures of RFC 3161 that no crate has for the `der` that is used here, and the request.

use cms::content_info::ContentInfo;
use der::asn1::{Any, BitString, Int, ObjectIdentifier, OctetString};
use der::{DateTime, Decode, Encode, Sequence, Tag, Tagged};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{HashKind, StampError, malformed};

/// `MessageImprint`, RFC 3161 section 2.4.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct MessageImprint {
    pub hash_algorithm: AlgorithmIdentifierOwned,
    pub hashed_message: OctetString,
}

/// `TimeStampReq`, RFC 3161 section 2.4.1, as far as we send it.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TimeStampReq {
    version: u8,
    message_imprint: MessageImprint,
    nonce: Int,
    cert_req: bool,
}

/// `PKIStatusInfo`, RFC 3161 section 2.4.2. The statuses are at most 5.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct PkiStatusInfo {
    status: u8,
    #[asn1(optional = "true")]
    status_string: Option<Vec<Any>>,
    #[asn1(optional = "true")]
    fail_info: Option<BitString>,
}

/// `TimeStampResp`, RFC 3161 section 2.4.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TimeStampResp {
    status: PkiStatusInfo,
    #[asn1(optional = "true")]
    token: Option<ContentInfo>,
}

/// `Accuracy`, RFC 3161 section 2.4.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Accuracy {
    #[asn1(optional = "true")]
    pub seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub micros: Option<u16>,
}

/// `TSTInfo`, RFC 3161 section 2.4.2. The time is read by [`generalized_time`], since it may have a fraction.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct TstInfo {
    pub version: u8,
    pub policy: ObjectIdentifier,
    pub message_imprint: MessageImprint,
    pub serial_number: Int,
    pub gen_time: Any,
    #[asn1(optional = "true")]
    pub accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    pub ordering: bool,
    #[asn1(optional = "true")]
    pub nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub tsa: Option<GeneralName>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Extensions>,
}

/// The DER of a request to stamp the bytes with this digest. `nonce` is taken as a positive integer, and the
/// authority is asked for its certificates.
///
/// # Errors
/// A digest or nonce that DER cannot hold; none that this program makes.
pub fn request(hash: HashKind, digest: &[u8], nonce: &[u8]) -> Result<Vec<u8>, StampError> {
    let bad = malformed("the request");
    let request = TimeStampReq {
        version: 1,
        message_imprint: MessageImprint {
            hash_algorithm: AlgorithmIdentifierOwned {
                oid: hash.oid(),
                parameters: Some(Any::null()),
            },
            hashed_message: OctetString::new(digest).map_err(&bad)?,
        },
        nonce: Int::new(&positive(nonce)).map_err(&bad)?,
        cert_req: true,
    };
    request.to_der().map_err(bad)
}

/// The token of a response, once the authority has granted it.
///
/// # Errors
/// Bytes that are no response, and a response that refuses, with what the authority said.
pub fn granted(response: &[u8]) -> Result<ContentInfo, StampError> {
    let response =
        TimeStampResp::from_der(response).map_err(malformed("the authority's response"))?;
    let status = response.status.status;
    match response.token {
        Some(token) if status <= 1 => Ok(token),
        _ => {
            let texts = response.status.status_string.unwrap_or_default();
            let said: Vec<String> = texts
                .iter()
                .map(|text| String::from_utf8_lossy(text.value()).into_owned())
                .collect();
            let said = match said.join(" ") {
                text if text.is_empty() => text,
                text => format!(": {text}"),
            };
            Err(StampError::Refused { status, said })
        }
    }
}

/// Bytes of a positive INTEGER: no leading zeros but the one that keeps it positive.
pub(super) fn positive(bytes: &[u8]) -> Vec<u8> {
    let start = bytes
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(bytes.len());
    let digits = bytes.get(start..).unwrap_or_default();
    match digits.first() {
        None => vec![0],
        Some(first) if *first >= 0x80 => [&[0], digits].concat(),
        Some(_) => digits.to_vec(),
    }
}

/// Seconds since 1970 and microseconds of a `GeneralizedTime` in UTC; unlike in certificates, RFC 3161 allows a
/// fraction of a second, without trailing zeros. What is finer than a microsecond is rounded up.
pub(super) fn generalized_time(any: &Any) -> Result<(u64, u32), StampError> {
    let bad = || StampError::Malformed {
        what: "the time of the token",
        why: "it is not YYYYMMDDhhmmss[.s…]Z".to_owned(),
    };
    if any.tag() != Tag::GeneralizedTime {
        return Err(bad());
    }
    let text = std::str::from_utf8(any.value())
        .ok()
        .and_then(|text| text.strip_suffix('Z'))
        .ok_or_else(bad)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) || fraction.len() > 32 {
        return Err(bad());
    }
    let number = |from: usize, to: usize| -> Option<u16> { whole.get(from..to)?.parse().ok() };
    let part =
        |from: usize| -> Option<u8> { number(from, from + 2).and_then(|n| u8::try_from(n).ok()) };
    let parts = (number(0, 4), part(4), part(6), part(8), part(10), part(12));
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) = parts else {
        return Err(bad());
    };
    let secs = DateTime::new(year, month, day, hour, minute, second)
        .map_err(|_| bad())?
        .unix_duration()
        .as_secs();
    let kept: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let finer = fraction.bytes().skip(6).any(|digit| digit != b'0');
    let micros: u32 = kept.parse().map_err(|_| bad())?;
    Ok((secs, micros + u32::from(finer)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_fractions() {
        let read = |text: &str| {
            generalized_time(&Any::new(Tag::GeneralizedTime, text.as_bytes()).unwrap())
        };
        assert_eq!(read("20261124104107Z").unwrap(), (1_795_516_867, 0));
        assert_eq!(
            read("20261124104107.25Z").unwrap(),
            (1_795_516_867, 250_000)
        );
        assert_eq!(read("20261124104107.0000001Z").unwrap(), (1_795_516_867, 1));
        for wrong in [
            "",
            "Z",
            "20261124104107",
            "20261324104107Z",
            "20261124104107.Z",
            "20261124104107.1x",
            "20261124104107+0100",
            "2026112410410７Z",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn nonces_are_positive() {
        assert_eq!(positive(&[0, 0, 5]), [5]);
        assert_eq!(positive(&[0xff, 1]), [0, 0xff, 1]);
        assert_eq!(positive(&[0, 0]), [0]);
    }
}
