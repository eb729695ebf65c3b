//! A file of a backup, here and there.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The local path of a file or stream of a backup, and the remote name that is made from it.
///
/// The remote name is the last four components of the path, `backups/<YYYYMMDD>/<timestamp>/<file>`,
/// as by the Go plugin: the same file has the same name on every host, whatever its data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPath {
    local: PathBuf,
    name: String,
}

impl BackupPath {
    /// Makes the remote name of `path`, which need not exist.
    ///
    /// # Errors
    /// [`Error::BackupPath`] where the path has fewer than four components, where one of the last four
    /// is empty, `.` or `..`, or where they are no UTF-8 text.
    pub fn parse(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let local = path.into();
        let wrong = match local.to_str() {
            None => "is no UTF-8 text",
            Some(text) => match remote_name(text) {
                Ok(name) => return Ok(Self { name, local }),
                Err(wrong) => wrong,
            },
        };
        Err(Error::BackupPath { path: local, wrong })
    }

    /// The path as it was given.
    pub fn local(&self) -> &Path {
        &self.local
    }

    /// The remote name, with slashes between the components and none at its ends.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn remote_name(path: &str) -> Result<String, &'static str> {
    let mut components: Vec<_> = path.rsplit('/').take(4).collect();
    components.reverse();
    if components.len() < 4 || (path.starts_with('/') && path.matches('/').count() < 4) {
        return Err("has fewer than four components");
    }
    if components
        .iter()
        .any(|component| matches!(*component, "" | "." | ".."))
    {
        return Err("has an empty component, . or .. at its end");
    }
    Ok(components.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let got = BackupPath::parse(path).ok();
        assert_eq!(got.as_ref().map(BackupPath::name), expected, "{path:?}");
    }

    #[test]
    fn the_last_four_components_are_the_name() {
        check(
            "/data/gpseg-1/backups/20260101/20260101010101/gpbackup_20260101010101_toc.yaml",
            Some("backups/20260101/20260101010101/gpbackup_20260101010101_toc.yaml"),
        );
        check("/a/b/c/d", Some("a/b/c/d"));
        check("a/b/c/d", Some("a/b/c/d"));
        check("//x/../a/b/c/d ü", Some("a/b/c/d ü"));
    }

    #[test]
    fn a_path_without_four_good_components_is_refused() {
        for path in [
            "",
            "/",
            "f",
            "/a/b/c",
            "a/b/c",
            "/a/b/c/",
            "/a/b//d",
            "/a/b/./d",
            "/a/../c/d",
            "/a/b/c/..",
        ] {
            check(path, None);
        }
        let path = PathBuf::from(OsStr::from_bytes(b"/a/b/c/\xff"));
        let message = BackupPath::parse(path).unwrap_err().to_string();
        assert!(message.contains("is no UTF-8 text"), "{message}");
    }

    proptest! {
        #[test]
        fn the_name_depends_on_four_components_only(front in "(/[a-z.]{0,3}){0,4}", name in "[a-zü ]{1,4}(/[a-zü ]{1,4}){3}") {
            let path = BackupPath::parse(format!("{front}/{name}")).unwrap();
            prop_assert_eq!(path.name(), name);
        }

        #[test]
        fn a_name_never_leaves_its_folder(text: String) {
            if let Ok(path) = BackupPath::parse(text) {
                prop_assert_eq!(path.name().split('/').count(), 4);
                prop_assert!(path.name().split('/').all(|c| !matches!(c, "" | "." | "..")));
            }
        }
    }
}
