//! What can go wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::Code;

/// Something that goes wrong with one request. Offsets and lengths count bytes of the body.
///
/// "Done" means that the store did what was asked; where it does not say so, it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request is answered with this error.
    Error(Code),
    /// The connection is reset before the request's body is read, and new ones are refused for `pause`.
    Refuse {
        /// How long the port is closed.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// All connections are reset, those of other requests too, and new ones are refused for `pause`.
    Restart {
        /// How long the port is closed.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// The connection is reset before the request's body is read.
    ResetBefore,
    /// The connection is reset when at least `after` bytes of the request's body have been read;
    /// a shorter body is read to its end first.
    ResetInRequest {
        /// Bytes of the request's body.
        after: u64,
    },
    /// Done, but the connection is reset before the first byte of the answer: nobody knows.
    LoseAnswer,
    /// Done, and the connection is reset after `after` bytes of the answer's body, of which the client
    /// may see fewer. 0 is after the header; anything beyond the body is after its end.
    ResetInAnswer {
        /// Bytes of the answer's body.
        after: u64,
    },
    /// Done, and the connection is closed in good order after `after` bytes of the answer's body.
    Truncate {
        /// Bytes of the answer's body.
        after: u64,
    },
    /// Done, and the answer begins after `pause`.
    SlowFirstByte {
        /// How long the client waits for the answer's first byte.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// Done, but reading of the request's body stops for `pause` after `after` bytes.
    StallRequest {
        /// Bytes of the request's body.
        after: u64,
        /// How long nothing is read.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// Done, but the answer's body stops for `pause` after `after` bytes.
    StallAnswer {
        /// Bytes of the answer's body.
        after: u64,
        /// How long nothing is sent.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// The answer has status 200 and an error as its body, as a completion may have on AWS.
    ErrorInOk(Code),
    /// Done, but the answer has another ETag.
    WrongEtag,
    /// Done, but the answer's checksums, in headers or XML, are those of other bytes.
    WrongChecksum,
    /// Done, but the answer's Content-Range names other bytes than those sent.
    WrongContentRange,
    /// Done, but one bit of the answer's body is flipped: bit `at` modulo the number of bits.
    FlipBit {
        /// Bit number, counted from 0.
        at: u64,
    },
    /// Done, but the byte `at` (modulo the length) of the answer's body is left out; Content-Length fits.
    DropByte {
        /// Byte number, counted from 0.
        at: u64,
    },
    /// Done, but the `len` bytes after `at + len` are those after `at` once more; the length stays.
    RepeatBlock {
        /// Where the block that is repeated begins.
        at: u64,
        /// Its length.
        len: u64,
    },
    /// Done, but `extra` zero bytes follow the answer's body; Content-Length fits.
    Overlong {
        /// How many.
        extra: u64,
    },
    /// A listing gives the page that the request before it got, its token included.
    RepeatPage,
    /// Done, but the answer's body is only its first half; Content-Length fits.
    CutPage,
    /// Every n-th key of a batch delete is refused with `code` and stays.
    KeyErrors {
        /// 1 refuses all keys.
        every: u64,
        /// What the answer says of each.
        code: Code,
    },
}

/// A duration as a whole number of milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
