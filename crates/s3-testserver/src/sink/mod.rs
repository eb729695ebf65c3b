//! A store without a bottom: uploads are dropped, downloads come from one block of memory.
//!
//! It costs as little as an HTTP server can, so that what is measured is the client. It checks no
//! signature and no checksum, and repeats what an upload was told: size and checksum of an object that
//! was uploaded are those that the client gave.
//!
//! An object that was not uploaded has as many bytes as the number at the end of its key says, so
//! `backups/20260101/20260101000000/gpbackup_0_20260101000000_1073741824` has 1 GiB. Its bytes are
//! always the same, and its CRC64NVME is right.
//!
//! `GET /-/counters` gives the [`Counters`](crate::memory::Counters) as JSON, `DELETE` sets them to zero.

mod flow;
mod objects;
mod pace;
mod pattern;
mod server;

pub use server::{Sink, SinkConfig};
