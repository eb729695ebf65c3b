//! `clean_uploads`: multipart uploads that a killed process or a lost host has left open.
//!
//! Their parts cost storage and are in no listing of objects.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use plugin_api::Answer;
use plugin_config::Destination;
use s3_transport::{Kind, OpenUpload, SdkStore, Transport};

use crate::session::{self, of_second};

/// The age where none is given. A stream that takes longer than this to store needs a longer one.
const BY_DEFAULT: &str = "24h";

/// The least age: younger uploads may belong to a backup that runs.
const LEAST: Duration = Duration::from_secs(3600);

/// Aborts every upload of the config's backups that was begun longer ago than `age`, at both
/// destinations where the config names two, and writes a line for each to `out`. One whose age the
/// store does not tell is listed and left alone.
pub(crate) fn clean(config: &Path, age: Option<&OsStr>, out: &mut dyn Write) -> Answer {
    let text = age.unwrap_or(OsStr::new(BY_DEFAULT)).to_string_lossy();
    let age = plugin_config::parse_duration(&text)
        .filter(|age| *age >= LEAST)
        .with_context(|| format!("the age '{text}' is not of the form 24h or 7d, from 1h to 7d"))?;
    session::run(config, async |session| {
        let cleaning = async {
            let settings = &session.settings;
            let first = clean_one(session.first(), &settings.destination, age, "", out).await;
            if settings.remote.is_none() {
                return first;
            }
            let (destination, second) = session.second().await?;
            let place = " at the second destination";
            let second = clean_one(&second, destination, age, place, out).await;
            first.and(second.map_err(of_second))
        };
        session.interrupt.or(cleaning).await
    })
}

/// Cleans one destination; `place` tells its lines from those of the other.
///
/// An upload that the store refuses to abort does not keep the others open.
async fn clean_one(
    store: &Transport<SdkStore>,
    destination: &Destination,
    age: Duration,
    place: &str,
    out: &mut dyn Write,
) -> Answer {
    let now = SystemTime::now();
    let mut refused = None;
    for upload in store.open_uploads(&destination.key("backups/")).await? {
        let state = match old(&upload, now) {
            None => "left alone, of unknown age",
            Some(old) if old < age => "left alone, too young",
            Some(_) => match store.abort(&upload.key, &upload.upload_id).await {
                Ok(()) => "aborted",
                // Nor would the others be: this one was tried for as long as the store is waited for.
                Err(error) if error.kind().is_none_or(Kind::is_transient) => {
                    return Err(error.into());
                }
                Err(error) => {
                    refused.get_or_insert(error);
                    "still open"
                }
            },
        };
        writeln!(out, "{state}{place}: {} {}", upload.key, upload.upload_id)
            .context("cannot write the list")?;
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}

/// How long ago the upload was begun; zero where its clock is ahead of ours.
fn old(upload: &OpenUpload, now: SystemTime) -> Option<Duration> {
    Some(now.duration_since(upload.initiated?).unwrap_or_default())
}
