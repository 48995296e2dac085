//! Keys: a namespace, and parts that are escaped so that no value can pass for another.
//!
//! A key reads `namespace:table:kind:part…`. Within a part, every character that has a meaning in a key, in a pattern
//! or in a cluster's hash tag (`: = { } * ? [ ] \ %`, white space and control characters) is written as `%` and two
//! hexadecimal digits for each byte, so `redis-cli` shows keys as a person would write them, and two different values
//! never meet in one key. Keys are never hashed or cut. No part contains a `{`, so the whole key decides its slot in a
//! cluster.

mod pattern;
mod text;

#[cfg(feature = "postgres")]
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

pub use self::pattern::Pattern;
use crate::error::{Error, ErrorKind, Result};

/// What follows the namespace in the key of every item.
const ITEMS: &str = ":item:=";

/// The name under which all keys of one application stand, apart from everyone else's on the same server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// A namespace of this name; it is escaped like every other part.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an empty name, which would claim the whole server.
    pub fn new(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "the namespace is empty: give the application a name, such as \"shop\"",
            ));
        }
        let mut escaped = String::with_capacity(name.len());
        text::escape(name, &mut escaped);
        Ok(Self(escaped.into()))
    }

    /// Begins a key in this namespace.
    #[must_use]
    pub fn key(&self) -> KeyBuilder {
        let mut text = String::with_capacity(64);
        text.push_str(&self.0);
        KeyBuilder { text, tag: None, failed: None }
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
        Prefix(Key(format!("{}{ITEMS}", self.0).into()))
    }

    /// Whether this is the key of an item in this namespace.
    pub(crate) fn has_item(&self, key: &Key) -> bool {
        key.0.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with(ITEMS))
    }

    /// The prefix of every key that [`key`](Self::key) followed by `text(fixed)` begins.
    #[must_use]
    pub fn prefix(&self, fixed: &str) -> Prefix {
        let mut key = self.key().text(fixed);
        key.text.push(':');
        Prefix(Key(key.text.into()))
    }

    /// The prefix of all keys.
    #[must_use]
    pub fn whole(&self) -> Prefix {
        Prefix(Key(format!("{}:", self.0).into()))
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

/// The head that several keys of one namespace have in common, whole parts of it: every key of a table, say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prefix(Key);

impl Prefix {
    /// The prefix that a table in the database calls so.
    #[cfg(feature = "postgres")]
    pub(crate) fn from_text(text: &str) -> Self {
        Self(Key::from_text(text))
    }

    /// The prefix as the server sees it, with the `:` that follows its last part.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The pattern that matches the keys under it and no others, for `SCAN`.
    #[must_use]
    pub fn pattern(&self) -> String {
        format!("{}*", self.0)
    }

    /// The name of the namespace, as it stands at the head of each key.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.namespace()
    }

    /// Whether `key` stands under it.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        key.starts_with(self.as_str())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Namespace").field(&self.as_str()).finish()
    }
}

/// A whole key. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The key as the server sees it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its namespace, as it stands at its head.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The key that the server, or a table in the database, calls so.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.into())
    }
}

/// A text as a part of a key.
#[cfg(feature = "postgres")]
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    text::escape(text, &mut escaped);
    escaped
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.as_str()).finish()
    }
}

/// Puts a key together, part by part.
///
/// ```
/// use cache_runtime::Namespace;
///
/// let shop = Namespace::new("shop")?;
/// let key = shop.key().text("users").value(&42).finish()?;
/// assert_eq!(key.as_str(), "shop:users:=42");
///
/// let odd = shop.key().text("users").value("a:b {c}").finish()?;
/// assert_eq!(odd.as_str(), "shop:users:=a%3Ab%20%7Bc%7D");
/// # Ok::<(), cache_runtime::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyBuilder {
    text: String,
    /// The name so far, where this is the key of a tag.
    tag: Option<String>,
    failed: Option<String>,
}

impl KeyBuilder {
    /// Appends fixed text; a `:` in it separates parts, everything else is escaped.
    #[must_use]
    pub fn text(mut self, fixed: &str) -> Self {
        self.push_text(fixed);
        self
    }

    /// Appends a value of any type that serde knows, marked as a value so that it never passes for fixed text.
    #[must_use]
    pub fn value<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.push_value(value);
        self
    }

    /// [`text`](Self::text), in place.
    pub fn push_text(&mut self, fixed: &str) {
        if let Some(name) = &mut self.tag {
            name.push_str(fixed);
            return;
        }
        for part in fixed.split(':') {
            self.text.push(':');
            text::escape(part, &mut self.text);
        }
    }

    /// [`value`](Self::value), in place.
    pub fn push_value<T: Serialize + ?Sized>(&mut self, value: &T) {
        let mut writer = match &mut self.tag {
            Some(name) => text::Writer::unescaped(name),
            None => {
                self.text.push_str(":=");
                text::Writer::after_mark(&mut self.text)
            }
        };
        if let Err(error) = value.serialize(&mut writer) {
            self.failed.get_or_insert_with(|| error.to_string());
        }
    }

    /// What was written so far, as the head of other keys.
    #[cfg(feature = "postgres")]
    pub(crate) fn into_head(self) -> String {
        self.text
    }

    /// The key.
    ///
    /// # Errors
    /// [`Codec`](ErrorKind::Codec) where a value refused to be serialised.
    pub fn finish(mut self) -> Result<Key> {
        if let Some(name) = self.tag.take() {
            self.push_value(&name);
        }
        match self.failed {
            None => Ok(Key(self.text.into())),
            Some(reason) => Err(refused(&reason)),
        }
    }
}

#[cfg(feature = "postgres")]
thread_local! {
    /// A buffer for keys that are asked for and not kept.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// A key that is written into a buffer that is used again: looking it up allocates nothing.
#[cfg(feature = "postgres")]
pub(crate) struct ScratchKey(KeyBuilder);

#[cfg(feature = "postgres")]
impl ScratchKey {
    /// Begins a key with this head.
    pub(crate) fn begin(head: &str) -> Self {
        let mut text = SCRATCH.take();
        text.clear();
        text.push_str(head);
        Self(KeyBuilder { text, tag: None, failed: None })
    }

    /// Writes what follows the head.
    pub(crate) fn written(mut self, write: impl FnOnce(KeyBuilder) -> KeyBuilder) -> Self {
        let text = std::mem::take(&mut self.0.text);
        self.0 = write(KeyBuilder { text, tag: None, failed: None });
        self
    }

    pub(crate) fn builder(&mut self) -> &mut KeyBuilder {
        &mut self.0
    }

    /// The key's text; `None` where a value refused to be written.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.failed.is_none().then_some(&*self.0.text)
    }

    /// The key, to keep.
    pub(crate) fn finish(mut self) -> Result<Key> {
        self.0
            .failed
            .take()
            .map_or_else(|| Ok(Key::from_text(&self.0.text)), |reason| Err(refused(&reason)))
    }
}

#[cfg(feature = "postgres")]
impl Drop for ScratchKey {
    fn drop(&mut self) {
        SCRATCH.set(std::mem::take(&mut self.0.text));
    }
}

fn refused(reason: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("a part of the key could not be written: {reason}"))
}

#[cfg(test)]
mod tests;
