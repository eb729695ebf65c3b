//! The reporters: the terminal's, and one for files in several forms.

mod file;
mod html;
mod human;
mod json;
mod junit;
mod transcript;

pub use file::{FileReport, Form};
pub use human::Human;
