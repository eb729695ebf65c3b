//! What the sink knows of the objects: their sizes and what their uploads said.

use std::collections::HashMap;

use crate::memory::call::Call;
use crate::memory::checksum::sent;
use crate::memory::error::{Code, Refusal};

/// What is known of the uploads.
#[derive(Default)]
pub(crate) struct Objects {
    /// By bucket and key.
    uploaded: HashMap<(String, String), Uploaded>,
    /// The sizes of the parts of each open upload, by its id.
    open: HashMap<String, HashMap<u32, u64>>,
    uploads_ever: u64,
}

/// An object that was uploaded, without its bytes.
#[derive(Clone)]
pub(crate) struct Uploaded {
    pub(crate) size: u64,
    /// The header of the checksum that the client gave, and its value.
    pub(crate) checksum: Option<(&'static str, String)>,
}

impl Objects {
    pub(crate) fn create(&mut self) -> String {
        self.uploads_ever += 1;
        let id = format!("upload-{}", self.uploads_ever);
        self.open.insert(id.clone(), HashMap::new());
        id
    }

    pub(crate) fn part(&mut self, call: &Call, size: u64) -> Result<(), Refusal> {
        let number = call.number("partNumber")?.unwrap_or_default();
        let id = call.required("uploadId")?;
        let upload = self.open.get_mut(id).ok_or(Code::NoSuchUpload)?;
        upload.insert(number, size);
        Ok(())
    }

    pub(crate) fn complete(&mut self, call: &Call) -> Result<(), Refusal> {
        let id = call.required("uploadId")?;
        let parts = self.open.remove(id).ok_or(Code::NoSuchUpload)?;
        self.put(call, parts.values().sum())
    }

    pub(crate) fn abort(&mut self, call: &Call) -> Result<(), Refusal> {
        let id = call.required("uploadId")?;
        self.open.remove(id).ok_or(Code::NoSuchUpload)?;
        Ok(())
    }

    pub(crate) fn put(&mut self, call: &Call, size: u64) -> Result<(), Refusal> {
        let checksum = sent(&call.headers)?.map(|(algorithm, value)| (algorithm.header(), value));
        let name = (call.bucket.clone(), call.key.clone());
        self.uploaded.insert(name, Uploaded { size, checksum });
        Ok(())
    }

    /// An object that was uploaded.
    pub(crate) fn find(&self, call: &Call) -> Option<Uploaded> {
        let name = (call.bucket.clone(), call.key.clone());
        self.uploaded.get(&name).cloned()
    }
}

/// The number at the end of a key: the size of an object that was not uploaded.
pub(crate) fn size_in(key: &str) -> Result<u64, Refusal> {
    let rest = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let digits = &key[rest.len()..];
    digits
        .parse()
        .map_err(|_| Refusal::new(Code::NoSuchKey, format!("the key {key:?} ends in no size")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_size() {
        assert_eq!(size_in("a/gpbackup_0_20260101000000_1024").unwrap(), 1024);
        assert_eq!(size_in("a_b").unwrap_err().code, Code::NoSuchKey);
        assert_eq!(
            size_in("99999999999999999999").unwrap_err().code,
            Code::NoSuchKey
        );
    }
}
