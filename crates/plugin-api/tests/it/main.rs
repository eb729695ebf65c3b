//! The plugin API as its callers see it: the example plugin as a process, and recorded calls.

#![cfg(test)]

mod filesystem;
mod plugin;
mod recorded;
mod usage;
