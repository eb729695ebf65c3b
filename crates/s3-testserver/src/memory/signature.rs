//! Signature version 4 in the Authorization header, checked against one known pair of keys.
//!
//! `aws-chunked` bodies (`STREAMING-...`) are refused: several stores keep them damaged, so a client
//! must not send them to an endpoint of its own (velero #9951, milvus-storage #480).

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac::{HMAC_SHA256, Key, sign, verify};

use super::call::Call;
use super::checksum::{sha256_hex, unhex};
use super::error::{Code, Refusal};
use crate::Credentials;

/// AWS takes requests that are at most this old or this far in the future.
const LARGEST_SKEW_SECONDS: i64 = 15 * 60;

/// What signature version 4 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The fields of an Authorization header.
struct Authorization<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// Checks who sent the request and that nothing of it was changed on the way.
pub(crate) fn check(
    call: &Call,
    body: &Bytes,
    credentials: &Credentials,
    region: &str,
) -> Result<(), Refusal> {
    let header = call
        .header("authorization")
        .ok_or_else(|| Refusal::new(Code::AccessDenied, "the request is not signed"))?;
    let given = Authorization::parse(header).ok_or_else(|| {
        Refusal::new(
            Code::AuthorizationHeaderMalformed,
            "the Authorization header is not of signature version 4",
        )
    })?;
    if given.access_key != credentials.access_key {
        return Err(Code::InvalidAccessKeyId.into());
    }
    if given.region != region {
        return Err(Refusal {
            region: Some(region.to_owned()),
            ..Refusal::new(
                Code::AuthorizationHeaderMalformed,
                format!(
                    "the region {:?} is wrong; expecting {region:?}",
                    given.region
                ),
            )
        });
    }
    let time = call.header("x-amz-date").unwrap_or_default();
    check_time(time)?;
    let payload = call.header("x-amz-content-sha256").unwrap_or_default();
    let canonical = canonical_request(call, given.signed_headers, payload);
    let scope = format!("{}/{}/s3/aws4_request", given.date, given.region);
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        sha256_hex(canonical.as_bytes())
    );
    let key = signing_key(&credentials.secret_key, given.date, given.region);
    let signature = unhex(given.signature).unwrap_or_default();
    if verify(&key, text.as_bytes(), &signature).is_err() {
        return Err(Code::SignatureDoesNotMatch.into());
    }
    check_payload(payload, body)
}

impl<'a> Authorization<'a> {
    /// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/s3/aws4_request, SignedHeaders=a;b, Signature=HEX`.
    fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| {
            let mut all = fields.split(',').map(str::trim);
            all.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = field("Credential")?.split('/');
        Some(Self {
            access_key: scope.next()?,
            date: scope.next()?,
            region: scope.next()?,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
        })
    }
}

fn check_time(time: &str) -> Result<(), Refusal> {
    let sent = DateTime::strptime("%Y%m%dT%H%M%SZ", time)
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map_err(|_| Refusal::new(Code::AccessDenied, "x-amz-date is missing or no time"))?;
    let skew = Timestamp::now().as_second() - sent.timestamp().as_second();
    if skew.abs() > LARGEST_SKEW_SECONDS {
        return Err(Code::RequestTimeTooSkewed.into());
    }
    Ok(())
}

fn check_payload(payload: &str, body: &Bytes) -> Result<(), Refusal> {
    match payload {
        "" => Err(Refusal::new(
            Code::InvalidRequest,
            "missing header: x-amz-content-sha256",
        )),
        "UNSIGNED-PAYLOAD" => Ok(()),
        chunked if chunked.starts_with("STREAMING-") => Err(Refusal::new(
            Code::NotImplemented,
            "aws-chunked bodies are not taken",
        )),
        digest if digest == sha256_hex(body) => Ok(()),
        _ => Err(Code::XAmzContentSHA256Mismatch.into()),
    }
}

fn canonical_request(call: &Call, signed_headers: &str, payload: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut query: Vec<String> = call
        .query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    query.sort();
    let headers: String = signed_headers
        .split(';')
        .map(|name| format!("{name}:{}\n", canonical_value(&call.headers, name)))
        .collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{signed_headers}\n{payload}",
        call.method,
        call.raw_path,
        query.join("&"),
    )
}

/// A header's values, each with its blanks collapsed, joined by commas.
fn canonical_value(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    values.join(",")
}

fn signing_key(secret: &str, date: &str, region: &str) -> Key {
    let start = Key::new(HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [date, region, "s3", "aws4_request"]
        .into_iter()
        .fold(start, |key, part| {
            Key::new(HMAC_SHA256, sign(&key, part.as_bytes()).as_ref())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::checksum::hex;

    /// The example of GetObject in the S3 documentation of signature version 4.
    #[test]
    fn the_published_signing_key_comes_out() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let key = signing_key(secret, "20130524", "us-east-1");
        let text = "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
                    7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972";
        assert_eq!(
            hex(sign(&key, text.as_bytes()).as_ref()),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }
}
