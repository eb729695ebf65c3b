//! The directory commands: whole directories, named by their keys from the bucket's root.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plugin_api::Answer;
use s3_transport::{Entry, Interrupt, SdkStore, Transport};
use tokio::task::JoinSet;

use crate::files;
use crate::session;

/// A local file and the key of its object.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    path: PathBuf,
    key: String,
}

/// Stores every file below the local directory.
pub(crate) fn backup(config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer {
    let prefix = key_prefix(directory)?;
    let mut files = Vec::new();
    collect_files(Path::new(directory), &prefix, &mut files)?;
    session::run(config, async |session| {
        let count = files.len();
        let jobs = session.transport.jobs(jobs);
        let transport = session.transport.shared_by(jobs);
        let store = |file: Pair| {
            let (transport, interrupt) = (transport.clone(), session.interrupt.clone());
            async move {
                files::store(&transport, &file.key, &file.path, &interrupt).await?;
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
    let prefix = format!("{}/", key_prefix(directory)?);
    session::run(config, async |session| {
        let listing = async { Ok(session.transport.list(&prefix).await?) };
        let entries = session.unless_interrupted(listing).await?;
        let files = local_files(&prefix, Path::new(directory), entries)?;
        if files.is_empty() {
            Err(anyhow::anyhow!("nothing is stored under '{prefix}'"))?;
        }
        let count = files.len();
        let jobs = session.transport.jobs(jobs);
        let transport = session.transport.shared_by(jobs);
        let fetch = |file| fetch_one(transport.clone(), file, session.interrupt.clone());
        run_all(files, jobs, fetch).await?;
        log::info!("restored {count} files of '{directory}'");
        Ok(())
    })
}

async fn fetch_one(transport: Transport<SdkStore>, file: Pair, interrupt: Interrupt) -> Answer {
    let fetching = async {
        files::fetch(&transport, &file.key, &file.path).await?;
        Ok(())
    };
    session::unless(&interrupt, fetching).await
}

/// Writes key and size of every object below the directory, one a line; below the config's folder
/// where no directory is given.
pub(crate) fn list(config: &Path, directory: Option<&str>, out: &mut dyn Write) -> Answer {
    let prefix = directory.map(key_prefix).transpose()?;
    session::run(config, async |session| {
        let prefix = match &prefix {
            Some(prefix) => format!("{prefix}/"),
            None => session.settings.destination.key(""),
        };
        let listing = async { Ok(session.transport.list(&prefix).await?) };
        for entry in session.unless_interrupted(listing).await? {
            writeln!(out, "{} {}", entry.key, entry.size)?;
        }
        Ok(())
    })
}

/// Deletes every object below the directory.
///
/// Refused for the config's folder and for what contains it: `delete_backup` deletes backups.
pub(crate) fn delete(config: &Path, directory: &str) -> Answer {
    let prefix = key_prefix(directory)?;
    session::run(config, async |session| {
        let folder = &session.settings.destination.folder;
        if format!("{folder}/").starts_with(&format!("{prefix}/")) {
            Err(anyhow::anyhow!(
                "refusing to delete '{prefix}', which holds the folder of all backups ('{folder}')"
            ))?;
        }
        let deleting = async { Ok(session.transport.delete_directory(&prefix).await?) };
        let count = session.unless_interrupted(deleting).await?;
        log::info!("deleted {count} objects of '{prefix}'");
        Ok(())
    })
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
fn collect_files(directory: &Path, key: &str, files: &mut Vec<Pair>) -> anyhow::Result<()> {
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
        let key = format!("{key}/{name}");
        let kind =
            fs::metadata(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
        if kind.is_file() {
            files.push(Pair { path, key });
        } else if !kind.is_dir() {
            bail!("'{}' is neither a file nor a directory", path.display());
        } else if !entry.file_type().with_context(failed)?.is_symlink() {
            collect_files(&path, &key, files)?;
        }
    }
    Ok(())
}

/// Where each listed object goes below `directory`. Keys that end with a slash stand for
/// directories, which other programs leave behind.
fn local_files(prefix: &str, directory: &Path, entries: Vec<Entry>) -> anyhow::Result<Vec<Pair>> {
    let mut files = Vec::new();
    for Entry { key, .. } in entries {
        if key.ends_with('/') {
            continue;
        }
        let name = key.strip_prefix(prefix).unwrap_or_default();
        if name
            .split('/')
            .any(|component| matches!(component, "" | "." | ".."))
        {
            bail!("the object '{key}' has a name that no file can have");
        }
        files.push(Pair {
            path: directory.join(name),
            key,
        });
    }
    Ok(files)
}

/// Runs `start` for every item, `jobs` at a time. After a failure no further one is started, and
/// those under way come to their own end; the first failure is returned.
async fn run_all<T, F>(items: Vec<T>, jobs: NonZeroUsize, start: impl Fn(T) -> F) -> Answer
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
        };
        let place = |key| local_files("a/b/", Path::new("/r"), vec![entry(key)]);
        let expected = Pair {
            path: "/r/c/d".into(),
            key: "a/b/c/d".into(),
        };
        assert_eq!(place("a/b/c/d").unwrap(), [expected]);
        assert_eq!(place("a/b/c/").unwrap(), []);
        assert!(place("a/b/../d").is_err());
        assert!(place("a/b//d").is_err());
    }
}
