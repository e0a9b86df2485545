//! Trading days (B1): from one reset to the next, in the programme's zone.
//!
//! A day begins at the first instant at or after its reset's local time. Where the clock jumps over
//! that time the day begins at the jump; where it shows the time twice, at the first of the two.
use hub_schemas::events::rules::Day;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

/// A trading day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradingDay {
    /// The date on which it begins, such as `2026-03-29`.
    pub label: String,
    /// Its first millisecond, Unix.
    pub start_ms: i64,
    /// The first millisecond after it, Unix.
    pub end_ms: i64,
}

/// The time zone of an IANA name, from the bundled database: no file of the machine is read.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The local time of a reset: `HH:MM`.
pub(crate) fn reset(text: &str) -> Option<Time> {
    let two = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
    let (hour, minute) = text.split_once(':')?;
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

/// The day that a moment belongs to; nothing if the zone or the reset is not valid, or the moment
/// is outside the years that the calendar knows.
pub fn trading_day(day: &Day, time_ms: i64) -> Option<TradingDay> {
    let (zone, reset) = (zone(&day.zone)?, reset(&day.reset)?);
    let at = Timestamp::from_millisecond(time_ms).ok()?;
    let mut date = zone.to_datetime(at).date();
    if start(&zone, reset, date)? > at {
        date = date.yesterday().ok()?;
    }
    let start_ms = start(&zone, reset, date)?.as_millisecond();
    let end_ms = start(&zone, reset, date.tomorrow().ok()?)?.as_millisecond();
    Some(TradingDay { label: date.to_string(), start_ms, end_ms })
}

/// The first instant at or after the reset's local time on a date.
fn start(zone: &TimeZone, reset: Time, date: Date) -> Option<Timestamp> {
    let local = date.to_datetime(reset);
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        // Shown twice: the offset before the change gives the first.
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        // Not shown: the offset after the change gives a moment before it, and the next change of
        // the zone is the jump itself.
        AmbiguousOffset::Gap { after, .. } => {
            let before_jump = after.to_timestamp(local).ok()?;
            zone.following(before_jump).next().map(|jump| jump.timestamp())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// The day of `at`: `label start end hours`.
    fn shown(reset: &str, zone: &str, at: &str) -> String {
        let day = Day { reset: reset.to_owned(), zone: zone.to_owned() };
        let day = trading_day(&day, ms(at)).unwrap();
        let text = |ms| Timestamp::from_millisecond(ms).unwrap().to_string();
        let hours = (day.end_ms - day.start_ms) as f64 / 3_600_000.0;
        format!("{} {} {} {hours}h", day.label, text(day.start_ms), text(day.end_ms))
    }

    #[test]
    fn days_by_zone_and_season() {
        for (reset, zone, at, expected) in [
            // An ordinary day, and the two of the year that are not.
            (
                "00:00",
                "Europe/Prague",
                "2026-01-15T12:00:00Z",
                "2026-01-15 2026-01-14T23:00:00Z 2026-01-15T23:00:00Z 24h",
            ),
            (
                "00:00",
                "Europe/Prague",
                "2026-03-29T12:00:00Z",
                "2026-03-29 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z 23h",
            ),
            (
                "00:00",
                "Europe/Prague",
                "2026-10-25T12:00:00Z",
                "2026-10-25 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z 25h",
            ),
            // The instant of the reset begins the day; the millisecond before ends the last one.
            (
                "00:00",
                "Europe/Prague",
                "2026-03-29T22:00:00Z",
                "2026-03-30 2026-03-29T22:00:00Z 2026-03-30T22:00:00Z 24h",
            ),
            (
                "00:00",
                "Europe/Prague",
                "2026-03-29T21:59:59.999Z",
                "2026-03-29 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z 23h",
            ),
            (
                "17:00",
                "America/New_York",
                "2026-07-01T20:59:00Z",
                "2026-06-30 2026-06-30T21:00:00Z 2026-07-01T21:00:00Z 24h",
            ),
            (
                "17:00",
                "America/New_York",
                "2026-07-01T21:00:00Z",
                "2026-07-01 2026-07-01T21:00:00Z 2026-07-02T21:00:00Z 24h",
            ),
            (
                "17:00",
                "America/New_York",
                "2026-03-08T12:00:00Z",
                "2026-03-07 2026-03-07T22:00:00Z 2026-03-08T21:00:00Z 23h",
            ),
            (
                "00:30",
                "UTC",
                "2026-03-29T00:29:59Z",
                "2026-03-28 2026-03-28T00:30:00Z 2026-03-29T00:30:00Z 24h",
            ),
            // 02:30 is skipped on that night: the day begins at the jump, 03:00 local.
            (
                "02:30",
                "Europe/Prague",
                "2026-03-29T12:00:00Z",
                "2026-03-29 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z 23.5h",
            ),
            (
                "02:30",
                "Europe/Prague",
                "2026-03-29T00:59:59Z",
                "2026-03-28 2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 23.5h",
            ),
            // 02:30 comes twice on that night: the first counts, and the second 02:10 is after it.
            (
                "02:30",
                "Europe/Prague",
                "2026-10-25T01:10:00Z",
                "2026-10-25 2026-10-25T00:30:00Z 2026-10-26T01:30:00Z 25h",
            ),
            // Midnight itself is skipped in Beirut.
            (
                "00:00",
                "Asia/Beirut",
                "2026-03-29T12:00:00Z",
                "2026-03-29 2026-03-28T22:00:00Z 2026-03-29T21:00:00Z 23h",
            ),
            // Samoa had no 30 December 2011.
            (
                "17:00",
                "Pacific/Apia",
                "2011-12-30T12:00:00Z",
                "2011-12-30 2011-12-30T10:00:00Z 2011-12-31T03:00:00Z 17h",
            ),
        ] {
            assert_eq!(shown(reset, zone, at), expected, "{reset} {zone} {at}");
        }
    }

    #[test]
    fn what_is_not_valid_gives_no_day() {
        for (reset, zone) in
            [("24:00", "UTC"), ("0:00", "UTC"), ("noon", "UTC"), ("00:00", "Europe/Nowhere")]
        {
            let day = Day { reset: reset.to_owned(), zone: zone.to_owned() };
            assert_eq!(trading_day(&day, 0), None, "{reset} {zone}");
        }
        let day = Day { reset: "00:00".to_owned(), zone: "UTC".to_owned() };
        assert_eq!(trading_day(&day, i64::MAX), None);
    }
}
