//! `check`: tells a person whether a config file works, step by step.

use std::io::Write;
use std::path::Path;

use plugin_api::Answer;
use plugin_config::Destination;
use s3_transport::{Error, Kind, Patience, SdkStore, Transport};

use crate::session;

/// Lists, writes, reads and deletes a small object below the folder of each destination, and writes a
/// line to `out` for each step: `ok`, or `no` where backups do without it. The first other failure is
/// the error.
///
/// The object is deleted whatever fails when it is there, unless that is not permitted.
pub(crate) fn check(config: &Path, out: &mut dyn Write) -> Answer {
    session::run(config, async |session| {
        let destination = &session.settings.destination;
        let first = steps(session.first(), destination, "config file", out);
        session.interrupt.or(first).await?;
        if session.settings.remote.is_none() {
            return Ok(());
        }
        let (destination, transport) = session.second().await?;
        let second = steps(&transport, destination, "second destination", out);
        let checked = session.interrupt.or(second).await;
        checked.map_err(session::of_second)
    })
}

async fn steps(
    transport: &Transport<SdkStore>,
    destination: &Destination,
    what: &str,
    out: &mut dyn Write,
) -> Answer {
    let transport = transport.with_patience(Patience::of_checks());
    let (bucket, folder) = (&destination.bucket, &destination.folder);
    writeln!(out, "ok  {what}: bucket '{bucket}', folder '{folder}'")?;
    let name = format!("gpbackup_s3_plugin_check_{}", std::process::id());
    let key = destination.key(&name);
    let listed = transport.list_some(&destination.key(""), 1).await;
    let needed_by = "verify, delete_backup and all listings";
    tell(out, "list", listed, needed_by)?;
    prove(&transport, &key, out).await
}

async fn prove(transport: &Transport<SdkStore>, key: &str, out: &mut dyn Write) -> Answer {
    transport.put_empty_if_absent(key).await?;
    writeln!(out, "ok  write '{key}'")?;
    let read = transport.download(key, std::io::sink()).await;
    // Before the reading is judged: a failed check leaves nothing either.
    let deleted = transport.delete(key).await;
    read?;
    writeln!(out, "ok  read")?;
    tell(out, "delete", deleted, "delete_backup")
}

/// Tells of a step that backups and restores can do without, where it is not permitted.
fn tell<T>(out: &mut dyn Write, step: &str, result: Result<T, Error>, needed_by: &str) -> Answer {
    match result {
        Ok(_) => writeln!(out, "ok  {step}")?,
        Err(error) if error.kind() == Some(&Kind::Denied) => {
            writeln!(
                out,
                "no  {step} is denied: backups and restores work, but not {needed_by}"
            )?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
