//! Finds answers whose document breaks off: the SDK takes what there is of a listing for all of it.

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;

/// Fails an attempt whose answer is a success, but no whole document.
#[derive(Debug)]
pub(super) struct WholeDocuments;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for WholeDocuments {
    fn name(&self) -> &'static str {
        "WholeDocuments"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        // An object's body is a stream, and has no bytes here.
        let document = answer.body().bytes().unwrap_or_default();
        if answer.status().is_success() && !is_whole(document) {
            return Err("the answer's document breaks off".into());
        }
        Ok(())
    }
}

/// Whether a document ends with the end of its outermost element. What is no XML is whole.
fn is_whole(document: &[u8]) -> bool {
    let mut rest = document.trim_ascii();
    if rest.is_empty() {
        return true;
    }
    let end = rest;
    // The declaration and comments in front of the element.
    while rest.starts_with(b"<?") || rest.starts_with(b"<!") {
        let Some(close) = rest.iter().position(|byte| *byte == b'>') else {
            return false;
        };
        rest = rest[close + 1..].trim_ascii_start();
    }
    let Some(element) = rest.strip_prefix(b"<") else {
        return !end.starts_with(b"<");
    };
    let name = element
        .split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
        .next()
        .unwrap_or_default();
    let closes = || {
        let end = end.strip_suffix(b">")?.trim_ascii_end();
        end.strip_suffix(name)?.strip_suffix(b"</")
    };
    let is_empty_element =
        || element.ends_with(b"/>") && !element[..element.len() - 2].contains(&b'>');
    closes().is_some() || is_empty_element()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_ends_with_its_element() {
        let check = |text: &str, whole| assert_eq!(is_whole(text.as_bytes()), whole, "{text}");
        check("", true);
        check("no XML", true);
        check("<a><b>1</b></a>", true);
        check("<?xml version=\"1.0\"?>\n<a xmlns=\"x\"><b/></a >\n", true);
        check("<?xml version=\"1.0\"?><a/>", true);
        check("<a x=\"1\" />", true);
        check("<?xml version=\"1.0\"?>", false);
        check("<?xml vers", false);
        check("<a", false);
        check("<a>", false);
        check("<a><b/>", false);
        check("<a><b>1</b></", false);
        check("<a><b>1</b>", false);
        check("<ab><a></a>", false);
    }

    #[test]
    fn no_beginning_of_a_document_is_whole() {
        let text = b"<?xml version=\"1.0\"?><r><k>a</k><r2>b</r2><e/></r>";
        for length in 1..text.len() {
            assert!(!is_whole(&text[..length]), "{length}");
        }
        assert!(is_whole(text));
    }
}
