//! The cases, one file a group.

pub(crate) mod cluster;
pub(crate) mod concurrency;
pub(crate) mod data;
pub(crate) mod delete;
pub(crate) mod directory;
pub(crate) mod file;
pub(crate) mod gpbackup;
pub(crate) mod hooks;
pub(crate) mod recorded;
pub(crate) mod replicate;
pub(crate) mod scale;
pub(crate) mod secondary;
pub(crate) mod signals;
pub(crate) mod subset;
pub(crate) mod truth;
pub(crate) mod usage;
pub(crate) mod version;
