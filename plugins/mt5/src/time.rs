//! Server time: broker-local, though it looks like a Unix time.
//!
//! The Web API counts seconds "since 01.01.1970" of the server's own wall clock (its example:
//! `1572518788` is shown as `2019.10.31 10:46:28`, which is the same number read as UTC). The
//! server's time settings say how far that clock is from GMT.
use crate::session::Manager;
use crate::settings::{FROM_SERVER_CLOCK, FROM_TIME_SETTINGS};
use crate::wire::{ServerTime, TimeSettings};
use hub_plugin_sdk::Error;
use jiff::{Timestamp, tz::TimeZone};

/// The US rules: from the second Sunday of March to the first of November. Brokers follow them so
/// that the trading day ends with New York's.
const US_RULES: &str = "M3.2.0,M11.1.0";
/// No zone is further from UTC.
const OFFSET_MIN_MAX: i64 = 14 * 60;
/// The end of the year 9999: beyond it no clock is believed.
const SERVER_TIME_S_MAX: i64 = 253_402_300_799;
/// Zones are multiples of this; what is left is the difference of two clocks.
const OFFSET_STEP_MIN: i64 = 15;

/// A server's zone.
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// From a POSIX `TZ` string: no time-zone database is needed.
    pub(crate) fn new(posix: &str) -> Result<Self, Error> {
        TimeZone::posix(posix).map(Self).map_err(|_| {
            Error::InvalidRequest(format!(
                "server_zone {posix:?} is neither time-settings nor server-clock nor a POSIX time \
                 zone such as EET-2EEST,M3.5.0/3,M10.5.0/4"
            ))
        })
    }

    /// UTC of a server time, both in milliseconds. In the hour that daylight saving repeats (or
    /// leaves out), the reading that is nearer to `now_ms` is taken.
    pub(crate) fn utc_ms(&self, server_ms: i64, now_ms: i64) -> Result<i64, Error> {
        let readings = Timestamp::from_millisecond(server_ms).and_then(|wall_clock| {
            let wall_clock = TimeZone::UTC.to_datetime(wall_clock);
            let readings = self.0.to_ambiguous_timestamp(wall_clock);
            Ok([readings.earlier()?, readings.later()?])
        });
        readings
            .ok()
            .and_then(|both| {
                let both = both.map(Timestamp::as_millisecond);
                both.into_iter().min_by_key(|utc_ms| utc_ms.abs_diff(now_ms))
            })
            .ok_or_else(|| Error::transient(format!("{server_ms} ms is not a server time")))
    }

    fn offset_min(&self, at_ms: i64) -> Option<i64> {
        let at = Timestamp::from_millisecond(at_ms).ok()?;
        Some(i64::from(self.0.to_offset(at).seconds()) / 60)
    }
}

/// The server's clock now, in seconds of its own time.
pub(crate) async fn server_now_s(manager: &Manager<'_>) -> Result<i64, Error> {
    let now: ServerTime =
        manager.ask("asking for the server's time", "/api/time/server", &[]).await?;
    now.time
        .split_whitespace()
        .next()
        .and_then(|seconds| seconds.parse().ok())
        .filter(|seconds| (0..=SERVER_TIME_S_MAX).contains(seconds))
        .ok_or_else(|| Error::transient("the server's time does not begin with Unix seconds"))
}

/// The server's zone, as a POSIX `TZ` string.
pub(crate) async fn zone(manager: &Manager<'_>, server_now_s: i64) -> Result<String, Error> {
    let now_ms = manager.ctx.now_ms();
    match manager.settings.server_zone.as_str() {
        FROM_TIME_SETTINGS => {
            let what = "asking for the server's time settings";
            of_settings(&manager.ask(what, "/api/time/get", &[]).await?, now_ms)
        }
        FROM_SERVER_CLOCK => of_clock(server_now_s, now_ms),
        posix => Zone::new(posix).map(|_| posix.to_owned()),
    }
}

fn fixed(offset_min: i64) -> Result<String, Error> {
    if !(-OFFSET_MIN_MAX..=OFFSET_MIN_MAX).contains(&offset_min) {
        return Err(Error::transient(format!(
            "the server's time is {offset_min} minutes from UTC: its clock or the hub's is wrong"
        )));
    }
    // POSIX counts west of Greenwich as positive.
    let sign = if offset_min < 0 { '+' } else { '-' };
    Ok(format!("<SRV>{sign}{:02}:{:02}", offset_min.abs() / 60, offset_min.abs() % 60))
}

/// Zone and daylight saving as the server says them, with the US calendar. If that calendar and
/// `DaylightState` disagree now, the server follows another one: then its state of this moment is
/// taken as fixed, and read again with the next settings.
fn of_settings(settings: &TimeSettings, now_ms: i64) -> Result<String, Error> {
    let standard = fixed(settings.time_zone.0)?;
    if settings.daylight.0 == 0 {
        return Ok(standard);
    }
    let with_rules = format!("{standard}<SRVD>,{US_RULES}");
    let Some(state) = settings.daylight_state else { return Ok(with_rules) };
    let now_min = settings.time_zone.0 + if state.0 == 0 { 0 } else { 60 };
    if Zone::new(&with_rules)?.offset_min(now_ms) == Some(now_min) {
        return Ok(with_rules);
    }
    fixed(now_min)
}

fn of_clock(server_now_s: i64, now_ms: i64) -> Result<String, Error> {
    let apart_s = server_now_s - now_ms.div_euclid(1000);
    let step_s = OFFSET_STEP_MIN * 60;
    fixed((apart_s + step_s / 2).div_euclid(step_s) * OFFSET_STEP_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Int;

    fn ms(utc: &str) -> i64 {
        utc.parse::<Timestamp>().expect("RFC 3339").as_millisecond()
    }
    fn settings(zone: i64, daylight: i64, state: Option<i64>) -> TimeSettings {
        TimeSettings {
            daylight: Int(daylight),
            daylight_state: state.map(Int),
            time_zone: Int(zone),
        }
    }

    #[test]
    fn a_server_on_utc_plus_2_with_us_daylight_saving() {
        let winter = ms("2025-01-15T12:00:00Z");
        let posix = of_settings(&settings(120, 1, Some(0)), winter).expect("a zone");
        let zone = Zone::new(&posix).expect("POSIX");
        for (server, utc) in [
            ("2025-01-15T14:00:00Z", "2025-01-15T12:00:00Z"),
            ("2025-07-15T15:00:00Z", "2025-07-15T12:00:00Z"),
            // Between the US change (9 March) and the European one (30 March).
            ("2025-03-10T15:00:00Z", "2025-03-10T12:00:00Z"),
            ("2025-03-07T14:00:00Z", "2025-03-07T12:00:00Z"),
            ("2025-11-03T14:00:00Z", "2025-11-03T12:00:00Z"),
            ("2025-10-31T15:00:00Z", "2025-10-31T12:00:00Z"),
        ] {
            assert_eq!(zone.utc_ms(ms(server), winter).expect("a time"), ms(utc), "{server}");
        }
    }

    #[test]
    fn the_hour_that_comes_twice_is_read_as_the_one_that_is_now() {
        let zone = Zone::new("<SRV>-02:00<SRVD>,M3.2.0,M11.1.0").expect("POSIX");
        // On 2 November 2025 the server's clock goes from 02:00 back to 01:00, at 23:00 UTC.
        let server = ms("2025-11-02T01:30:00Z");
        for now in ["2025-11-01T22:30:00Z", "2025-11-01T23:30:00Z"] {
            assert_eq!(zone.utc_ms(server, ms(now)).expect("a time"), ms(now));
        }
    }

    #[test]
    fn a_server_that_follows_another_calendar_is_believed_about_now() {
        let between = ms("2025-03-10T12:00:00Z");
        assert_eq!(
            of_settings(&settings(120, 1, Some(0)), between).expect("a zone"),
            "<SRV>-02:00"
        );
        assert_eq!(
            of_settings(&settings(120, 0, Some(0)), between).expect("a zone"),
            "<SRV>-02:00"
        );
        assert_eq!(of_settings(&settings(-210, 0, None), between).expect("a zone"), "<SRV>+03:30");
        assert!(of_settings(&settings(2000, 0, None), between).is_err());
        let zone = Zone::new("<SRV>+03:30").expect("POSIX");
        assert_eq!(
            zone.utc_ms(ms("2025-01-01T00:00:00Z"), between).expect("a time"),
            ms("2025-01-01T03:30:00Z")
        );
    }

    #[test]
    fn two_clocks_that_differ_by_seconds_still_give_the_zone() {
        let now = ms("2025-01-15T12:00:00Z");
        for (apart_s, zone) in [
            (7200, "<SRV>-02:00"),
            (7195, "<SRV>-02:00"),
            (-12_601, "<SRV>+03:30"),
            (3, "<SRV>-00:00"),
        ] {
            assert_eq!(of_clock(now / 1000 + apart_s, now).expect("a zone"), zone);
        }
        assert!(of_clock(now / 1000 + 200_000, now).is_err());
        assert!(Zone::new("Europe/Nicosia").is_err());
    }
}
