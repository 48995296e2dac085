//! What an item is called.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, KeyBuilder, Namespace};

/// What names an item: a text, a name with a value, a key that was put together with
/// [`item_key`](crate::CacheManager::item_key), or a type of one's own.
///
/// A text is one part of the key whatever is in it: `"user:5"` stands at `shop:item:=user%3A5`, and `("user", 5)` at
/// `shop:item:=user:=5`.
///
/// ```
/// use cache_runtime::{ItemKey, Key, Namespace};
///
/// enum Keys {
///     User(u64),
///     Rates,
/// }
///
/// impl ItemKey for Keys {
///     fn item_key(&self, namespace: &Namespace) -> cache_runtime::Result<Key> {
///         match self {
///             Self::User(id) => namespace.item("user").value(id).finish(),
///             Self::Rates => namespace.item("rates").finish(),
///         }
///     }
/// }
///
/// let shop = Namespace::new("shop")?;
/// assert_eq!(Keys::User(5).item_key(&shop)?.as_str(), "shop:item:=user:=5");
/// assert_eq!(Keys::Rates.item_key(&shop)?, "rates".item_key(&shop)?);
/// # Ok::<(), cache_runtime::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name an item",
    label = "not the name of an item",
    note = "write a text, as `\"user:5\"`, a name with a value, as `(\"user\", id)`, or `cache.item_key(\"user\").value(&id)`"
)]
pub trait ItemKey {
    /// The item's key in this namespace.
    ///
    /// # Errors
    /// [`Codec`](ErrorKind::Codec) where a part of it cannot be written, [`Config`](ErrorKind::Config) for a key that is
    /// no item's.
    fn item_key(&self, namespace: &Namespace) -> Result<Key>;
}

impl ItemKey for str {
    fn item_key(&self, namespace: &Namespace) -> Result<Key> {
        namespace.item(self).finish()
    }
}

impl ItemKey for String {
    fn item_key(&self, namespace: &Namespace) -> Result<Key> {
        self.as_str().item_key(namespace)
    }
}

impl<V: Serialize> ItemKey for (&str, V) {
    fn item_key(&self, namespace: &Namespace) -> Result<Key> {
        namespace.item(self.0).value(&self.1).finish()
    }
}

impl ItemKey for KeyBuilder {
    fn item_key(&self, namespace: &Namespace) -> Result<Key> {
        self.clone().finish()?.item_key(namespace)
    }
}

impl ItemKey for Key {
    fn item_key(&self, namespace: &Namespace) -> Result<Key> {
        if namespace.has_item(self) {
            return Ok(self.clone());
        }
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "the key {self} is not that of an item of the namespace {}: begin it with CacheManager::item_key",
                namespace.as_str()
            ),
        ))
    }
}

impl<K: ItemKey + ?Sized> ItemKey for &K {
    fn item_key(&self, namespace: &Namespace) -> Result<Key> {
        (**self).item_key(namespace)
    }
}
