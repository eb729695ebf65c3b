//! The bytes that cases send, and where those that came back differ.

/// Random bytes, the same for the same `seed` text: a failure can be played again.
pub(crate) fn random(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(hash(seed)).fill(&mut bytes);
    bytes
}

/// Letters and digits with a newline at the end, `len` bytes in all, as the published script sends.
pub(crate) fn text(seed: &str, len: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(hash(seed));
    let mut bytes: Vec<u8> = (1..len).map(|_| rng.alphanumeric() as u8).collect();
    bytes.push(b'\n');
    bytes
}

/// FNV-1a, for seeds: it only has to be the same on every machine.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Tells where `got` differs from `expected`; nothing where they are the same.
pub(crate) fn difference(expected: &[u8], got: &[u8]) -> Option<String> {
    if expected == got {
        return None;
    }
    let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let sizes = format!("{} bytes expected, {} came", expected.len(), got.len());
    Some(match (expected.get(same), got.get(same)) {
        (Some(_), None) => format!("{sizes}: it ends short after byte {same}"),
        (None, Some(_)) => format!(
            "{sizes}: it goes on after the end with {}",
            excerpt(&got[same..])
        ),
        _ => format!(
            "{sizes}: they differ from byte {same} on: expected {}, got {}",
            excerpt(&expected[same..]),
            excerpt(&got[same..])
        ),
    })
}

/// The first bytes of `bytes`, printable, with the rest counted.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    let head = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    match bytes.len().saturating_sub(SHOWN) {
        0 => format!("\"{head}\""),
        more => format!("\"{head}\" and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_the_same_every_time() {
        assert_eq!(random("a", 100), random("a", 100));
        assert_ne!(random("a", 100), random("b", 100));
        assert_eq!(text("a", 1000).len(), 1000);
        assert_eq!(text("a", 1000).last(), Some(&b'\n'));
    }

    #[test]
    fn a_difference_is_told_with_its_place() {
        assert_eq!(difference(b"abc", b"abc"), None);
        let short = difference(b"abc", b"ab").unwrap();
        assert!(short.contains("ends short after byte 2"), "{short}");
        let long = difference(b"abc", b"abc\n").unwrap();
        assert!(
            long.contains("goes on after the end with \"\\n\""),
            "{long}"
        );
        let other = difference(b"abc", b"aXc").unwrap();
        assert!(
            other.contains("differ from byte 1 on: expected \"bc\", got \"Xc\""),
            "{other}"
        );
    }
}
