//! The store in memory, asked by the official SDK and, where bytes on the wire matter, by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod faults;
mod listing;
mod multipart;
mod objects;
mod process;
mod signature;
mod sink;
