//! A store in memory that is correct where `s3s-fs` is not, and that fails as a script says.
//!
//! It keeps full-object checksums (CRC64NVME, CRC32C, CRC32) of multipart objects, checks signatures,
//! `x-amz-checksum-*` and `Content-MD5`, honours If-Match and If-None-Match, and gives short pages.
//! Where stores differ it is as strict as MinIO and VersityGW together, measured in November 2026.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use s3_testserver::memory::{Code, Config, Fault, Kind, MemoryServer, Rule, Script, Which};
//!
//! let server = MemoryServer::start(Config::default()).await?;
//! server.play(Script::new([
//!     Rule::new(Kind::Part, Which::Percent(20), Fault::Error(Code::SlowDown)),
//!     Rule::new(Kind::Complete, Which::Nth(1), Fault::LoseAnswer),
//! ]));
//! // ... a client works on server.url() ...
//! assert_eq!(server.counters().of(Kind::Complete), 2);
//! # Ok(())
//! # }
//! ```

pub(crate) mod call;
pub(crate) mod checksum;
mod config;
mod control;
mod conversation;
mod counters;
mod delivery;
pub(crate) mod error;
mod fault;
mod link;
mod listing;
mod multipart;
pub(crate) mod objects;
pub(crate) mod reply;
mod script;
mod server;
mod service;
mod signature;
mod store;
pub(crate) mod xml;

pub use call::Kind;
pub use config::{Checksums, Config};
pub use counters::{Counters, Seen};
pub use error::Code;
pub use fault::Fault;
pub use script::{Rule, Script, Which};
pub use server::{Kept, MemoryServer, OpenUpload};

use server::{Closing, Shared};
