//! Schedules: a command and what goes wrong while it runs, each made of a seed.
//!
//! `SCHEDULES=FIRST..END` names the seeds, `0..2000` where it is not set. Every tenth is played here,
//! through the binary and a socket, the others by the tests of `s3-transport`.

use std::ops::Range;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngSeed, TestRunner};
use s3_testserver::memory::{Checksums, Code, Fault, Kind, Rule, Script, Which};

use crate::bytes::PART;

const SIDE_BY_SIDE: usize = 8;

/// A command, and what happens to its requests.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) command: Command,
    pub(crate) script: Script,
    /// What the store does with checksums.
    pub(crate) checksums: Checksums,
    /// Whether something else is there already where the command writes.
    pub(crate) older: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// A stream of so many bytes.
    BackupData(usize),
    RestoreData(usize),
    /// Ranges of a stream.
    RestoreSubset(usize, Vec<(usize, usize)>),
    BackupFile(usize),
    RestoreFile(usize),
    BackupDirectory,
    RestoreDirectory,
    ListDirectory,
    DeleteDirectory,
    DeleteBackup,
    Verify,
}

fn command() -> impl Strategy<Value = Command> {
    let small = 0usize..300_000;
    let stored = prop_oneof![3 => small.clone(), 1 => PART + 1..2 * PART + 100];
    let subset = small.clone().prop_flat_map(|length| {
        let range = (0..=length, 0..=length).prop_map(|(a, b)| (a.min(b), a.max(b)));
        proptest::collection::vec(range, 0..5)
            .prop_map(move |ranges| Command::RestoreSubset(length, ranges))
    });
    prop_oneof![
        5 => stored.prop_map(Command::BackupData),
        4 => small.clone().prop_map(Command::RestoreData),
        2 => subset,
        1 => small.clone().prop_map(Command::BackupFile),
        2 => small.prop_map(Command::RestoreFile),
        1 => Just(Command::BackupDirectory),
        1 => Just(Command::RestoreDirectory),
        1 => Just(Command::ListDirectory),
        1 => Just(Command::DeleteDirectory),
        1 => Just(Command::DeleteBackup),
        1 => Just(Command::Verify),
    ]
}

/// Bytes after which something happens: few, some, more than there are.
fn after() -> impl Strategy<Value = u64> {
    select(vec![0, 50_000, 200_000, u64::MAX])
}

/// What can meet a request of any kind. A second is longer than a stall that is put up with.
fn anywhere() -> impl Strategy<Value = Fault> {
    let short = Duration::from_millis(50);
    let pause = || select(vec![short, Duration::from_secs(1)]);
    let codes = [
        Code::InternalError,
        Code::SlowDown,
        Code::ServiceUnavailable,
        Code::TooManyRequests,
        Code::RequestTimeout,
        Code::RequestTimeTooSkewed,
        Code::ExpiredToken,
        Code::AccessDenied,
        Code::InsufficientStorage,
    ];
    prop_oneof![
        4 => select(codes.to_vec()).prop_map(Fault::Error),
        1 => Just(Fault::Refuse { pause: short }),
        1 => Just(Fault::Restart { pause: short }),
        1 => Just(Fault::ResetBefore),
        1 => after().prop_map(|after| Fault::ResetInRequest { after }),
        2 => Just(Fault::LoseAnswer),
        1 => after().prop_map(|after| Fault::ResetInAnswer { after }),
        1 => after().prop_map(|after| Fault::Truncate { after }),
        1 => pause().prop_map(|pause| Fault::SlowFirstByte { pause }),
        1 => (after(), pause()).prop_map(|(after, pause)| Fault::StallRequest { after, pause }),
        1 => (after(), pause()).prop_map(|(after, pause)| Fault::StallAnswer { after, pause }),
    ]
}

fn on(kinds: &[Kind], fault: Fault) -> impl Strategy<Value = (Kind, Fault)> + use<> {
    select(kinds.to_vec()).prop_map(move |kind| (kind, fault.clone()))
}

/// What can meet requests of some kinds only, and still be noticed by a client.
fn particular() -> impl Strategy<Value = (Kind, Fault)> {
    use Kind::{Complete, Create, DeleteBatch, Get, Head, List, Part, Put};
    let key_errors = Fault::KeyErrors {
        every: 2,
        code: Code::InternalError,
    };
    prop_oneof![
        on(&[Complete], Fault::ErrorInOk(Code::InternalError)),
        on(&[Put, Part, Complete, Head, Get], Fault::WrongEtag),
        on(&[Put, Part, Complete, Head, Get], Fault::WrongChecksum),
        on(&[Get], Fault::WrongContentRange),
        on(&[Get, Head], Fault::Error(Code::NoSuchKey)),
        on(&[List], Fault::RepeatPage),
        on(&[List, DeleteBatch, Create, Complete], Fault::CutPage),
        on(&[DeleteBatch], key_errors),
        (0u64..1 << 20).prop_map(|at| (Get, Fault::FlipBit { at })),
        (0u64..1 << 20).prop_map(|at| (Get, Fault::DropByte { at })),
        (1u64..1 << 10).prop_map(|len| (Get, Fault::RepeatBlock { at: 0, len })),
        (1u64..1 << 10).prop_map(|extra| (Get, Fault::Overlong { extra })),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let kinds = [
        Kind::Put,
        Kind::Get,
        Kind::Head,
        Kind::Delete,
        Kind::DeleteBatch,
        Kind::Create,
        Kind::Part,
        Kind::Complete,
        Kind::Abort,
        Kind::List,
    ];
    let kind = prop_oneof![3 => select(kinds.to_vec()).prop_map(Some), 1 => Just(None)];
    let met = prop_oneof![
        2 => (kind, anywhere()),
        1 => particular().prop_map(|(kind, fault)| (Some(kind), fault)),
    ];
    let which = prop_oneof![
        4 => (1u64..6).prop_map(Which::Nth),
        2 => (1u64..4).prop_map(Which::First),
        1 => (1u64..6).prop_map(Which::From),
        3 => (5u8..60).prop_map(Which::Percent),
    ];
    (met, which).prop_map(|((kind, fault), which)| Rule { kind, which, fault })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let checksums = prop_oneof![
        4 => Just(Checksums::Kept), 1 => Just(Checksums::Ignored), 1 => Just(Checksums::Refused),
    ];
    let rules = proptest::collection::vec(rule(), 0..6);
    (command(), rules, any::<u64>(), checksums, any::<bool>()).prop_map(
        |(command, mut rules, seed, checksums, older)| {
            // Where the store has no checksum to compare, nothing tells that bytes are wrong.
            let proves =
                checksums == Checksums::Kept && !matches!(command, Command::RestoreSubset(..));
            rules.retain(|rule| proves || !damages(&rule.fault));
            Schedule {
                command,
                script: Script { seed, rules },
                checksums,
                older,
            }
        },
    )
}

/// Whether the fault changes bytes in a way that only a checksum tells.
pub(crate) fn damages(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::FlipBit { .. }
            | Fault::DropByte { .. }
            | Fault::RepeatBlock { .. }
            | Fault::Overlong { .. }
    )
}

fn seeds() -> Range<u64> {
    let text = std::env::var("SCHEDULES").unwrap_or_else(|_| "0..2000".to_owned());
    let (first, end) = text.split_once("..").unwrap();
    first.parse().unwrap()..end.parse().unwrap()
}

/// Plays every schedule by `check`, which panics where one does not end as it must.
pub(crate) fn play(check: impl Fn(Schedule) + Sync) {
    let seeds = Mutex::new(seeds().filter(|seed| seed % 10 == 0));
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
        max_shrink_iters: 50,
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
