//! Durations as people write them.

mod text;

use std::time::Duration;

use super::Ttl;
pub(super) use text::NAMED;

/// Reads a time: a number and a unit, or several from large to small: `250ms`, `1.5s`, `15m`, `1h30m`, `2d`.
///
/// The one grammar of times, here, in annotations, in the environment and in files: a number is whole or decimal; the
/// units are `ms`, `s`, `m`, `h` and `d`, each at most once; nothing is finer than a millisecond; there are no spaces
/// and no signs. A number without a unit is refused, because what it would mean is a guess.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::parse_duration;
///
/// assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
/// assert!(parse_duration("90").unwrap_err().contains("has no unit"));
/// ```
///
/// # Errors
/// A sentence that says what is wrong with the text and what to write.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    text::parse(text).map(Duration::from_millis)
}

impl Ttl {
    /// Reads a TTL: a [time](parse_duration), or a [`Volatility`](super::Volatility) by its name.
    ///
    /// ```
    /// use cache_runtime::{Ttl, Volatility};
    ///
    /// assert_eq!(Ttl::parse("stable"), Ok(Ttl::from(Volatility::Stable)));
    /// assert!(Ttl::parse("0s")?.is_zero());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        text::parse_ttl(text).map(|millis| Self::After(Duration::from_millis(millis)))
    }
}
