//! How long a failed job waits before it is tried again.

use std::time::Duration;

/// Wait before the second attempt.
const FIRST: Duration = Duration::from_secs(5);
/// Longest wait between attempts.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The wait after attempt number `attempt` (the first is 1): doubled each time, and shortened by up to a half at
/// random (`jitter` in 0..1), so that jobs that failed together do not come back together.
pub(crate) fn wait_after(attempt: i32, jitter: f64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(16);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

/// A number in 0..1, from the random bits of a fresh UUID: enough to spread retries.
pub(crate) fn jitter() -> f64 {
    let bits = uuid::Uuid::now_v7().as_u128() as u32;
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour_and_jitter_halves_it_at_most() {
        let seconds = |attempt, jitter| wait_after(attempt, jitter).as_secs_f64();
        assert_eq!(seconds(1, 0.0), 5.0);
        assert_eq!(seconds(2, 0.0), 10.0);
        assert_eq!(seconds(5, 0.0), 80.0);
        assert_eq!(seconds(40, 0.0), 3600.0);
        assert_eq!(seconds(1, 1.0), 2.5);
        assert_eq!(seconds(0, 0.0), 5.0);
    }

    #[test]
    fn jitter_spreads() {
        let draws: Vec<f64> = (0..200).map(|_| jitter()).collect();
        assert!(draws.iter().all(|d| (0.0..=1.0).contains(d)));
        assert!(draws.iter().any(|d| *d < 0.3) && draws.iter().any(|d| *d > 0.7));
    }
}
