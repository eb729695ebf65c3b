//! Replays of recorded runs.

use crate::case::{Group, must};
use crate::need::Need;
use crate::replay::Replay;

const REAL: &str = "gpbackup: the recorded calls of a real run, their data checked";

/// The option restore_subset is for plugins that have the command.
const SUBSET: &[Need] = &[Need::Command("restore_data_subset")];

pub(crate) static GROUP: Group = Group {
    name: "recorded",
    about: "calls recorded from the real gpbackup and gprestore",
    cases: &[
        must("whole", REAL, |scene| Replay::play(scene, &[1, 2])),
        must("filtered", REAL, |scene| Replay::play(scene, &[1, 3])),
        must("single-data-file", REAL, |scene| {
            Replay::play(scene, &[4, 5])
        }),
        must("metadata-only", REAL, |scene| Replay::play(scene, &[6, 7])),
        must("with-statistics", REAL, |scene| {
            Replay::play(scene, &[8, 9])
        }),
        must("incremental", REAL, |scene| {
            Replay::play(scene, &[8, 10, 11])
        }),
        must("two-hosts", REAL, |scene| Replay::play(scene, &[12, 13])),
        must("subset-on", REAL, |scene| Replay::play(scene, &[17, 18])).needs(SUBSET),
        must("subset-offsets", REAL, |scene| {
            Replay::play(scene, &[14, 15, 16])
        })
        .needs(SUBSET)
        .full(),
    ],
};
