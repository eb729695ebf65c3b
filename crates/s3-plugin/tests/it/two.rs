//! A host with two stores, for `replication: on`.

use std::path::PathBuf;
use std::time::Duration;

use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::host::{Host, PREFIX};
use crate::store::Store;

/// The object in most tests with two stores.
pub(crate) const NAME: &str = "gpbackup_0_20261122055910_16385";

/// Longer than any command here.
const FOR_GOOD: Duration = Duration::from_secs(120);

/// A host and two stores, of which the second keeps the objects in another folder.
pub(crate) struct Two {
    pub(crate) host: Host,
    pub(crate) first: Store,
    pub(crate) second: Store,
    pub(crate) config: PathBuf,
}

impl Two {
    pub(crate) fn new(options: &[(&str, &str)]) -> Self {
        let (host, first, second) = (Host::new(), Store::start(), Store::start());
        let mut all = vec![
            ("replication", "on"),
            ("remote_endpoint", second.url()),
            ("remote_folder", "copy"),
            ("retry_patience", "1s"),
        ];
        all.extend_from_slice(options);
        let config = host.config(first.url(), &all);
        Self {
            host,
            first,
            second,
            config,
        }
    }

    /// With `replication_mode: prefer`.
    pub(crate) fn preferring() -> Self {
        Self::new(&[("replication_mode", "prefer")])
    }

    pub(crate) fn backup(&self, stream: &[u8]) -> assert_cmd::Command {
        let mut backup = self.host.plugin("backup_data", &self.config);
        backup.arg(self.host.backup_path(NAME)).write_stdin(stream);
        backup
    }

    pub(crate) fn restore(&self) -> assert_cmd::Command {
        let mut restore = self.host.plugin("restore_data", &self.config);
        restore.arg(self.host.backup_path(NAME));
        restore
    }

    /// That the object is in both stores, and nothing else is begun there.
    pub(crate) fn assert_in_both(&self, stream: &[u8]) {
        assert!(self.first.object(&key()) == stream, "first");
        assert!(self.second.object(&copy()) == stream, "second");
        self.assert_no_uploads();
    }

    pub(crate) fn assert_in_neither(&self) {
        assert_eq!((self.first.keys(), self.second.keys()), (vec![], vec![]));
        self.assert_no_uploads();
    }

    pub(crate) fn assert_no_uploads(&self) {
        assert_eq!(self.first.open_uploads(), []);
        assert_eq!(self.second.open_uploads(), []);
    }
}

/// Its key at the first store.
pub(crate) fn key() -> String {
    format!("{PREFIX}/{NAME}")
}

/// Its key at the second one.
pub(crate) fn copy() -> String {
    key().replace("test/wrap", "copy")
}

/// All such requests are refused.
pub(crate) fn denied(kind: Kind) -> Rule {
    Rule::new(kind, Which::All, Fault::Error(Code::AccessDenied))
}

/// The store is gone from this request on.
pub(crate) fn dies_at(kind: Kind, nth: u64) -> Rule {
    Rule::new(kind, Which::Nth(nth), Fault::Restart { pause: FOR_GOOD })
}
