//! The name of a backup.

use std::fmt;

use crate::error::Error;

/// The timestamp by which a backup is known: 14 digits, without a calendar check, as benches use
/// numbers that are no dates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(String);

impl Timestamp {
    /// Reads a timestamp.
    ///
    /// # Errors
    /// [`Error::Timestamp`] for anything but 14 ASCII digits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Timestamp(text.to_owned()))
        }
    }

    /// All 14 digits: `YYYYMMDDHHMMSS`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits: `YYYYMMDD`.
    pub fn date(&self) -> &str {
        &self.0[..8]
    }

    /// What the remote names of the backup's files begin with, and no other backup's:
    /// `backups/<YYYYMMDD>/<timestamp>/`.
    pub fn prefix(&self) -> String {
        format!("backups/{}/{}/", self.date(), self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_14_digits_are_a_timestamp() {
        let timestamp = Timestamp::parse("98900488372225").unwrap();
        assert_eq!(timestamp.date(), "98900488");
        assert_eq!(timestamp.prefix(), "backups/98900488/98900488372225/");
        for text in [
            "",
            "2026",
            "2026010101010",
            "202601010101011",
            "../x",
            "2026010101010x",
            "٢٠٢٦٠٠١",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text:?}");
        }
    }
}
