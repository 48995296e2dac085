//! Keys of one kind.

use std::collections::HashMap;

use crate::key::{Key, Namespace};
use crate::policy::Remaining;
use crate::port::Surveyed;

/// Parts of a key that make its kind, at most: the table, `call`, and a method's key of two parts.
const MOST_PARTS: usize = 4;
/// Kinds that are kept apart; the rest is one: keys that are not a repository's may all be different.
const MOST_GROUPS: usize = 1000;
const OTHERS: &str = "(others)";

/// The keys of one kind: what stands before the first value in them, without the namespace. `cities:id` are the rows of
/// the table `cities`, `cities:by:slug` what `find_by_slug` looks up, `cities:list:country` the lists by a column,
/// `cities:where:big` those by condition (`cities:where:big:any` the stamps of their tags), `cities:call:largest` the
/// answers of a cached method, `tag` the stamps of tags, `item` what is cached by hand, `behind` the values of
/// write-behinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryGroup {
    /// What the keys begin with.
    pub prefix: String,
    /// The table whose repository they belong to; `None` for tags, and for keys that are no repository's.
    pub table: Option<String>,
    /// The method that reads them: `get`, `find_by_slug`, `list_by_country`, `list_big`, or the first part of a cached method's key.
    pub operation: Option<String>,
    /// How many.
    pub keys: u64,
    /// What they take, with their own text and the backend's overhead.
    pub bytes: u64,
    /// Those that never expire.
    pub without_expiry: u64,
    /// The largest that was looked at.
    pub largest: u64,
}

#[derive(Default)]
pub(super) struct Groups(HashMap<String, MemoryGroup>);

impl Groups {
    pub(super) fn count(&mut self, namespace: &Namespace, key: &Surveyed) {
        let kind = kind(namespace, key.key.as_str());
        let known = self.0.len() < MOST_GROUPS || self.0.contains_key(&kind);
        let kind = if known { kind } else { OTHERS.to_owned() };
        let group = self.0.entry(kind).or_insert_with_key(|kind| MemoryGroup::of(kind));
        group.keys += 1;
        group.bytes += key.bytes;
        group.without_expiry += u64::from(key.remaining == Remaining::Forever);
        group.largest = group.largest.max(key.bytes);
    }

    pub(super) fn largest_first(self) -> Vec<MemoryGroup> {
        let mut groups: Vec<_> = self.0.into_values().collect();
        groups.sort_by(|one, other| {
            other.bytes.cmp(&one.bytes).then_with(|| one.prefix.cmp(&other.prefix))
        });
        groups
    }
}

impl MemoryGroup {
    fn of(kind: &str) -> Self {
        let mut parts = kind.split(':');
        let (table, how, what) = (parts.next(), parts.next(), parts.next());
        let operation = match (how, what) {
            (Some("id"), None) => Some("get".to_owned()),
            (Some("by"), Some(index)) => Some(format!("find_by_{}", index.replace('+', "_and_"))),
            (Some("list"), Some(index)) => Some(format!("list_by_{}", index.replace('+', "_and_"))),
            (Some("where"), Some(list)) => Some(format!("list_{list}")),
            (Some("call"), Some(call)) => Some(call.to_owned()),
            _ => None,
        };
        let table = operation.as_ref().and(table).map(str::to_owned);
        Self { prefix: kind.to_owned(), table, operation, ..Self::default() }
    }
}

/// What stands between the namespace and the first value.
fn kind(namespace: &Namespace, key: &str) -> String {
    let rest = key.strip_prefix(namespace.as_str()).unwrap_or(key).trim_start_matches(':');
    let fixed = rest.split(":=").next().unwrap_or(rest);
    fixed.split(':').take(MOST_PARTS).collect::<Vec<_>>().join(":")
}

/// Whether this is a tag's key: the lease that stands there is its stamp. The tags of lists by condition stand beside these.
pub(super) fn is_tag(key: &Key) -> bool {
    let mut parts = key.as_str().split(':').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("tag"), ..) => true,
        (_, Some("where"), _, Some(any)) => any == "any",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whose_it_is() {
        let shop = Namespace::new("shop").unwrap();
        for (key, prefix, operation) in [
            ("shop:cities:id:=4", "cities:id", Some("get")),
            (
                "shop:geo.cities:by:country+name:=FR:Paris",
                "geo.cities:by:country+name",
                Some("find_by_country_and_name"),
            ),
            ("shop:cities:list:country:=FR", "cities:list:country", Some("list_by_country")),
            ("shop:cities:where:big", "cities:where:big", Some("list_big")),
            ("shop:cities:where:ports:=NO", "cities:where:ports", Some("list_ports")),
            ("shop:cities:where:above:any:=NO:1", "cities:where:above:any", Some("list_above")),
            ("shop:cities:call:largest:=10", "cities:call:largest", Some("largest")),
            ("shop:cities:call:areas", "cities:call:areas", Some("areas")),
            ("shop:cities:call:a:b:c:=1", "cities:call:a:b", Some("a")),
            ("shop:tag:=cities", "tag", None),
            ("shop:item:=user:=5", "item", None),
            ("shop:behind:=scores:=7", "behind", None),
            ("shop:basket:7f3a", "basket:7f3a", None),
            ("shop:id:=1", "id", None),
        ] {
            let group = MemoryGroup::of(&kind(&shop, key));
            assert_eq!((group.prefix.as_str(), group.operation.as_deref()), (prefix, operation));
            assert_eq!(group.table.is_some(), operation.is_some(), "{key}");
        }
    }

    #[test]
    fn keys_that_are_all_different_do_not_fill_the_report() {
        let shop = Namespace::new("shop").unwrap();
        let mut groups = Groups::default();
        for number in 0..3000 {
            let key = shop.key().text(&format!("theirs{number}")).finish().unwrap();
            let standing = crate::port::Standing::Value;
            let remaining = Remaining::Forever;
            groups.count(&shop, &Surveyed { key, bytes: 1, remaining, standing });
        }
        let groups = groups.largest_first();
        assert_eq!(groups.len(), MOST_GROUPS + 1);
        assert_eq!((groups[0].prefix.as_str(), groups[0].keys), (OTHERS, 2000));
    }
}
