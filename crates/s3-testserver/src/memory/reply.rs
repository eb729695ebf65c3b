//! An answer before it is sent, and how a fault changes it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;

use super::checksum::{Algorithm, Checksum, Type};
use super::error::{Code, Refusal};
use super::fault::Fault;
use super::xml;

/// An answer: what the store says, not yet how it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<Bytes>,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// An XML document.
    pub(crate) fn xml(status: StatusCode, body: Bytes) -> Self {
        let mut reply = Self::empty(status);
        reply.body.push(body);
        reply
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        reply
    }

    /// An error with its document.
    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        let mut reply = Self::xml(refusal.code.status(), xml::error(refusal));
        if refusal.code == Code::NotModified {
            reply.body.clear();
        }
        if let Some(region) = &refusal.region {
            reply.set("x-amz-bucket-region", region);
        }
        reply
    }

    /// Sets a header; a value that no header can have is left out.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Sets a checksum's header, and the type's.
    pub(crate) fn set_checksum(&mut self, checksum: Checksum, kind: Type, parts: usize) {
        let value = match kind {
            Type::FullObject => checksum.base64(),
            Type::Composite => format!("{}-{parts}", checksum.base64()),
        };
        self.set(checksum.algorithm.header(), &value);
        self.set("x-amz-checksum-type", kind.name());
    }

    /// Changes what the answer says as `fault` has it; how it arrives is not changed here.
    pub(crate) fn spoil(&mut self, fault: &Fault) {
        match fault {
            Fault::WrongEtag => self.spoil_etag(),
            Fault::WrongChecksum => self.spoil_checksum(),
            Fault::WrongContentRange => self.spoil_content_range(),
            Fault::FlipBit { at } => self.edit(|body| {
                if !body.is_empty() {
                    let bit = at % (body.len() as u64 * 8);
                    body[(bit / 8) as usize] ^= 1 << (bit % 8);
                }
            }),
            Fault::DropByte { at } => self.edit(|body| {
                if !body.is_empty() {
                    let tail = body.split_off((at % body.len() as u64) as usize);
                    body.extend_from_slice(&tail[1..]);
                }
            }),
            Fault::RepeatBlock { at, len } => self.edit(|body| repeat_block(body, *at, *len)),
            Fault::CutPage => self.edit(|body| body.truncate(body.len() / 2)),
            Fault::Overlong { extra } => self.body.push(vec![0; *extra as usize].into()),
            _ => {}
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut BytesMut)) {
        let mut body = BytesMut::from(self.body.concat().as_slice());
        change(&mut body);
        self.body = vec![body.freeze()];
    }

    fn spoil_etag(&mut self) {
        let wrong = "\"00000000000000000000000000000bad\"";
        if self.headers.contains_key(ETAG) {
            self.set("etag", wrong);
        }
        self.replace_element("ETag", "&quot;00000000000000000000000000000bad&quot;");
    }

    fn spoil_checksum(&mut self) {
        for algorithm in Algorithm::ALL {
            let wrong = Checksum::of(algorithm, b"other bytes").base64();
            if self.headers.contains_key(algorithm.header()) {
                self.set(algorithm.header(), &wrong);
            }
            self.replace_element(&format!("Checksum{}", algorithm.name()), &wrong);
        }
    }

    /// One byte later than what is sent.
    fn spoil_content_range(&mut self) {
        let Some(range) = self.headers.get(CONTENT_RANGE) else {
            return;
        };
        let shifted = range.to_str().ok().and_then(|text| {
            let (span, total) = text.strip_prefix("bytes ")?.split_once('/')?;
            let (first, last) = span.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            Some(format!("bytes {}-{}/{total}", first + 1, last + 1))
        });
        if let Some(shifted) = shifted {
            self.set("content-range", &shifted);
        }
    }

    /// Replaces the text of the first element `name` of an XML body.
    fn replace_element(&mut self, name: &str, text: &str) {
        let is_xml = |kind: &HeaderValue| kind == "application/xml";
        if !self.headers.get(CONTENT_TYPE).is_some_and(is_xml) {
            return;
        }
        let body = self.body.concat();
        let old = String::from_utf8_lossy(&body);
        let open = format!("<{name}>");
        if let Some((before, rest)) = old.split_once(&open)
            && let Some(end) = rest.find("</")
        {
            self.body = vec![format!("{before}{open}{text}{}", &rest[end..]).into()];
        }
    }
}

fn repeat_block(body: &mut [u8], at: u64, len: u64) {
    let (at, len) = (at as usize, len as usize);
    let copied = len.min(body.len().saturating_sub(at + len));
    if copied > 0 {
        body.copy_within(at..at + copied, at + len);
    }
}

/// What happens to an answer's bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The connection is reset.
    Reset,
    /// The connection is closed in good order.
    Close,
    /// Nothing for a time.
    Stall(Duration),
}

/// Where in the body it happens, and what.
pub(crate) fn cut(fault: &Fault) -> Option<(u64, Cut)> {
    match fault {
        Fault::ResetInAnswer { after } => Some((*after, Cut::Reset)),
        Fault::Truncate { after } => Some((*after, Cut::Close)),
        Fault::StallAnswer { after, pause } => Some((*after, Cut::Stall(*pause))),
        _ => None,
    }
}

/// The form of times in headers.
pub(crate) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The form of times in XML.
pub(crate) fn xml_date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fault: Fault, expected: &[u8]) {
        let mut reply = Reply::empty(StatusCode::OK);
        reply.body = vec![Bytes::from_static(b"0123"), Bytes::from_static(b"456789")];
        reply.spoil(&fault);
        assert_eq!(reply.body.concat(), expected, "{fault:?}");
    }

    #[test]
    fn the_body_is_changed_where_the_fault_says() {
        check(Fault::FlipBit { at: 8 }, b"0023456789");
        check(Fault::FlipBit { at: 88 }, b"0023456789");
        check(Fault::DropByte { at: 4 }, b"012356789");
        check(Fault::RepeatBlock { at: 2, len: 3 }, b"0123423489");
        check(Fault::RepeatBlock { at: 8, len: 3 }, b"0123456789");
        check(Fault::Overlong { extra: 2 }, b"0123456789\0\0");
        check(Fault::CutPage, b"01234");
        check(Fault::WrongEtag, b"0123456789");
    }
}
