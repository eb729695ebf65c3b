//! The bench as its users meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod catalogue;
mod cli;
mod database;
mod leftovers;
mod other_plugins;
mod readme;
mod reports;
mod site;
