//! The name that sets an application's keys apart.

use std::fmt;
use std::sync::Arc;

use super::{Key, KeyBuilder, Prefix, text};
use crate::error::{Error, ErrorKind, Result};

/// What follows the namespace in the key of every item.
const ITEMS: &str = ":item:=";

/// The name under which all keys of one application stand, apart from everyone else's on the same server.
///
/// # Naming
///
/// - One application and one database: one namespace, named after the application: `shop`.
/// - Not by environment, unless two share a server: then `shop-staging`.
/// - With a [version](Self::version) only where old keys have to be left behind at once. A changed type needs none: the
///   entry's fingerprint makes what another version of the program wrote a miss.
/// - Behind it, from the general to the particular, one part for each thing: `shop:orders:id:=42`. What is fixed is
///   [`text`](KeyBuilder::text), what varies is a [`value`](KeyBuilder::value) or a [`display`](KeyBuilder::display),
///   which is marked with `=` and escaped, so that no value passes for fixed text or for two parts.
/// - Short: a key stands in memory beside each value, and is sent with each command. Of a long text, or of one that is
///   nobody's business, take a digest that the database keeps in a column, and key by that.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// A namespace of this name; it is escaped like every other part.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an empty name, which would claim the whole server, and for one that is longer than
    /// [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "the namespace is empty: give the application a name, such as \"shop\"",
            ));
        }
        let mut escaped = String::with_capacity(name.len());
        text::escape(name, &mut escaped);
        Self::checked(escaped)
    }

    /// The longest name, in bytes as it is written in keys: 128. It stands at the head of every key.
    pub const MAX_BYTES: usize = 128;

    /// The same namespace in this version: `shop` in version 2 is `shop@v2`, and has no key in common with `shop`, nor
    /// with any other version. For a change after which what was cached must not be read any more by anyone, where
    /// [clearing](crate::CacheManager::clear) would take away what the old version of the program still needs.
    ///
    /// Two versions invalidate nothing for each other: where both write at a time, each is stale to the other up to the
    /// TTL, unless every table is watched.
    ///
    /// It is not a part of its own, as in `shop:v2`: the namespace is what permissions (`~shop:*`), channels and
    /// `clear` go by, and those of `shop` would take in its versions.
    ///
    /// ```
    /// use cache_runtime::Namespace;
    ///
    /// let shop = Namespace::new("shop")?.version(2)?;
    /// assert_eq!(shop.key().text("users").value(&42).finish()?.as_str(), "shop@v2:users:=42");
    /// assert!(!Namespace::new("shop")?.owns("shop@v2:users:=42"));
    /// # Ok::<(), cache_runtime::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) where the namespace has a version already, or gets too long.
    pub fn version(&self, version: u32) -> Result<Self> {
        let versioned = self.0.rsplit_once("@v").is_some_and(|(_, digits)| {
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        });
        if versioned {
            let message = format!(
                "the namespace \"{self}\" has a version already: give it to the name without one"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Self::checked(format!("{}@v{version}", self.0))
    }

    fn checked(escaped: String) -> Result<Self> {
        let (bytes, most) = (escaped.len(), Self::MAX_BYTES);
        if bytes > most {
            let message = format!(
                "the namespace takes {bytes} bytes, which every key begins with: choose a name of at most {most}"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Self(escaped.into()))
    }

    /// Begins a key in this namespace.
    #[must_use]
    pub fn key(&self) -> KeyBuilder {
        let mut text = String::with_capacity(64);
        text.push_str(&self.0);
        KeyBuilder::begin(text)
    }

    /// Begins the key of a tag. Its text and values are put together as they are, without escapes or separators, into
    /// the tag's name: `country:` and `US` make the tag `country:US`.
    #[must_use]
    pub fn tag(&self) -> KeyBuilder {
        KeyBuilder { tag: Some(String::new()), ..self.key().text("tag") }
    }

    /// Begins the key of an item that is cached by hand: `namespace:item:=name`, where no table has anything.
    #[must_use]
    pub fn item(&self, name: &str) -> KeyBuilder {
        self.key().text("item").value(name)
    }

    /// The prefix of every item. It ends behind the mark of their names.
    pub(crate) fn items(&self) -> Prefix {
        Prefix(Key::from_text(&format!("{}{ITEMS}", self.0)))
    }

    /// Whether this is the key of an item in this namespace.
    pub(crate) fn has_item(&self, key: &Key) -> bool {
        key.text.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with(ITEMS))
    }

    /// The prefix of every key that [`key`](Self::key) followed by `text(fixed)` begins.
    #[must_use]
    pub fn prefix(&self, fixed: &str) -> Prefix {
        let mut key = self.key().text(fixed);
        key.text.push(':');
        Prefix(Key::from_text(&key.text))
    }

    /// The prefix of all keys.
    #[must_use]
    pub fn whole(&self) -> Prefix {
        Prefix(Key::from_text(&format!("{}:", self.0)))
    }

    /// The escaped name, as it stands at the head of each key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern that matches this namespace's keys and no others, for `SCAN`.
    #[must_use]
    pub fn pattern(&self) -> String {
        format!("{}:*", self.0)
    }

    /// Whether `key` stands in this namespace.
    #[must_use]
    pub fn owns(&self, key: &str) -> bool {
        key.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with(':'))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Namespace").field(&self.as_str()).finish()
    }
}
