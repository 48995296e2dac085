//! TTLs by how often the data change.

use std::fmt;
use std::time::Duration;

use super::Ttl;
use super::duration::NAMED;

/// How often data change, as a TTL with a name: in code as [`Ttl::from`], in an annotation as `ttl = "stable"`, in the
/// environment as `CACHE_TTL=stable`.
///
/// A TTL is not what keeps an answer right: writes through a repository invalidate at once, whatever the TTL. It bounds
/// how long a change that nobody announced goes unnoticed, and how long memory is spent on what nobody asks for any
/// more. So choose by how soon an *unannounced* change has to show:
///
/// | name | TTL | for example |
/// |---|---|---|
/// | `realtime` | 5 s | prices, stock levels, positions that another system writes |
/// | `volatile` | 1 min | counters on a page, search results, dashboards |
/// | `normal` | 15 min | rows that people edit: the default of [`Policy::ttl`](crate::Policy::ttl) |
/// | `stable` | 6 h | catalogues, profiles, settings: data that change some times a day |
/// | `static` | 1 d | countries, currencies, time zones: data that change with a release |
///
/// Each step is some 4 to 24 times the one before, so that there is no doubt which one is meant. None is longer than a
/// day: an entry that is asked for is loaded once a day at most, which costs nothing, and one that is not is gone.
///
/// ```
/// use cache_runtime::{CacheManager, Volatility};
///
/// # #[cfg(feature = "memory")]
/// let cache = CacheManager::builder("shop").memory().ttl(Volatility::Stable).build()?;
/// # Ok::<(), cache_runtime::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Volatility {
    /// Five seconds.
    Realtime,
    /// One minute.
    Volatile,
    /// 15 minutes.
    Normal,
    /// Six hours.
    Stable,
    /// One day.
    Static,
}

impl Volatility {
    /// All, from the most volatile on.
    pub const ALL: [Self; 5] =
        [Self::Realtime, Self::Volatile, Self::Normal, Self::Stable, Self::Static];

    /// How long such data are kept.
    #[must_use]
    pub const fn ttl(self) -> Duration {
        Duration::from_millis(self.named().1)
    }

    /// The name, as annotations and configurations write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.named().0
    }

    const fn named(self) -> (&'static str, u64) {
        let [realtime, volatile, normal, stable, fixed] = NAMED;
        match self {
            Self::Realtime => realtime,
            Self::Volatile => volatile,
            Self::Normal => normal,
            Self::Stable => stable,
            Self::Static => fixed,
        }
    }
}

impl From<Volatility> for Ttl {
    fn from(volatility: Volatility) -> Self {
        Self::After(volatility.ttl())
    }
}

impl From<Volatility> for Duration {
    fn from(volatility: Volatility) -> Self {
        volatility.ttl()
    }
}

impl fmt::Display for Volatility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_ttl_reads_each_volatility_by_its_name() {
        for volatility in Volatility::ALL {
            assert_eq!(Ttl::parse(volatility.name()), Ok(Ttl::from(volatility)));
            assert_eq!(volatility.name(), format!("{volatility:?}").to_lowercase());
        }
        assert!(Volatility::ALL.is_sorted_by_key(|volatility| volatility.ttl()));
    }

    #[test]
    fn what_is_normal_is_the_default() {
        assert_eq!(Policy::default().ttl, Ttl::from(Volatility::Normal));
    }
}
