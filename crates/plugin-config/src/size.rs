//! Sizes in bytes as people write them.

/// Reads a size: a number, and after it a unit or nothing for bytes.
///
/// Units are `B`, `K`, `KB`, `KiB`, `kilobyte`, `kibibyte` (and plurals) and so on up to exa, in any
/// case, with or without blanks in front. Every one of them is the binary multiple (`1KB` is 1024
/// bytes), as it is for the Go plugin, whose library (inhies/go-bytesize) knows no other. The number
/// may have a fraction; a fraction of a byte is dropped.
///
/// # Errors
/// `None` where the text is no size or is more than `u64` holds.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let multiple = 1_u64 << (10 * power(unit.trim_start())?);
    let whole = whole.parse::<u64>().ok()?.checked_mul(multiple)?;
    whole.checked_add(fraction_of(fraction, multiple)?)
}

/// Which power of 1024 a unit is.
fn power(unit: &str) -> Option<u32> {
    const NAMES: [(&str, &str, &str); 7] = [
        ("", "byte", "byte"),
        ("k", "kilobyte", "kibibyte"),
        ("m", "megabyte", "mebibyte"),
        ("g", "gigabyte", "gibibyte"),
        ("t", "terabyte", "tebibyte"),
        ("p", "petabyte", "pebibyte"),
        ("e", "exabyte", "exbibyte"),
    ];
    let unit = unit.to_ascii_lowercase();
    let singular = unit.strip_suffix('s').unwrap_or(&unit);
    (0..)
        .zip(NAMES)
        .find_map(|(power, (letter, decimal, binary))| {
            let short = unit.strip_prefix(letter);
            let is_short = match letter {
                "" => matches!(short, Some("" | "b")),
                _ => matches!(short, Some("" | "b" | "ib")),
            };
            (is_short || singular == decimal || singular == binary).then_some(power)
        })
}

/// `0.fraction × multiple`, rounded down. Digits beyond the 18th are less than a byte of an exabyte's last place.
fn fraction_of(fraction: &str, multiple: u64) -> Option<u64> {
    let digits = fraction.get(..18).unwrap_or(fraction);
    if digits.is_empty() {
        return Some(0);
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
    let bytes = digits.parse::<u128>().ok()? * u128::from(multiple) / scale;
    u64::try_from(bytes).ok()
}

/// A number of bytes in the largest unit that holds it exactly: `5 MiB`, `1 GiB`, `1000 bytes`.
pub fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let exact = if bytes == 0 {
        0
    } else {
        bytes.trailing_zeros() / 10
    };
    let unit = UNITS[exact as usize];
    format!("{} {unit}", bytes >> (10 * exact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: impl Into<Option<u64>>) {
        assert_eq!(parse_size(text), expected.into(), "{text:?}");
    }

    #[test]
    fn every_documented_spelling_is_read() {
        const M: u64 = 1024 * 1024;
        check("500MB", 500 * M);
        check("10M", 10 * M);
        check("16MiB", 16 * M);
        check("1.5GB", 1536 * M);
        check(" 500 MB ", 500 * M);
        check("500megabytes", 500 * M);
        check("1 Mebibyte", M);
        check("5242880", 5 * M);
        check("7b", 7);
        check("1 byte", 1);
        check("15 eb", 15 << 60);
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "MB",
            "-1",
            "+1",
            "1e3",
            "0x10",
            "1,5GB",
            ".5GB",
            "1.GB",
            "1.2.3",
            "1 MB MB",
            "1ZB",
            "1X",
            "1bb",
            "1ib",
            "1s",
            "1ks",
            "1MBs",
            "16EB",
            "18446744073709551616",
            "١MB",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn shown_sizes_are_read_back(bytes: u64) {
            prop_assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
        }

        #[test]
        fn spellings_of_one_unit_mean_the_same(n in 0_u64..1 << 20, unit in 0_usize..6, blanks in " {0,3}") {
            let spellings = [
                ["k", "KB", "KiB", "kilobytes"], ["m", "MB", "MiB", "megabytes"], ["g", "GB", "GiB", "gigabytes"],
                ["t", "TB", "TiB", "terabytes"], ["p", "PB", "PiB", "petabytes"], ["b", "B", "", "bytes"],
            ];
            let expected = parse_size(&format!("{n}{}", spellings[unit][0]));
            for spelling in spellings[unit] {
                prop_assert_eq!(parse_size(&format!("{n}{blanks}{spelling}")), expected);
            }
        }

        #[test]
        fn a_fraction_is_its_share(thousandths in 0_u64..1_000_000) {
            let text = format!("{}.{:03}GB", thousandths / 1000, thousandths % 1000);
            let exact = u128::from(thousandths) * (1 << 30) / 1000;
            prop_assert_eq!(parse_size(&text).map(u128::from), Some(exact));
        }

        #[test]
        fn no_text_panics(text: String) {
            parse_size(&text);
        }
    }
}
