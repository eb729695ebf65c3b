//! The bench as its users meet it.

mod catalogue;
mod cli;
mod database;
mod other_plugins;
mod readme;
mod reports;
mod site;
