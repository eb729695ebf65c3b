//! The config file as its readers see it.

mod documentation;
