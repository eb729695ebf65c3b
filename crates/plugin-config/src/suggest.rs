//! What was probably meant.

use crate::options::OPTIONS;

/// The known option nearest to an unknown key, where one is near.
///
/// A key that contains an option or is contained in one (`access_key_id`) is near; so is one whose
/// edit distance is at most a third of its length. Case and `-` for `_` do not count.
pub(crate) fn nearest_option(key: &str) -> Option<&'static str> {
    let typed = key.to_lowercase().replace(['-', ' '], "_");
    OPTIONS
        .iter()
        .filter_map(|spec| Some((distance(&typed, spec.name)?, !spec.built, spec.name)))
        .min()
        .map(|(_, _, name)| name)
}

/// How far `typed` is from `name`; `None` where nobody would have meant it.
fn distance(typed: &str, name: &str) -> Option<usize> {
    let edits = strsim::damerau_levenshtein(typed, name);
    let contained = typed.len() >= 4 && (name.contains(typed) || typed.contains(name));
    (contained || edits <= typed.chars().count() / 3).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, expected: impl Into<Option<&'static str>>) {
        assert_eq!(nearest_option(key), expected.into(), "{key}");
    }

    #[test]
    fn a_near_key_is_named() {
        check("access_key_id", "aws_access_key_id");
        check("secret_access_key", "aws_secret_access_key");
        check("aws_secret_acess_key", "aws_secret_access_key");
        check("regoin", "region");
        check("Bucket", "bucket");
        check("bucket_name", "bucket");
        check("http-proxy", "http_proxy");
        check("backup_multipart_chunk_size", "backup_multipart_chunksize");
        check("endpoint_url", "endpoint");
        check("profile", "aws_profile");
        check("session_token", "aws_session_token");
    }

    #[test]
    fn a_far_key_is_not_guessed_at() {
        for key in ["", "x", "id", "colour", "über", "verbose_everything"] {
            check(key, None);
        }
    }
}
