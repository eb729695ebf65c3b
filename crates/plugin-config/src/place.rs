//! Whether two destinations are one place, or one service under one account.

use crate::settings::{Addressing, Destination};

impl Destination {
    /// Whether objects of one name are the same object in both.
    pub fn is_at(&self, other: &Self) -> bool {
        self.shares_bucket(other) && self.folder == other.folder
    }

    /// Whether both are one bucket, whatever the folder.
    ///
    /// On AWS a bucket's name is unique over all regions.
    pub fn shares_bucket(&self, other: &Self) -> bool {
        let in_host = |place: &Self| place.addressing == Addressing::BucketInHost;
        match (in_host(self), in_host(other)) {
            (true, true) => self.host() == other.host(),
            (false, false) => self.host() == other.host() && self.bucket == other.bucket,
            _ => false,
        }
    }

    /// Whether the service of this destination can copy from `other` by itself: both are one service,
    /// reached as one account.
    pub fn shares_account(&self, other: &Self) -> bool {
        self.host() == other.host() && self.credentials == other.credentials
    }

    /// Host and port of the service; `None` for AWS, which is one service.
    fn host(&self) -> Option<(String, u16)> {
        let endpoint = self.endpoint.as_ref()?;
        let port = endpoint.port.unwrap_or(if endpoint.tls { 443 } else { 80 });
        Some((endpoint.host.to_ascii_lowercase(), port))
    }
}
