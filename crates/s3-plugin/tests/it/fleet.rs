//! Many processes at once, as on the hosts of a cluster, in front of a store that is overloaded.

use std::fs;
use std::thread;
use std::time::Duration;

use s3_testserver::memory::{Code, Fault, Rule, Script, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, PREFIX, alone};
use crate::store::{BUCKET, Store};

const PROCESSES: usize = 64;

/// What no process takes longer for.
const LONGEST: Duration = Duration::from_secs(200);

/// The work of process `number`, by turns a small and a large stream to store and a stream and a file to
/// restore, each with a name of its own.
fn work(host: &Host, store: &Store, number: usize) {
    let name = format!("gpbackup_{number}_20261122055910");
    let (path, key) = (host.backup_path(&name), format!("{PREFIX}/{name}"));
    let length = [1000, PART + 1, 900_000, 1000][number % 4];
    let content = bytes(number as u64, length);
    let run = |command: &str, stdin: &[u8]| {
        let mut plugin = host.plugin(command, &host.path("work/s3.yaml"));
        let plugin = plugin.arg(&path).timeout(LONGEST);
        plugin.write_stdin(stdin).succeeds()
    };
    match number % 4 {
        0 | 1 => {
            run("backup_data", &content);
            assert!(store.object(&key) == content);
        }
        2 => {
            store.insert_proven(BUCKET, &key, content.clone());
            assert!(run("restore_data", b"") == content);
        }
        _ => {
            store.insert_proven(BUCKET, &key, content.clone());
            run("restore_file", b"");
            assert!(fs::read(&path).unwrap() == content);
        }
    }
}

#[test]
fn a_fleet_gets_through_an_overloaded_store_with_few_requests() {
    let _alone = alone();
    let (host, store) = (Host::new(), Store::start());
    host.config(store.url(), &[("restore_multipart_chunksize", "100KB")]);
    // The least possible is what the work asks for where nothing fails: a request that is refused is not
    // part of it, as repeating each of them at once and for good would be perfect.
    (0..4).for_each(|number| work(&host, &store, number));
    let least = store.counters().total() * (PROCESSES as u64 / 4);

    store.forget();
    let slow_down = Fault::Error(Code::SlowDown);
    let rules = [
        Rule::any(Which::Percent(20), slow_down),
        Rule::any(Which::Percent(2), Fault::ResetBefore),
    ];
    store.play(Script::new(rules).with_seed(6));
    thread::scope(|scope| {
        for number in 0..PROCESSES {
            let (host, store) = (&host, &store);
            scope.spawn(move || work(host, store, number));
        }
    });
    let counters = store.counters();
    let (total, faults) = (counters.total(), counters.faults);
    assert!(faults * 100 >= total * 15, "{faults} of {total} failed");
    assert!(
        total * 2 <= least * 3,
        "{total} requests where {least} are the least"
    );
    assert_eq!(store.open_uploads(), []);
}
