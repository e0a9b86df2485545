//! Server time: the broker's wall clock, written as if it were a Unix epoch.
//!
//! Everything that MT5 calls a time (deals, positions, `/api/time/server`) is `UTC + offset` in seconds. The offset
//! changes twice a year; `/api/time/get` tells it as `TimeZone` minutes, and one hour more when `DaylightState` is
//! not 0. An hour repeats each autumn, so server time alone cannot always be turned back into UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Clock, SimError};

/// UTC+2, and UTC+3 while the United States have daylight saving time, so that a trading day ends at 17:00 in New
/// York. It changes when New York does: 07:00 UTC in March and 06:00 UTC in November, 09:00 server time both.
pub const NEW_YORK_CLOSE: &str = "EET-2EEST-3,M3.2.0/9,M11.1.0/9";

/// The broker's clock.
#[derive(Debug, Clone)]
pub struct ServerTime {
    clock: Clock,
    zone: TimeZone,
}

/// What `/api/time/get` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneState {
    /// `TimeZone`: minutes east of UTC, daylight saving time not counted.
    pub base_minutes: i32,
    /// `DaylightState`: whether an hour is added now.
    pub daylight: bool,
}

impl ServerTime {
    /// A broker's clock in the zone that a POSIX TZ string describes.
    ///
    /// # Errors
    /// When the string is not a POSIX TZ string.
    pub fn new(clock: Clock, posix_tz: &str) -> Result<Self, SimError> {
        let zone = TimeZone::posix(posix_tz).map_err(|e| {
            SimError::Config(format!("MT5 time zone {posix_tz:?} is not a POSIX TZ string: {e}"))
        })?;
        Ok(Self { clock, zone })
    }

    /// Server time now, in milliseconds of its own epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.at_ms(self.clock.now())
    }

    /// `at` in server time, in milliseconds of its own epoch.
    #[must_use]
    pub fn at_ms(&self, at: Timestamp) -> i64 {
        at.as_millisecond() + i64::from(self.zone.to_offset(at).seconds()) * 1000
    }

    /// The settings now.
    #[must_use]
    pub fn zone_state(&self) -> ZoneState {
        let info = self.zone.to_offset_info(self.clock.now());
        let daylight = info.dst().is_dst();
        let base_minutes = info.offset().seconds() / 60 - if daylight { 60 } else { 0 };
        ZoneState { base_minutes, daylight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_h(at: &str) -> i64 {
        let at: Timestamp = at.parse().expect("a time");
        let server = ServerTime::new(Clock::manual(at), NEW_YORK_CLOSE).expect("a zone");
        (server.now_ms() - at.as_millisecond()) / 3_600_000
    }

    /// Changes when New York changes, not when Europe does: between the two, brokers of both kinds differ.
    #[test]
    fn the_offset_follows_new_york() {
        assert_eq!(offset_h("2025-01-15T12:00:00Z"), 2);
        assert_eq!(offset_h("2025-03-09T06:59:59Z"), 2);
        assert_eq!(offset_h("2025-03-09T07:00:00Z"), 3);
        assert_eq!(offset_h("2025-03-20T12:00:00Z"), 3);
        assert_eq!(offset_h("2025-10-28T12:00:00Z"), 3);
        assert_eq!(offset_h("2025-11-02T05:59:59Z"), 3);
        assert_eq!(offset_h("2025-11-02T06:00:00Z"), 2);
    }

    #[test]
    fn the_settings_add_up_to_the_offset() {
        for (at, daylight) in [("2025-07-01T00:00:00Z", true), ("2025-12-01T00:00:00Z", false)] {
            let clock = Clock::manual(at.parse().expect("a time"));
            let state = ServerTime::new(clock, NEW_YORK_CLOSE).expect("a zone").zone_state();
            assert_eq!(state, ZoneState { base_minutes: 120, daylight });
        }
    }

    #[test]
    fn a_zone_that_is_no_zone_is_refused() {
        assert!(ServerTime::new(Clock::system(), "Mars/Olympus").is_err());
    }
}
