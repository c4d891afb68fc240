//! Times and sizes as people write them: `10s`, `64Ki`.

/// Units of time, largest first, in milliseconds.
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of size, largest first, in bytes.
const SIZES: [(&str, u64); 4] = [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10), ("", 1)];

/// Reads a whole number and one unit: `500ms`, `10s`, `2m`, `1h`. In milliseconds.
pub(crate) fn time(text: &str) -> Option<u64> {
    quantity(text, &TIMES)
}

/// Reads a whole number of bytes, `Ki`, `Mi` or `Gi`.
pub(super) fn size(text: &str) -> Option<u64> {
    quantity(text, &SIZES)
}

/// Milliseconds in the largest unit that has no remainder.
pub(crate) fn time_text(millis: u64) -> String {
    if millis == 0 { "0s".to_owned() } else { text(millis, &TIMES) }
}

/// Bytes in the largest unit that has no remainder.
pub(super) fn size_text(bytes: u64) -> String {
    text(bytes, &SIZES)
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    // A sign or a leading zero is a number to Rust, and a slip here.
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if !plain {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

fn text(amount: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor));
    whole.map_or_else(|| amount.to_string(), |(name, factor)| format!("{}{name}", amount / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_one_unit_and_sizes_may_have_one() {
        let read = [time("500ms"), time("10s"), time("2m"), time("1h"), time("0s")];
        assert_eq!(read, [Some(500), Some(10_000), Some(120_000), Some(3_600_000), Some(0)]);
        for bad in
            ["", "10", "s", "1m30s", "1.5s", "-1s", "+1s", "01s", "1 s", "1S", "1d", "99999999999999999h"]
        {
            assert_eq!(time(bad), None, "{bad}");
        }
        assert_eq!([size("65536"), size("64Ki"), size("1Gi")], [Some(65_536), Some(65_536), Some(1 << 30)]);
        for bad in ["", "64K", "64kb", "64ki", "Ki", "1e3", "0x10"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for millis in [0, 1, 500, 1_000, 75_000, 90_000, 3_660_000, 7_200_000] {
            assert_eq!(time(&time_text(millis)), Some(millis));
        }
        assert_eq!([time_text(3_660_000), time_text(75_000)], ["61m", "75s"]);
        for bytes in [0, 1, 1_000, 65_536, 256 << 20] {
            assert_eq!(size(&size_text(bytes)), Some(bytes));
        }
    }
}
