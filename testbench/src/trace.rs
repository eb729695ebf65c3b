//! Recorded runs of the real gpbackup and gprestore, and the form that makes their calls comparable.

use std::collections::BTreeMap;

/// The recordings, by the numbers of their files: a restore follows the backup it restores.
static FILES: &[(u32, &str)] = &[
    (1, include_str!("../traces/01-gpbackup.jsonl")),
    (2, include_str!("../traces/02-gprestore.jsonl")),
    (
        3,
        include_str!("../traces/03-gprestore-include-table-public-ao1.jsonl"),
    ),
    (
        4,
        include_str!("../traces/04-gpbackup-single-data-file.jsonl"),
    ),
    (5, include_str!("../traces/05-gprestore.jsonl")),
    (6, include_str!("../traces/06-gpbackup-metadata-only.jsonl")),
    (7, include_str!("../traces/07-gprestore.jsonl")),
    (
        8,
        include_str!("../traces/08-gpbackup-leaf-partition-data-with-stats.jsonl"),
    ),
    (9, include_str!("../traces/09-gprestore-with-stats.jsonl")),
    (
        10,
        include_str!("../traces/10-gpbackup-leaf-partition-data-incremental.jsonl"),
    ),
    (11, include_str!("../traces/11-gprestore.jsonl")),
    (12, include_str!("../traces/12-gpbackup-two-hosts.jsonl")),
    (13, include_str!("../traces/13-gprestore-two-hosts.jsonl")),
    (
        14,
        include_str!("../traces/14-gpbackup-single-data-file-no-compression-subset-on.jsonl"),
    ),
    (15, include_str!("../traces/15-gprestore-subset-on.jsonl")),
    (
        16,
        include_str!(
            "../traces/16-gprestore-include-table-public-ao1-include-table-public-repl1-subset-on.jsonl"
        ),
    ),
    (
        17,
        include_str!("../traces/17-gpbackup-single-data-file-subset-on.jsonl"),
    ),
    (
        18,
        include_str!("../traces/18-gprestore-include-table-public-ao1-subset-on.jsonl"),
    ),
];

/// Calls of one step that start less than this many milliseconds apart were side by side.
const OVERLAP_MS: i64 = 150;

/// One recorded call.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Recorded {
    /// Milliseconds since the run's first call.
    pub(crate) t_ms: i64,
    /// The command and its arguments.
    pub(crate) argv: Vec<String>,
    /// Options that the caller added to its copy of the config, in their YAML spelling.
    #[serde(default)]
    pub(crate) options_as_written: BTreeMap<String, String>,
    /// The content of the offsets file of `restore_data_subset`.
    pub(crate) offsets_file: Option<String>,
}

/// The calls of recording `number` in the order of their starts.
///
/// # Errors
/// Where there is no such recording or it cannot be read: a bug of the bench.
pub(crate) fn recording(number: u32) -> Result<Vec<Recorded>, String> {
    let (_, text) = FILES
        .iter()
        .find(|(known, _)| *known == number)
        .ok_or(format!("there is no trace {number}"))?;
    let parse =
        |line| serde_json::from_str(line).map_err(|error| format!("trace {number}: {error}"));
    let mut calls: Vec<Recorded> = text.lines().skip(1).map(parse).collect::<Result<_, _>>()?;
    calls.sort_by_key(|call| call.t_ms);
    Ok(calls)
}

impl Recorded {
    /// Whether the call was made on the coordinator, where files go one by one.
    pub(crate) fn on_coordinator(&self) -> bool {
        self.argv.iter().any(|arg| arg.contains("/gpseg-1/"))
    }
}

/// Calls as they were made: those of one wave side by side, and a wave only after the one before.
pub(crate) fn waves(calls: &[Recorded]) -> Vec<Vec<Recorded>> {
    let mut waves: Vec<Vec<Recorded>> = Vec::new();
    for call in calls {
        let joins = waves
            .last()
            .and_then(|wave| wave.first())
            .is_some_and(|first| {
                call.t_ms - first.t_ms < OVERLAP_MS
                    && step(&first.argv) == step(&call.argv)
                    && !call.on_coordinator()
            });
        match waves.last_mut() {
            Some(wave) if joins => wave.push(call.clone()),
            _ => waves.push(vec![call.clone()]),
        }
    }
    waves
}

/// What a call has in common with the others of its step: content IDs, timestamps, OIDs and the place of the
/// data directories are taken out.
pub(crate) fn step(argv: &[String]) -> String {
    argv.iter()
        .map(|arg| form(arg))
        .collect::<Vec<_>>()
        .join(" ")
}

fn form(arg: &str) -> String {
    if let Some((data, rest)) = arg.split_once("/backups/") {
        let place = if data.ends_with("gpseg-1") {
            "COORDINATOR"
        } else {
            "SEGMENT"
        };
        let parts: Vec<String> = rest.split('/').map(file_form).collect();
        return format!("{place}/backups/{}", parts.join("/"));
    }
    if let Some((_, name)) = arg.rsplit_once('/') {
        let stamped = name
            .split_once('_')
            .is_some_and(|(stamp, _)| digits(stamp) == Some(14));
        return if stamped {
            "CONFIG".into()
        } else {
            "OFFSETS".into()
        };
    }
    match arg
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(content) if digits(content).is_some() => "\"N\"".into(),
        _ => arg.into(),
    }
}

fn file_form(part: &str) -> String {
    let (stem, ending) = part
        .split_once('.')
        .map_or((part, String::new()), |(stem, ending)| {
            (stem, format!(".{ending}"))
        });
    let words = stem
        .split('_')
        .enumerate()
        .map(|(place, word)| match (digits(word), place) {
            (Some(14), _) => "TS",
            (Some(8), 0) => "DATE",
            (Some(_), 1) => "N",
            (Some(_), _) => "OID",
            (None, _) => word,
        });
    words.collect::<Vec<_>>().join("_") + &ending
}

fn digits(text: &str) -> Option<usize> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_can_be_read() {
        for (number, _) in FILES {
            let calls = recording(*number).unwrap();
            assert!(calls.len() > 20, "trace {number} has {} calls", calls.len());
        }
    }

    #[test]
    fn calls_of_one_step_look_alike() {
        let check = |argv: &[&str], expected: &str| {
            let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(step(&argv), expected);
        };
        check(&["--version"], "--version");
        check(
            &[
                "backup_data",
                "/tmp/20261122060247_s3.yaml",
                "/data/gpseg1/backups/20261122/20261122060247/gpbackup_1_20261122060247_16385.gz",
            ],
            "backup_data CONFIG SEGMENT/backups/DATE/TS/gpbackup_N_TS_OID.gz",
        );
        check(
            &[
                "backup_file",
                "/tmp/20261122060247_s3.yaml",
                "/data/gpseg-1/backups/20261122/20261122060247/gpbackup_20261122060247_metadata.sql",
            ],
            "backup_file CONFIG COORDINATOR/backups/DATE/TS/gpbackup_TS_metadata.sql",
        );
        check(
            &[
                "setup_plugin_for_backup",
                "/tmp/20261122060247_s3.yaml",
                "/data/gpseg0/backups/20261122/20261122060247",
                "segment",
                "\"0\"",
            ],
            "setup_plugin_for_backup CONFIG SEGMENT/backups/DATE/TS segment \"N\"",
        );
    }

    #[test]
    fn waves_keep_the_barriers_between_scopes() {
        let calls = recording(12).unwrap();
        let waves = waves(&calls);
        assert_eq!(waves.iter().map(Vec::len).sum::<usize>(), calls.len());
        for wave in &waves {
            assert!(
                wave.iter()
                    .all(|call| step(&call.argv) == step(&wave[0].argv))
            );
        }
        let hosts = waves
            .iter()
            .find(|wave| wave[0].argv.contains(&"segment_host".to_owned()))
            .unwrap();
        assert_eq!(hosts.len(), 3);
    }
}
