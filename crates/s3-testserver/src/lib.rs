//! S3 servers to test against. They listen on loopback only and are never shipped.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`listen`] | a loopback socket that speaks HTTP/1.1, with or without TLS |
//! | [`tls`] | a certificate authority made for one run |
//! | [`lifetime`] | how long a server process lives |
//! | [`memory`] | a store in memory that fails as a script says |
//! | [`sink`] | a store without a bottom, to measure clients by |
//! | [`fs`] | `s3s-fs`, a server that keeps objects in a directory |
//!
//! The binary `s3-testserver` runs each of them in a process of its own.

mod credentials;
pub mod fs;
pub mod lifetime;
pub mod listen;
pub mod memory;
pub mod sink;
pub mod tls;

pub use credentials::Credentials;
