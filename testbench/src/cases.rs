//! The cases, one file a group.

pub(crate) mod cluster;
pub(crate) mod data;
pub(crate) mod delete;
pub(crate) mod file;
pub(crate) mod hooks;
pub(crate) mod secondary;
pub(crate) mod subset;
pub(crate) mod usage;
pub(crate) mod version;
