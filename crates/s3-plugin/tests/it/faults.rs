//! The rows of FAULTS.md.

use std::time::Duration;

use s3_testserver::memory::{Code, Fault, Kind};

/// Longer than a stall that is put up with.
const PAUSE: Duration = Duration::from_secs(2);
const SHORT: Duration = Duration::from_millis(50);

/// A fault and the requests that it meets.
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// As the table names it.
    pub(crate) what: &'static str,
    pub(crate) fault: Fault,
}

pub(crate) fn rows() -> Vec<Row> {
    use Kind::{Abort, Complete, Create, Delete, DeleteBatch, Get, Head, List, Part, Put};
    let error = Fault::Error;
    let mut rows = Vec::new();
    let mut add = |what: &'static str, fault: Fault, kinds: &[Kind]| {
        rows.extend(kinds.iter().map(|&kind| Row {
            kind,
            what,
            fault: fault.clone(),
        }));
    };
    let all = [
        Put,
        Create,
        Part,
        Complete,
        Head,
        Get,
        List,
        DeleteBatch,
        Delete,
    ];
    let (after, pause) = (100_000, PAUSE);

    add(
        "connection refused",
        Fault::Refuse { pause: SHORT },
        &[Put, Part, Get],
    );
    add(
        "restart with open connections",
        Fault::Restart { pause: SHORT },
        &[Part, Get],
    );
    add("reset before the body", Fault::ResetBefore, &all);
    add(
        "reset in the request's body",
        Fault::ResetInRequest { after },
        &[Put, Part],
    );
    add(
        "reset after the request's body",
        Fault::ResetInRequest { after: u64::MAX },
        &[Put, Part],
    );
    add(
        "reset in the answer's body",
        Fault::ResetInAnswer { after },
        &[Get],
    );
    add("answer cut off", Fault::Truncate { after }, &[Get]);
    add(
        "answer cut off at its first byte",
        Fault::Truncate { after: 0 },
        &[Create, Complete, Get, List],
    );
    add(
        "slow first byte",
        Fault::SlowFirstByte { pause },
        &[Put, Part, Get, List],
    );
    add(
        "stall of the request",
        Fault::StallRequest { after, pause },
        &[Put, Part],
    );
    add(
        "stall of the answer",
        Fault::StallAnswer { after, pause },
        &[Get],
    );
    add("done, the answer lost", Fault::LoseAnswer, &all);
    add("500 InternalError", error(Code::InternalError), &all);
    add("503 SlowDown", error(Code::SlowDown), &all);
    add(
        "429 TooManyRequests",
        error(Code::TooManyRequests),
        &[Part, Get],
    );
    add(
        "400 RequestTimeout",
        error(Code::RequestTimeout),
        &[Part, Get],
    );
    add(
        "403 RequestTimeTooSkewed",
        error(Code::RequestTimeTooSkewed),
        &[Part, Get],
    );
    add("403 ExpiredToken", error(Code::ExpiredToken), &[Part, Get]);
    add("403 AccessDenied", error(Code::AccessDenied), &all);
    add(
        "403 InvalidObjectState",
        error(Code::InvalidObjectState),
        &[Get],
    );
    add(
        "404 right after a write",
        error(Code::NoSuchKey),
        &[Head, Get],
    );
    add(
        "507 InsufficientStorage",
        error(Code::InsufficientStorage),
        &[Put, Part, Complete],
    );
    add(
        "200 with an error as its body",
        Fault::ErrorInOk(Code::InternalError),
        &[Complete],
    );
    add(
        "wrong ETag",
        Fault::WrongEtag,
        &[Put, Part, Complete, Head, Get],
    );
    add(
        "wrong checksum header",
        Fault::WrongChecksum,
        &[Put, Part, Complete, Head, Get],
    );
    add("wrong Content-Range", Fault::WrongContentRange, &[Get]);
    add("a flipped bit", Fault::FlipBit { at: 77 }, &[Get]);
    add("a dropped byte", Fault::DropByte { at: 77 }, &[Get]);
    add(
        "a repeated block",
        Fault::RepeatBlock { at: 77, len: 512 },
        &[Get],
    );
    add("an overlong body", Fault::Overlong { extra: 3 }, &[Get]);
    add("a page repeated", Fault::RepeatPage, &[List]);
    add(
        "an answer's document cut",
        Fault::CutPage,
        &[Create, Complete, List, DeleteBatch],
    );
    let (every, code) = (2, Code::AccessDenied);
    add(
        "some keys refused",
        Fault::KeyErrors { every, code },
        &[DeleteBatch],
    );
    add("done, the answer lost", Fault::LoseAnswer, &[Abort]);
    add("500 InternalError", error(Code::InternalError), &[Abort]);
    rows
}

/// The command that sends requests of a kind, as the table names it.
pub(crate) fn command(kind: Kind) -> &'static str {
    match kind {
        Kind::Get => "restore_data",
        Kind::List | Kind::DeleteBatch | Kind::Delete => "delete_backup",
        Kind::Abort => "backup_data, of which a part is refused",
        _ => "backup_data",
    }
}

/// S3's name of a request.
pub(crate) fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Put => "PutObject",
        Kind::Create => "CreateMultipartUpload",
        Kind::Part => "UploadPart",
        Kind::Complete => "CompleteMultipartUpload",
        Kind::Abort => "AbortMultipartUpload",
        Kind::Head => "HeadObject",
        Kind::Get => "GetObject",
        Kind::List => "ListObjectsV2",
        Kind::DeleteBatch => "DeleteObjects",
        Kind::Delete => "DeleteObject",
        _ => unreachable!("no row has {kind:?}"),
    }
}
