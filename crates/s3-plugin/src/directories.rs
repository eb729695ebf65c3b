//! The directory commands: whole directories, named by their keys from the bucket's root.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plugin_api::Answer;
use plugin_config::Destination;
use s3_transport::{Destinations, Entry, Interrupt, Keys, SdkStore};
use tokio::task::JoinSet;

use crate::files;
use crate::session::{self, Session};

/// A local file, and the name of its object below the directory's key.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    path: PathBuf,
    name: String,
}

/// Stores every file below the local directory.
pub(crate) fn backup(config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer {
    let prefix = key_prefix(directory)?;
    let mut files = Vec::new();
    collect_files(Path::new(directory), "", &mut files)?;
    session::run(config, async |session| {
        let (count, root) = (files.len(), keys(session, &prefix)?.join("/"));
        let jobs = session.first().jobs(jobs);
        let destinations = session.destinations.map(|one| one.shared_by(jobs));
        let store = |file: Pair| {
            let (destinations, interrupt) = (destinations.clone(), session.interrupt.clone());
            let keys = root.join(&file.name);
            async move {
                files::store(&destinations, &keys, &file.path, &interrupt).await?;
                Ok(())
            }
        };
        run_all(files, jobs, store).await?;
        log::info!("stored {count} files of '{directory}'");
        Ok(())
    })
}

/// Brings every file below the stored directory back, subdirectories included.
pub(crate) fn restore(config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer {
    let prefix = key_prefix(directory)?;
    session::run(config, async |session| {
        let root = keys(session, &prefix)?.join("/");
        let listing = session.destinations.list(&root);
        let entries = session.interrupt.or(listing).await?;
        let files = local_files(Path::new(directory), entries)?;
        if files.is_empty() {
            Err(anyhow::anyhow!("nothing is stored under '{prefix}/'"))?;
        }
        let count = files.len();
        let jobs = session.first().reads(jobs);
        let destinations = session.destinations.map(|one| one.shared_by(jobs));
        let fetch = |file: Pair| {
            let (destinations, interrupt) = (destinations.clone(), session.interrupt.clone());
            fetch_one(destinations, root.join(&file.name), file.path, interrupt)
        };
        run_all(files, jobs, fetch).await?;
        log::info!("restored {count} files of '{directory}'");
        Ok(())
    })
}

async fn fetch_one(
    destinations: Destinations<SdkStore>,
    keys: Keys,
    path: PathBuf,
    interrupt: Interrupt,
) -> Answer {
    let fetching = async {
        files::fetch(&destinations, &keys, &path).await?;
        Ok(())
    };
    interrupt.or(fetching).await
}

/// Writes key and size of every object below the directory, one a line; below the config's folder
/// where no directory is given. The keys are those of the first destination, whichever answers.
pub(crate) fn list(config: &Path, directory: Option<&str>, out: &mut dyn Write) -> Answer {
    let prefix = directory.map(key_prefix).transpose()?;
    session::run(config, async |session| {
        let root = match &prefix {
            Some(prefix) => keys(session, prefix)?.join("/"),
            None => session.keys(""),
        };
        let listing = session.destinations.list(&root);
        for entry in session.interrupt.or(listing).await? {
            writeln!(out, "{}{} {}", root.first, entry.key, entry.size)?;
        }
        Ok(())
    })
}

/// Deletes every object below the directory.
///
/// Refused for the folder of a destination and for what contains it: `delete_backup` deletes backups.
pub(crate) fn delete(config: &Path, directory: &str) -> Answer {
    let prefix = key_prefix(directory)?;
    session::run(config, async |session| {
        let root = keys(session, &prefix)?;
        let settings = &session.settings;
        spare_folder(&root.first, &settings.destination)?;
        if let Some(remote) = &settings.remote {
            if remote.destination.shares_bucket(&settings.destination) {
                spare_folder(&root.first, &remote.destination)?;
            }
            if let Some(key) = &root.second {
                spare_folder(key, &remote.destination)?;
            }
        }
        let deleting = session.destinations.delete_directory(&root);
        let count = session.interrupt.or(deleting).await?;
        log::info!("deleted {count} objects of '{prefix}'");
        Ok(())
    })
}

/// Refuses a prefix that holds the folder of all backups.
fn spare_folder(prefix: &str, destination: &Destination) -> anyhow::Result<()> {
    let folder = &destination.folder;
    if format!("{folder}/").starts_with(&format!("{prefix}/")) {
        bail!("refusing to delete '{prefix}', which holds the folder of all backups ('{folder}')");
    }
    Ok(())
}

/// The keys of a directory, which is named from the first bucket's root.
fn keys(session: &Session, prefix: &str) -> anyhow::Result<Keys> {
    let second = match session.replicated() {
        None => None,
        Some(second) => Some(replica_of(prefix, &session.settings.destination, second)?),
    };
    Ok(Keys {
        first: prefix.to_owned(),
        second,
    })
}

/// The key at the second destination: what lies in the first one's folder lies in the second one's
/// there; everything else keeps its key, for which it takes another bucket.
fn replica_of(prefix: &str, first: &Destination, second: &Destination) -> anyhow::Result<String> {
    let below = match first.folder.as_str() {
        "" => Some(prefix),
        folder if folder == prefix => Some(""),
        folder => prefix
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/')),
    };
    match below {
        Some("") => Ok(second.folder.clone()),
        Some(below) => Ok(second.key(below)),
        None if second.shares_bucket(first) => bail!(
            "'{prefix}' lies outside of folder '{}', and the second destination is a folder of the \
             same bucket, where it has no place of its own",
            first.folder
        ),
        None => Ok(prefix.to_owned()),
    }
}

/// The key of a directory: without slashes at its ends, doubled slashes and `.` components.
fn key_prefix(directory: &str) -> anyhow::Result<String> {
    let components: Vec<_> = directory
        .split('/')
        .filter(|component| !matches!(*component, "" | "."))
        .collect();
    if components.is_empty() {
        bail!("refusing the directory '{directory}': name one below the root");
    }
    if components.contains(&"..") {
        bail!("refusing the directory '{directory}': '..' would reach outside it");
    }
    Ok(components.join("/"))
}

/// Adds every regular file below `directory`, in the order of their names. A link to a file counts
/// as the file, a link to a directory is passed over, as by the Go plugin.
fn collect_files(directory: &Path, above: &str, files: &mut Vec<Pair>) -> anyhow::Result<()> {
    let failed = || format!("cannot read the directory '{}'", directory.display());
    let entries: Result<Vec<_>, _> = fs::read_dir(directory).with_context(failed)?.collect();
    let mut entries = entries.with_context(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            bail!(
                "the name of '{}' is no UTF-8 text, as keys are",
                path.display()
            );
        };
        let name = format!("{above}{name}");
        let kind =
            fs::metadata(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
        if kind.is_file() {
            files.push(Pair { path, name });
        } else if !kind.is_dir() {
            bail!("'{}' is neither a file nor a directory", path.display());
        } else if !entry.file_type().with_context(failed)?.is_symlink() {
            collect_files(&path, &format!("{name}/"), files)?;
        }
    }
    Ok(())
}

/// Where each listed object goes below `directory`. Keys that end with a slash stand for
/// directories, which other programs leave behind.
fn local_files(directory: &Path, entries: Vec<Entry>) -> anyhow::Result<Vec<Pair>> {
    let mut files = Vec::new();
    for Entry { key: name, .. } in entries {
        if name.ends_with('/') {
            continue;
        }
        if name
            .split('/')
            .any(|component| matches!(component, "" | "." | ".."))
        {
            bail!("the object '{name}' has a name that no file can have");
        }
        files.push(Pair {
            path: directory.join(&name),
            name,
        });
    }
    Ok(files)
}

/// Runs `start` for every item, `jobs` at a time. After a failure no further one is started, and
/// those under way come to their own end; the first failure is returned.
pub(crate) async fn run_all<T, F>(
    items: Vec<T>,
    jobs: NonZeroUsize,
    start: impl Fn(T) -> F,
) -> Answer
where
    F: Future<Output = Answer> + Send + 'static,
{
    let mut items = items.into_iter();
    let mut running = JoinSet::new();
    let mut outcome = Ok(());
    loop {
        while outcome.is_ok() && running.len() < jobs.get() {
            let Some(item) = items.next() else { break };
            running.spawn(start(item));
        }
        match running.join_next().await {
            None => return outcome,
            Some(Ok(result)) => outcome = outcome.and(result),
            Some(Err(error)) => outcome = outcome.and(Err(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_named_from_the_root() {
        let check = |directory: &str, expected: Option<&str>| {
            assert_eq!(
                key_prefix(directory).ok().as_deref(),
                expected,
                "{directory}"
            );
        };
        check("/data//logs/", Some("data/logs"));
        check("./a/./b", Some("a/b"));
        check("", None);
        check("/", None);
        check("a/../b", None);
    }

    #[test]
    fn subdirectories_are_kept_and_odd_keys_refused() {
        let entry = |key: &str| Entry {
            key: key.to_owned(),
            size: 1,
            etag: None,
        };
        let place = |name| local_files(Path::new("/r"), vec![entry(name)]);
        let expected = Pair {
            path: "/r/c/d".into(),
            name: "c/d".into(),
        };
        assert_eq!(place("c/d").unwrap(), [expected]);
        assert_eq!(place("c/").unwrap(), []);
        assert!(place("../d").is_err());
        assert!(place("/d").is_err());
    }

    #[test]
    fn a_replica_lies_in_the_second_folder() {
        let check = |more: &str, prefix: &str, expected: Option<&str>| {
            let text = format!("options: {{region: r, bucket: b, folder: prod/one, {more}}}");
            let settings = plugin_config::parse(&text).unwrap();
            let second = settings.remote.unwrap().destination;
            let key = replica_of(prefix, &settings.destination, &second);
            assert_eq!(key.ok().as_deref(), expected, "{more} {prefix}");
        };
        let (folder, bucket) = ("remote_folder: dr", "remote_bucket: c");
        check(folder, "prod/one", Some("dr"));
        check(folder, "prod/one/a/b", Some("dr/a/b"));
        check(folder, "prod/onerous", None);
        check(folder, "prod", None);
        check(bucket, "prod/onerous", Some("prod/onerous"));
        check(bucket, "prod/one/a", Some("prod/one/a"));
    }
}
