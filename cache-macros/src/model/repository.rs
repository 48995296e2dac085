//! A repository: a struct with a pool and a manager, over one entity.

use proc_macro2::Ident;
use syn::{Type, Visibility};

use super::Crate;
use super::condition::Condition;
use crate::grammar::level::Level;
use crate::grammar::value::{Codec, Compression};
use crate::names;

/// What `#[cached_repository(…)]` on a struct adds.
pub(crate) struct Repository {
    pub(crate) krate: Crate,
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) entity: Type,
    /// The field with the pool; none after an error.
    pub(crate) db: Option<Ident>,
    /// The field with the manager; none after an error.
    pub(crate) cache: Option<Ident>,
    pub(crate) terms: Terms,
    pub(crate) max_loads: Option<u32>,
    pub(crate) unique: Vec<Index>,
    pub(crate) list: Vec<Index>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) tags: Vec<Tag>,
    /// The generated methods that were asked to be left out.
    pub(crate) except: Vec<String>,
}

/// The terms on which values are kept and read, times in milliseconds; what is around decides where one is not given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) ttl: Option<u64>,
    pub(crate) negative_ttl: Option<u64>,
    pub(crate) codec: Option<Codec>,
    pub(crate) compression: Option<Compression>,
    pub(crate) level: Option<Level>,
    pub(crate) stale_on_error: Option<u64>,
    pub(crate) soft_timeout: Option<u64>,
    /// XFetch's beta.
    pub(crate) refresh_ahead: Option<f64>,
    pub(crate) stale_while_revalidate: Option<u64>,
}

impl Repository {
    /// The type that is borrowed inside a transaction.
    pub(crate) fn within(&self) -> Ident {
        quote::format_ident!("{}Within", names::plain(&self.ident), span = self.ident.span())
    }

    pub(crate) fn makes(&self, method: &str) -> bool {
        !self.except.iter().any(|left_out| left_out == method)
    }
}

/// Columns that rows are looked up or listed by.
pub(crate) struct Index {
    /// Fields of the entity, as they were written.
    pub(crate) columns: Vec<Ident>,
}

impl Index {
    /// `country+name`, as it stands in keys.
    pub(crate) fn name(&self) -> String {
        self.joined("+")
    }

    /// `find_by_country_and_name`
    pub(crate) fn method(&self, prefix: &str) -> String {
        format!("{prefix}_by_{}", self.joined("_and_"))
    }

    fn joined(&self, by: &str) -> String {
        self.columns.iter().map(names::plain).collect::<Vec<_>>().join(by)
    }
}

/// A tag that every change of a row invalidates.
pub(crate) struct Tag {
    pub(crate) text: String,
    pub(crate) parts: Vec<TagPart>,
}

/// A part of a [`Tag`].
pub(crate) enum TagPart {
    Text(String),
    Column(Ident),
}

/// The methods of every repository, in the order in which they are generated.
pub(crate) const METHODS: [&str; 23] = [
    "get",
    "get_for_update",
    "get_many",
    "insert",
    "insert_many",
    "update",
    "upsert",
    "delete",
    "delete_many",
    "warm",
    "warm_all",
    "warm_where",
    "invalidate",
    "invalidate_matching",
    "refresh",
    "explain",
    "verify_schema",
    "watch",
    "unwatch",
    "watch_sql",
    "stats",
    "begin",
    "within",
];
