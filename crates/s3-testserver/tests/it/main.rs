//! The store in memory, asked by the official SDK and, where bytes on the wire matter, by hand.

mod client;
mod faults;
mod listing;
mod multipart;
mod objects;
mod process;
mod signature;
