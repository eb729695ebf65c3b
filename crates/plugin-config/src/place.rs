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

    /// Host and port of the service; `None` for AWS, which is one service under many names.
    fn host(&self) -> Option<(String, u16)> {
        let endpoint = self.endpoint.as_ref()?;
        let host = endpoint.host.to_ascii_lowercase();
        let port = endpoint.port.unwrap_or(if endpoint.tls { 443 } else { 80 });
        (!is_aws(&host)).then_some((host, port))
    }
}

/// Whether this is a name of Amazon's S3, such as `s3.eu-central-1.amazonaws.com`, and not one of a bucket there.
fn is_aws(host: &str) -> bool {
    let host = host.trim_end_matches('.').trim_end_matches(".cn");
    let Some(name) = host.strip_suffix(".amazonaws.com") else {
        return false;
    };
    let is_s3 = |label: &str| label == "s3" || label.starts_with("s3-");
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    is_s3(first) && !rest.split('.').any(is_s3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_service_are_told_from_those_of_buckets() {
        for name in [
            "s3.amazonaws.com",
            "s3.eu-central-1.amazonaws.com",
            "s3-eu-west-1.amazonaws.com",
            "s3.dualstack.us-east-1.amazonaws.com",
            "s3.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_aws(name), "{name}");
        }
        for name in [
            "backups.s3.eu-central-1.amazonaws.com",
            "s3-backups.s3.amazonaws.com",
            "amazonaws.com",
            "s3.amazonaws.com.example.org",
            "s3.example.com",
        ] {
            assert!(!is_aws(name), "{name}");
        }
    }
}
