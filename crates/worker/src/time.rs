//! Times as fields have them: RFC 3339, without an offset where the file has none.

/// A civil time without a zone; `None` when there is no such time.
pub fn civil(
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
) -> Option<String> {
    let real = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let real = real && hour < 24 && minute < 60 && second < 61;
    real.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

/// Seconds since 1970 as UTC.
pub fn unix(seconds: i64) -> Option<String> {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days.
    let z = days.checked_add(719_468)?;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    let year = u32::try_from(yoe + era * 400 + i64::from(month <= 2)).ok()?;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    Some(civil(year, month, day, hour as u32, minute as u32, second as u32)? + "Z")
}

/// A time of Windows: steps of 100 ns since 1601, UTC. Zero is none.
pub fn windows(steps: u64) -> Option<String> {
    let seconds = i64::try_from(steps / 10_000_000).ok()?;
    if steps == 0 {
        None
    } else {
        unix(seconds - 11_644_473_600)
    }
}

/// A time of DOS, in two bytes for the date and two for the time; it has no zone.
pub fn dos(packed: u32) -> Option<String> {
    let (date, clock) = (packed >> 16, packed & 0xffff);
    let (hour, minute, second) = (clock >> 11, clock >> 5 & 63, (clock & 31) * 2);
    civil(
        1980 + (date >> 9),
        date >> 5 & 15,
        date & 31,
        hour,
        minute,
        second,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_what_clocks_showed() {
        assert_eq!(unix(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(unix(1_739_513_400).as_deref(), Some("2025-02-14T06:10:00Z"));
        assert_eq!(unix(951_782_400).as_deref(), Some("2000-02-29T00:00:00Z"));
        assert_eq!(unix(i64::MAX), None);
        assert_eq!(
            windows(133_839_870_000_000_000).as_deref(),
            Some("2025-02-14T06:10:00Z")
        );
        assert_eq!(dos(0x5a4e_3340).as_deref(), Some("2025-02-14T06:26:00"));
        assert_eq!(civil(2025, 13, 1, 0, 0, 0), None);
    }
}
