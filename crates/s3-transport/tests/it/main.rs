//! The transport from the outside: over a store in memory that fails as it is told.

#![cfg(test)]

mod memory;
mod schedules;
mod streams;
