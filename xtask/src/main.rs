//! The project's tasks: `cargo xtask COMMAND`, one file per command.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a person reads what a task prints"
)]

mod backend;
mod bench;
mod bucket;
mod cargo;
mod damage;
mod docker;
mod embedded;
mod interrupt;
mod minio;
mod place;
mod serve;
mod stores;
mod summary;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's tasks
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Certify the plugin on a real S3 server: build, start, run the bench, stop
    Test(test::Args),
    /// Start the embedded server with a ready config, to try the plugin by hand
    Serve(serve::Args),
    /// Play the whole matrix on one store after another, and make the table of tested stores
    Stores(stores::Args),
    /// Measure what the plugin costs, against other plugins and curl
    Bench(bench::Args),
    /// Damage an object of the embedded server
    #[command(hide = true)]
    Damage(damage::Args),
    /// Remove a container when stdin closes
    #[command(hide = true)]
    Reap(docker::ContainerArgs),
    /// Kill a container
    #[command(hide = true)]
    Kill(docker::ContainerArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Test(args) => test::run(args).await,
        Task::Serve(args) => serve::run(args).await,
        Task::Stores(args) => stores::run(args).await,
        Task::Bench(args) => bench::run(args).await,
        Task::Damage(args) => damage::run(args),
        Task::Reap(args) => docker::reap(args).await,
        Task::Kill(args) => docker::kill(args).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::from(2)
    })
}
