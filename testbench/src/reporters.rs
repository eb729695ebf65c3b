//! The reporters: each one file and one form.

mod html;
mod human;
mod json;
mod junit;
mod transcript;

pub use html::Html;
pub use human::Human;
pub use json::Json;
pub use junit::Junit;
