//! S3's error codes, each with its HTTP status.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal,)*) => {
        /// An error code of S3, by the name that stands in the answer's XML.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[doc = concat!("Status ", $status, ".")] $name,)*
        }

        impl Code {
            /// The HTTP status that goes with the code.
            #[must_use]
            pub fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$name => $status,)* };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    };
}

codes! {
    AccessDenied = 403,
    AuthorizationHeaderMalformed = 400,
    BadDigest = 400,
    BucketAlreadyOwnedByYou = 409,
    BucketNotEmpty = 409,
    ConditionalRequestConflict = 409,
    EntityTooSmall = 400,
    ExpiredToken = 403,
    IncompleteBody = 400,
    InsufficientStorage = 507,
    InternalError = 500,
    InvalidAccessKeyId = 403,
    InvalidArgument = 400,
    InvalidDigest = 400,
    InvalidObjectState = 403,
    InvalidPart = 400,
    InvalidPartOrder = 400,
    InvalidRange = 416,
    InvalidRequest = 400,
    MalformedXML = 400,
    MethodNotAllowed = 405,
    NoSuchBucket = 404,
    NoSuchKey = 404,
    NoSuchUpload = 404,
    NotImplemented = 501,
    NotModified = 304,
    PreconditionFailed = 412,
    RequestTimeTooSkewed = 403,
    RequestTimeout = 400,
    ServiceUnavailable = 503,
    SignatureDoesNotMatch = 403,
    SlowDown = 503,
    TooManyRequests = 429,
    XAmzContentSHA256Mismatch = 400,
}

/// The name as S3 writes it.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A request that is refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The region that the bucket is in, where that is the reason.
    pub(crate) region: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            region: None,
        }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code, "see the code")
    }
}
