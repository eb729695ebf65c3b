//! The SDK's errors, sorted by what the caller decides on them.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::http::{DialError, Reason};
use crate::store::{Kind, StoreError};

/// Sorts one failed attempt.
pub(super) fn classify<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let SdkError::ServiceError(answer) = &error {
        return of_answer(answer.err(), answer.raw());
    }
    let kind = match of_chain(&error) {
        // An answer that cannot be read, or not to its end.
        Kind::Other if matches!(error, SdkError::ResponseError(_)) => Kind::Server,
        kind => kind,
    };
    StoreError {
        kind,
        status: None,
        code: None,
        message: innermost(&error),
    }
}

/// An answer of the store, which has a status and mostly a code.
fn of_answer(
    error: &(impl ProvideErrorMetadata + Error + 'static),
    response: &HttpResponse,
) -> StoreError {
    let status = response.status().as_u16();
    let region = response
        .headers()
        .get("x-amz-bucket-region")
        .map(str::to_owned);
    let kind = match of_code(status, error.code(), region) {
        Kind::Denied if denies_the_keys(error.message()) => Kind::Credentials,
        kind => kind,
    };
    let message = match error.message() {
        Some(message) => message.trim_end_matches('.').to_owned(),
        None if response.status().is_success() => {
            format!("the answer cannot be read: {}", innermost(error))
        }
        None => String::new(),
    };
    StoreError {
        kind,
        status: Some(status),
        code: error.code().map(str::to_owned),
        message,
    }
}

/// Garage (2.5.0) says only in words that it is not the permission that is missing.
fn denies_the_keys(message: Option<&str>) -> bool {
    let told = ["Forbidden: Invalid signature", "Forbidden: No such key"];
    message.is_some_and(|message| told.iter().any(|text| message.starts_with(text)))
}

/// The kind by S3's error code, or by the status alone where there is no code, as after a HEAD.
fn of_code(status: u16, code: Option<&str>, region: Option<String>) -> Kind {
    match code.unwrap_or_default() {
        "NoSuchKey" | "NotFound" => Kind::NoSuchKey,
        "NoSuchBucket" | "InvalidBucketName" => Kind::NoSuchBucket,
        "NoSuchUpload" => Kind::NoSuchUpload,
        "PreconditionFailed" | "ConditionalRequestConflict" => Kind::Precondition,
        "InvalidRange" => Kind::Range,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "XAdminUserNotFound"
        | "NotSignedUp"
        | "InvalidToken"
        | "ExpiredToken"
        | "TokenRefreshRequired" => Kind::Credentials,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "IllegalLocationConstraintException" => Kind::Region(region),
        "RequestTimeTooSkewed" => Kind::ClockSkew,
        "InvalidObjectState" => Kind::Archived,
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch" => Kind::Digest,
        "NotImplemented" => Kind::NotImplemented,
        // Of Ceph, with the status 403: no permission is missing.
        "QuotaExceeded" => Kind::Other,
        "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "BandwidthLimitExceeded" => Kind::Throttled,
        "RequestTimeout" | "RequestTimeoutException" => Kind::Timeout,
        "IncompleteBody" | "InternalError" | "OperationAborted" | "ServiceUnavailable" => {
            Kind::Server
        }
        _ => of_status(status, region),
    }
}

fn of_status(status: u16, region: Option<String>) -> Kind {
    match status {
        301 | 307 => Kind::Region(region),
        400 if region.is_some() => Kind::Region(region),
        401 | 403 => Kind::Denied,
        404 => Kind::NoSuchKey,
        // Of a proxy that forwards plain http; one that tunnels answers before the store is reached.
        407 => Kind::Proxy,
        408 => Kind::Timeout,
        412 => Kind::Precondition,
        416 => Kind::Range,
        429 => Kind::Throttled,
        501 => Kind::NotImplemented,
        // 507 Insufficient Storage: a full store does not empty itself within a backup.
        507 => Kind::Other,
        500..=599 => Kind::Server,
        _ => Kind::Other,
    }
}

/// The kind of an error without an answer: the first cause that tells.
fn of_chain(error: &(dyn Error + 'static)) -> Kind {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(dial) = error.downcast_ref::<DialError>() {
            return match dial.reason {
                Reason::Name => Kind::Name,
                Reason::Connect => Kind::Connection,
                Reason::Proxy => Kind::Proxy,
                Reason::Tls => Kind::Tls,
            };
        }
        if let Some(credentials) = error.downcast_ref::<CredentialsError>() {
            return match credentials {
                CredentialsError::CredentialsNotLoaded(_)
                | CredentialsError::InvalidConfiguration(_) => Kind::NoCredentials,
                // The service that gives them is slow or throttled by many processes at once.
                _ => Kind::Server,
            };
        }
        if error.is::<hyper::Error>() || error.is::<io::Error>() {
            return Kind::Connection;
        }
        // The SDK's error of credentials that take too long is private.
        if error.to_string().starts_with("identity resolver timed out") {
            return Kind::Server;
        }
        cause = error.source();
    }
    Kind::Other
}

/// The causes below the SDK's own wrappers, joined: what a person can act on.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        let wrapper = matches!(
            text.as_str(),
            "dispatch failure"
                | "response error"
                | "io error"
                | "service error"
                | "client error (Connect)"
                | "other"
        ) || text.ends_with("interceptor encountered an error");
        if !wrapper && !told.iter().any(|earlier| earlier.contains(&text)) {
            told.push(text);
        }
        cause = error.source();
    }
    told.join(": ")
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[test]
    fn codes_win_over_statuses() {
        let check =
            |status, code, kind| assert_eq!(of_code(status, code, None), kind, "{status} {code:?}");
        check(503, Some("SlowDown"), Kind::Throttled);
        check(400, Some("RequestTimeout"), Kind::Timeout);
        check(404, Some("NoSuchBucket"), Kind::NoSuchBucket);
        check(403, Some("SignatureDoesNotMatch"), Kind::Credentials);
        check(404, Some("XAdminUserNotFound"), Kind::Credentials);
        check(403, None, Kind::Denied);
        check(403, Some("QuotaExceeded"), Kind::Other);
        check(404, None, Kind::NoSuchKey);
        check(500, Some("Unheard"), Kind::Server);
        check(507, None, Kind::Other);
    }

    #[test]
    fn a_denial_of_the_keys_is_no_denial_of_the_deed() {
        assert!(denies_the_keys(Some("Forbidden: Invalid signature")));
        assert!(denies_the_keys(Some("Forbidden: No such key: GK0011")));
        assert!(!denies_the_keys(Some("Access Denied")));
        assert!(!denies_the_keys(None));
    }

    #[test]
    fn a_success_that_cannot_be_read_says_so() {
        let told = |status: u16| {
            let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
            of_answer(&ErrorMetadata::builder().build(), &response).message
        };
        assert!(
            told(200).starts_with("the answer cannot be read: "),
            "{}",
            told(200)
        );
        assert_eq!(told(404), "");
    }

    #[test]
    fn a_bare_400_with_a_region_is_a_wrong_region() {
        let region = Some("eu-west-1".to_owned());
        assert_eq!(of_code(400, None, region.clone()), Kind::Region(region));
        assert_eq!(of_code(400, None, None), Kind::Other);
    }
}
