//! Streams to and from S3: bounded in memory, tried again where that helps, verified end to end.
//!
//! A tour, in the order in which the bytes of a backup move:
//! - `intake` reads the stream into parts, whose sizes [`PartPlan`] tells, in the buffers of `buffer`;
//! - `upload` sends a single one as it is, `multipart` several at a time;
//! - every request goes through `transport`, which waits, times (`progress`) and repeats (`retry`);
//! - [`Store`] is the narrow trait behind it: one attempt at each S3 verb;
//! - `sdk` implements it with aws-sdk-s3, over the HTTP client of `http`.
//!
//! And of a restore: `download` asks for ranges (`ranges`), several at a time; `output` writes them
//! in order, checks them, and keeps the end of the stream back until all of it is right.
//! `objects` looks at, lists and deletes what is stored.
//!
//! [`Destinations`] is one destination or two: `both` stores a stream in both at once, `standby` takes
//! over where the first cannot deliver, `copy` brings objects from one to the other later.
//!
//! The crate prints nothing and picks no exit code; keys of the config file it only names in messages.

mod ahead;
mod both;
mod buffer;
mod checksum;
mod copy;
mod destinations;
mod download;
mod error;
mod gather;
mod http;
mod intake;
mod interrupt;
mod line;
mod multipart;
mod objects;
mod output;
mod payload;
mod pipe;
mod plan;
mod progress;
mod ranges;
mod retry;
mod sdk;
mod standby;
mod store;
mod transport;
mod upload;

pub use checksum::{Algorithm, Checksum};
pub use copy::{Copied, Replicator};
pub use destinations::{Destinations, Keys, Second};
pub use download::Restored;
pub use error::Error;
pub use interrupt::{Interrupt, Trigger};
pub use payload::{Payload, PayloadBody};
pub use plan::{DEFAULT_PART, MAX_PART, MAX_PARTS, MIN_PART, PartPlan};
pub use progress::Progress;
pub use retry::Patience;
pub use sdk::SdkStore;
pub use store::{
    CopySource, Created, Entry, Got, Kind, Object, OpenUpload, Page, Part, Store, StoreError,
    Target, UploadMarker, UploadsPage,
};
pub use transport::{Options, Transport};
pub use upload::Stored;
