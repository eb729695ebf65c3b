//! The plugin as gpbackup, gprestore and a person at a shell see it: a process with arguments, streams
//! and an exit code, in front of a store that can be told to fail.

#![cfg(test)]

mod backups;
mod both;
mod bytes;
mod conflicts;
mod connections;
mod dependencies;
mod destinations;
mod directories;
mod faults;
mod files;
mod fleet;
mod hooks;
mod host;
mod interrupts;
mod layout;
mod logs;
mod messages;
mod patience;
mod proxies;
mod recorded;
mod replicate;
mod schedule;
mod schedules;
mod standby;
mod store;
mod streams;
mod table;
mod tls;
mod two;
mod uploads;
mod versions;
