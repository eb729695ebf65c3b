//! `check`: tells a person whether a config file works, step by step.

use std::io::Write;
use std::path::Path;

use plugin_api::Answer;
use s3_transport::{Error, Kind, Patience, SdkStore, Transport};

use crate::session;

/// Lists, writes, reads and deletes a small object below the config's folder, and writes a line to
/// `out` for each step: `ok`, or `no` where backups do without it. The first other failure is the error.
///
/// The object is deleted whatever fails when it is there, unless that is not permitted.
pub(crate) fn check(config: &Path, out: &mut dyn Write) -> Answer {
    session::run(config, async |session| {
        let transport = session.transport.with_patience(Patience::of_checks());
        let destination = &session.settings.destination;
        writeln!(
            out,
            "ok  config file: bucket '{}', folder '{}'",
            destination.bucket, destination.folder
        )?;
        let name = format!("gpbackup_s3_plugin_check_{}", std::process::id());
        let key = destination.key(&name);
        let steps = async {
            let listed = transport.list_some(&destination.key(""), 1).await;
            tell(
                out,
                "list",
                listed,
                "verify, delete_backup and all listings",
            )?;
            prove(&transport, &key, out).await
        };
        session.unless_interrupted(steps).await
    })
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
