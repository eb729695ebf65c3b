//! What goes wrong with one request, and how it shows.

use std::collections::VecDeque;

use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use s3_transport::{Kind, StoreError};

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It fails with this kind, and nothing is done.
    Refuse(Kind),
    /// It is done, but its answer is lost.
    LoseAnswer,
    /// The body of a GET breaks off after this share of it, in percent.
    Break(u64),
    /// The body of a GET ends after this share of it as if it were whole.
    EndEarly(u64),
    /// A bit in the first byte of a GET's body is flipped.
    Flip,
    /// The answer to a GET is another range than the one asked for.
    OtherRange,
    /// The checksum of a copied part is that of all of its source, as VersityGW 1.8 tells and keeps it.
    ChecksumOfSource,
}

pub(crate) fn error(kind: Kind) -> StoreError {
    StoreError::new(kind, "scripted")
}

/// The answer, unless it is lost.
pub(crate) fn answer<T>(fault: &Fault, value: T) -> Result<T, StoreError> {
    match fault {
        Fault::LoseAnswer => Err(error(Kind::Connection)),
        _ => Ok(value),
    }
}

/// A body that is cut, broken or flipped as `fault` says.
pub(crate) fn body(mut bytes: Vec<u8>, fault: &Fault) -> ByteStream {
    let cut = |percent: u64, bytes: &[u8]| (bytes.len() as u64 * percent / 100) as usize;
    match fault {
        Fault::Break(percent) => {
            let kept = bytes[..cut(*percent, &bytes)].to_vec();
            let frames = vec![
                Ok(Bytes::from(kept)),
                Err(std::io::Error::other("broken off")),
            ];
            return ByteStream::new(SdkBody::from_body_1_x(Frames(frames.into())));
        }
        Fault::EndEarly(percent) => bytes.truncate(cut(*percent, &bytes)),
        Fault::Flip => {
            if let Some(byte) = bytes.first_mut() {
                *byte ^= 1;
            }
        }
        _ => {}
    }
    ByteStream::from(bytes)
}

/// A body of given frames.
struct Frames(VecDeque<Result<Bytes, std::io::Error>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        let frame = self.0.pop_front();
        std::task::Poll::Ready(frame.map(|frame| frame.map(http_body::Frame::data)))
    }
}
