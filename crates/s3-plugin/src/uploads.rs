//! `clean_uploads`: multipart uploads that a killed process or a lost host has left open.
//!
//! Their parts cost storage and are in no listing of objects.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use plugin_api::Answer;
use s3_transport::OpenUpload;

use crate::session;

/// Older than any backup of a table that still runs.
const BY_DEFAULT: &str = "24h";

/// Aborts every upload below the config's folder that was begun longer ago than `age`, and writes a
/// line for each to `out`. One whose age the store does not tell is listed and left alone.
pub(crate) fn clean(config: &Path, age: &str, out: &mut dyn Write) -> Answer {
    let text = if age.is_empty() { BY_DEFAULT } else { age };
    let age = plugin_config::parse_duration(text).with_context(|| {
        format!("the age '{text}' is not of the form 90m, 24h or 7d (at most 7d)")
    })?;
    session::run(config, async |session| {
        let now = SystemTime::now();
        let folder = session.settings.destination.key("");
        let cleaning = async {
            for upload in session.transport.open_uploads(&folder).await? {
                let state = match old(&upload, now) {
                    None => "left alone, of unknown age",
                    Some(old) if old < age => "left alone, too young",
                    Some(_) => {
                        session
                            .transport
                            .abort(&upload.key, &upload.upload_id)
                            .await?;
                        "aborted"
                    }
                };
                writeln!(out, "{state}: {} {}", upload.key, upload.upload_id)
                    .context("cannot write the list")?;
            }
            Ok(())
        };
        session.unless_interrupted(cleaning).await
    })
}

/// How long ago the upload was begun; zero where its clock is ahead of ours.
fn old(upload: &OpenUpload, now: SystemTime) -> Option<Duration> {
    Some(now.duration_since(upload.initiated?).unwrap_or_default())
}
