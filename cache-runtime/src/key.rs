//! Keys: a namespace, and parts that are escaped so that no value can pass for another.
//!
//! A key reads `namespace:table:kind:part…`. Within a part, every character that has a meaning in a key, in a pattern
//! or in a cluster's hash tag (`: = { } * ? [ ] \ %`, white space and control characters) is written as `%` and two
//! hexadecimal digits for each byte, so `redis-cli` shows keys as a person would write them, and two different values
//! never meet in one key. Keys are never hashed or cut. No part contains a `{`, so the whole key decides its slot in a
//! cluster.

mod text;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

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
            Some(reason) => Err(Error::new(
                ErrorKind::Codec,
                format!("a part of the key could not be written: {reason}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
