//! Keys: a namespace, and parts that are escaped so that no value can pass for another.
//!
//! A key reads `namespace:table:kind:part…`. Within a part, every character that has a meaning in a key, in a pattern
//! or in a cluster's hash tag (`: = { } * ? [ ] \ %`, white space and control characters) is written as `%` and two
//! hexadecimal digits for each byte, so `redis-cli` shows keys as a person would write them, and two different values
//! never meet in one key. Keys are never hashed or cut: a hash may meet another, and nobody can read it. No part contains
//! a `{`, so the whole key decides its slot in a cluster.

mod namespace;
mod pattern;
mod text;

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::Arc;

use serde::Serialize;

pub use self::namespace::Namespace;
pub use self::pattern::Pattern;
use crate::error::{Error, ErrorKind, Result};

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

/// A whole key. Cheap to clone.
#[derive(Clone)]
pub struct Key {
    text: Arc<str>,
    /// By what the tier in the process finds the row that this key is of. It is no part of what the key is.
    row: Option<NonZeroU64>,
}

impl Key {
    /// The key as the server sees it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of its namespace, as it stands at its head.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }

    /// Its length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a key begins with its namespace")]
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// The key as far as it is the same for everyone, for a log that people read who should not read the values: a
    /// value that stands in it, and all behind it, is `=…`. Whole keys are safe against a reader's terminal all the
    /// same, because control characters and white space are escaped in them.
    ///
    /// ```
    /// use cache_runtime::Namespace;
    ///
    /// let key = Namespace::new("shop")?.key().text("users:by:mail").value("a@b.c").finish()?;
    /// assert_eq!(key.masked().to_string(), "shop:users:by:mail:=…");
    /// # Ok::<(), cache_runtime::Error>(())
    /// ```
    #[must_use]
    pub fn masked(&self) -> impl fmt::Display + use<'_> {
        let text = &*self.text;
        let fixed = text.find(":=").map_or(text, |at| text.get(..at).unwrap_or_default());
        let rest = if fixed.len() < text.len() { ":=…" } else { "" };
        fmt::from_fn(move |f| write!(f, "{fixed}{rest}"))
    }

    /// Where the claim to renew the value that stands at this key stands, by the value's nonce.
    pub(crate) fn renewal(&self, nonce: u64) -> Self {
        Self::from_text(&format!("{}:!renewal:{nonce:016x}", self.text))
    }

    /// The key that the server, or a table in the database, calls so.
    pub(crate) fn from_text(text: &str) -> Self {
        Self { text: text.into(), row: None }
    }

    /// The same key, of a row that the tier in the process finds by the hash of its id.
    #[cfg(any(test, feature = "postgres"))]
    pub(crate) fn of_row(self, row: Option<NonZeroU64>) -> Self {
        Self { row, ..self }
    }

    /// The hash of the id of the row that it is of, where it is of one.
    pub(crate) fn row(&self) -> Option<u64> {
        self.row.map(NonZeroU64::get)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
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
        f.write_str(&self.text)
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
    /// The most bytes that the key may have.
    most: usize,
}

impl KeyBuilder {
    fn begin(text: String) -> Self {
        Self { text, tag: None, failed: None, most: usize::MAX }
    }

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

    /// Appends what a value is shown as, marked and escaped like a [`value`](Self::value): for types that serde does not
    /// know. Two values that are shown alike make the same key.
    ///
    /// ```
    /// use cache_runtime::Namespace;
    ///
    /// let address = std::net::Ipv6Addr::LOCALHOST;
    /// let key = Namespace::new("shop")?.key().text("blocked").display(&address).finish()?;
    /// assert_eq!(key.as_str(), "shop:blocked:=%3A%3A1");
    /// # Ok::<(), cache_runtime::Error>(())
    /// ```
    #[must_use]
    pub fn display<T: fmt::Display + ?Sized>(self, value: &T) -> Self {
        self.value(&value.to_string())
    }

    /// The most bytes that the key may have, its namespace and escapes included; [`finish`](Self::finish) refuses a
    /// longer one. There is no bound where none is given: Redis takes keys of half a gigabyte, and a key that was cut or
    /// hashed to fit would be somebody else's.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
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
    pub(crate) fn into_head(self) -> String {
        self.text
    }

    /// The key.
    ///
    /// # Errors
    /// [`Codec`](ErrorKind::Codec) where a value refused to be serialised, or where the key is longer than
    /// [`at_most`](Self::at_most) allows.
    pub fn finish(mut self) -> Result<Key> {
        if let Some(name) = self.tag.take() {
            self.push_value(&name);
        }
        let (bytes, most) = (self.text.len(), self.most);
        match self.failed {
            None if bytes > most => {
                let message = format!(
                    "the key takes {bytes} bytes, of {most} that are allowed: key by something shorter, such as a digest"
                );
                Err(Error::new(ErrorKind::Codec, message))
            }
            None => Ok(Key { text: self.text.into(), row: None }),
            Some(reason) => Err(refused(&reason)),
        }
    }
}

thread_local! {
    /// A buffer for keys that are asked for and not kept.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// A key that is written into a buffer that is used again: looking it up allocates nothing.
pub(crate) struct ScratchKey(KeyBuilder);

impl ScratchKey {
    /// Begins a key with this head.
    pub(crate) fn begin(head: &str) -> Self {
        let mut text = SCRATCH.take();
        text.clear();
        text.push_str(head);
        Self(KeyBuilder::begin(text))
    }

    /// Writes what follows the head.
    pub(crate) fn written(mut self, write: impl FnOnce(KeyBuilder) -> KeyBuilder) -> Self {
        let text = std::mem::take(&mut self.0.text);
        self.0 = write(KeyBuilder::begin(text));
        self
    }

    #[cfg(feature = "postgres")]
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
