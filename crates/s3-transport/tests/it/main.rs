//! The transport from the outside: over a store in memory that fails as it is told.

#![cfg(test)]

mod destinations;
mod fault;
mod memory;
mod schedule;
mod schedules;
mod state;
mod streams;
