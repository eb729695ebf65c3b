//! Schedules: a transfer and what goes wrong on its way, each made of a seed.
//!
//! `SCHEDULES=FIRST..END` names the seeds, `0..2000` where it is not set. Every tenth is left to the
//! tests of the plugin, which play it through the binary and a socket.

use std::ops::Range;
use std::sync::Mutex;
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use s3_transport::Kind;

use crate::fault::Fault;

const SIDE_BY_SIDE: usize = 8;

/// A transfer, and what happens to its requests one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) command: Command,
    pub(crate) script: Vec<Fault>,
    /// Of the stream or object, in bytes.
    pub(crate) length: usize,
    pub(crate) part: u64,
    pub(crate) range: u64,
    /// Whether the store keeps checksums.
    pub(crate) checksums: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Over an older object, or not.
    Backup {
        older: bool,
    },
    Restore,
    /// Ranges of the object.
    Subset(Vec<(u64, u64)>),
    /// A directory of so many objects.
    Delete(usize),
    List(usize),
}

/// Faults as a network and a store make them; mostly none, so that runs get far.
pub(crate) fn fault() -> impl Strategy<Value = Fault> {
    let kind = prop_oneof![
        6 => Just(Kind::Server),
        3 => Just(Kind::Connection),
        3 => Just(Kind::Throttled),
        2 => Just(Kind::Timeout),
        1 => Just(Kind::Digest),
        1 => Just(Kind::Denied),
    ];
    prop_oneof![
        12 => Just(Fault::None),
        6 => kind.prop_map(Fault::Refuse),
        3 => Just(Fault::LoseAnswer),
        3 => (0u64..100).prop_map(Fault::Break),
        2 => (0u64..100).prop_map(Fault::EndEarly),
        1 => Just(Fault::Flip),
        1 => Just(Fault::OtherRange),
    ]
}

fn command(length: usize) -> impl Strategy<Value = Command> {
    let end = 0..=length as u64;
    let range = (end.clone(), end).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop_oneof![
        4 => any::<bool>().prop_map(|older| Command::Backup { older }),
        4 => Just(Command::Restore),
        2 => proptest::collection::vec(range, 0..6).prop_map(Command::Subset),
        1 => (0usize..40).prop_map(Command::Delete),
        1 => (0usize..40).prop_map(Command::List),
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let script = proptest::collection::vec(fault(), 0..24);
    let sizes = (0usize..4000, 200u64..2000, 100u64..2000);
    (sizes, script, any::<bool>())
        .prop_flat_map(|((length, part, range), script, checksums)| {
            command(length).prop_map(move |command| Schedule {
                command,
                script: script.clone(),
                length,
                part,
                range,
                checksums,
            })
        })
        .prop_map(|mut schedule| {
            // Of ranges a store keeps no checksum: nothing tells that a bit is wrong.
            if let Command::Subset(_) = schedule.command {
                schedule.script.retain(|fault| *fault != Fault::Flip);
            }
            schedule
        })
}

fn seeds() -> Range<u64> {
    let text = std::env::var("SCHEDULES").unwrap_or_else(|_| "0..2000".to_owned());
    let (first, end) = text.split_once("..").unwrap();
    first.parse().unwrap()..end.parse().unwrap()
}

/// Plays every schedule by `check`, which panics where one does not end as it must. Most of the time is
/// spent waiting, so several are played side by side.
pub(crate) fn play(check: impl Fn(Schedule) + Sync) {
    let seeds = Mutex::new(seeds().filter(|seed| seed % 10 != 0));
    let next = || seeds.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    play_one(seed, &check);
                }
            });
        }
    });
}

fn play_one(seed: u64, check: impl Fn(Schedule)) {
    let config = ProptestConfig {
        cases: 1,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let played = TestRunner::new(config).run(&schedule(), |schedule| {
        check(schedule);
        Ok(())
    });
    if let Err(error) = played {
        panic!("SCHEDULES={seed}..{}: {error}", seed + 1);
    }
}
