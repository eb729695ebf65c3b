//! gpbackup_s3_plugin: keeps the backups of Greenplum, Apache Cloudberry and Greengage in S3.
//!
//! A tour: [`plugin`] says what each command of the plugin API does; [`session`] brings config, log,
//! signals and connection together for one command; the modules named after what they handle do it:
//! `hooks`, `streams`, `files`, `directories`, `backups`, `replicate`, `uploads`, `check`, `verify`. The bytes are moved by
//! `s3-transport`, argv and exit codes are the business of `plugin-api`.

mod advice;
mod backups;
mod check;
mod directories;
mod files;
mod hooks;
mod logfile;
mod plugin;
mod replicate;
mod session;
mod streams;
mod uploads;
mod verify;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_api::run(&plugin::S3Plugin, std::env::args_os())
}
