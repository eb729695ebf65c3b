//! `check`: tells a person whether a config file works, step by step.

use std::io::Write;
use std::path::Path;

use plugin_api::Answer;
use s3_transport::{Kind, Patience};

use crate::session;

/// Lists, writes, reads and deletes a small object below the config's folder, and writes a line to
/// `out` for each step that worked. The first step that fails is the error.
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
            transport.list_some(&destination.key(""), 1).await?;
            writeln!(out, "ok  list")?;
            transport.put_empty_if_absent(&key).await?;
            writeln!(out, "ok  write '{key}'")?;
            transport.download(&key, std::io::sink()).await?;
            writeln!(out, "ok  read")?;
            match transport.delete(&key).await {
                Ok(()) => writeln!(out, "ok  delete")?,
                Err(error) if error.kind() == Some(&Kind::Denied) => {
                    writeln!(
                        out,
                        "no  delete is denied: backups work, delete_backup will not"
                    )?;
                }
                Err(error) => return Err(error.into()),
            }
            Ok(())
        };
        session.unless_interrupted(steps).await
    })
}
