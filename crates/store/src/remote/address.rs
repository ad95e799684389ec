//! The address of a store on S3: `s3://bucket/prefix?endpoint=…&region=…`.

use std::time::Duration;

use crate::{error::StoreError, name};

#[derive(Debug, PartialEq)]
pub(super) struct Address {
    pub(super) bucket: String,
    /// Without slashes at its ends; may be empty.
    pub(super) prefix: String,
    pub(super) endpoint: Option<String>,
    pub(super) region: String,
    pub(super) allow_http: bool,
    pub(super) virtual_hosted: bool,
    pub(super) retry: Duration,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Address, StoreError> {
        parse(url).map_err(|reason| StoreError::BadUrl {
            url: url.to_owned(),
            reason,
        })
    }
}

fn parse(url: &str) -> Result<Address, String> {
    let rest = url
        .strip_prefix("s3://")
        .ok_or("it does not begin with s3://")?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let legal = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
    };
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(legal) {
        return Err(
            "the bucket's name must have 3 to 63 lower-case letters, digits, '-' or '.'".to_owned(),
        );
    }
    if !prefix.is_empty() {
        name::check(prefix).map_err(|error| error.to_string())?;
    }
    let mut address = Address {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: None,
        region: "us-east-1".to_owned(),
        allow_http: false,
        virtual_hosted: false,
        retry: Duration::from_secs(60),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair} has no value"))?;
        let value = decode(value)
            .ok_or_else(|| format!("the value of {key} is not percent-encoded text"))?;
        match key {
            "endpoint" => address.endpoint = Some(value),
            "region" => address.region = value,
            "allow_http" => address.allow_http = flag(key, &value)?,
            "virtual_hosted" => address.virtual_hosted = flag(key, &value)?,
            "retry_secs" => {
                let secs = value
                    .parse()
                    .map_err(|_| format!("{key} is a number of seconds"))?;
                address.retry = Duration::from_secs(secs);
            }
            _ => return Err(format!("{key} is not known")),
        }
    }
    if address
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.starts_with("http://"))
        && !address.allow_http
    {
        return Err("an endpoint without TLS needs allow_http=true".to_owned());
    }
    Ok(address)
}

fn flag(key: &str, value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("{key} is true or false"))
}

/// Percent-decoding, RFC 3986 section 2.1.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?)
                .ok()
                .filter(|digits| !digits.starts_with('+'))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_how() {
        let address = parse(
            "s3://evidence/centre/one/?endpoint=http%3A%2F%2F127.0.0.1:9000&region=eu-1&allow_http=true&retry_secs=5",
        );
        let expected = Address {
            bucket: "evidence".to_owned(),
            prefix: "centre/one".to_owned(),
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            region: "eu-1".to_owned(),
            allow_http: true,
            virtual_hosted: false,
            retry: Duration::from_secs(5),
        };
        assert_eq!(address, Ok(expected));
        assert_eq!(
            parse("s3://evidence").map(|address| address.prefix),
            Ok(String::new())
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_reason() {
        let rows = [
            ("https://evidence", "s3://"),
            ("s3://", "bucket"),
            ("s3://Evidence", "bucket"),
            ("s3://evidence/../other", ".."),
            ("s3://evidence?regoin=eu", "regoin"),
            ("s3://evidence?region", "value"),
            ("s3://evidence?region=%zz", "region"),
            ("s3://evidence?allow_http=yes", "allow_http"),
            ("s3://evidence?retry_secs=-1", "retry_secs"),
            (
                "s3://evidence?endpoint=http://127.0.0.1:9000",
                "allow_http=true",
            ),
        ];
        for (url, word) in rows {
            let reason = parse(url).expect_err(url);
            assert!(reason.contains(word), "{url}: {reason}");
        }
    }
}
