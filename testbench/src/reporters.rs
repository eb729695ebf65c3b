//! The reporters: each one file and one form.

mod human;
mod json;

pub use human::Human;
pub use json::Json;
