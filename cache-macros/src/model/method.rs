//! A method of a repository's `impl` block that is cached or invalidates.

use proc_macro2::{Ident, TokenStream};
use syn::{Signature, Type, Visibility};

use super::Crate;
use super::key::Key;
use super::repository::Terms;

/// An `impl` block with annotated methods.
pub(crate) struct Block {
    pub(crate) krate: Crate,
    /// Everything before the braces.
    pub(crate) head: TokenStream,
    pub(crate) self_ty: Type,
    pub(crate) members: Vec<Member>,
}

/// A part of the block.
pub(crate) enum Member {
    /// As it was written, without annotations.
    Unchanged(TokenStream),
    Annotated(Box<Method>),
}

/// A method with an annotation.
pub(crate) struct Method {
    /// The attributes of the method that callers see, up to the first heading in its documentation.
    pub(crate) attrs: TokenStream,
    /// The attributes from there on.
    pub(crate) attrs_below: TokenStream,
    /// The attributes of the method that keeps the body.
    pub(crate) inner_attrs: TokenStream,
    /// Those attributes that decide whether the method is there.
    pub(crate) cfg: TokenStream,
    pub(crate) vis: Visibility,
    /// As it was written; its arguments are plain names.
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
    pub(crate) arguments: Vec<Ident>,
    pub(crate) kind: Kind,
}

/// What is done around the body.
pub(crate) enum Kind {
    /// `#[cached]`: the body runs on a miss.
    Cached(Call),
    /// `#[cache_put]`: the body always runs, and its answer is put into the cache.
    Put(Call),
    /// `#[invalidates]`
    Invalidates(Invalidation),
}

/// A method whose answer is cached.
pub(crate) struct Call {
    pub(crate) answer: Answer,
    pub(crate) terms: Terms,
    pub(crate) key: Key,
    pub(crate) tags: Vec<Key>,
}

/// What a method answers, beside its error: `Option<Arc<T>>`, each layer or not.
pub(crate) struct Answer {
    /// The whole type as it was written.
    pub(crate) written: Type,
    pub(crate) optional: bool,
    pub(crate) shared: bool,
    /// The type that is encoded.
    pub(crate) value: Type,
}

/// What a method invalidates.
pub(crate) struct Invalidation {
    /// The argument with the transaction that the body runs in.
    pub(crate) transaction: Option<Ident>,
    pub(crate) rows: Vec<Rows>,
    pub(crate) keys: Vec<Key>,
    pub(crate) tags: Vec<Key>,
}

/// An argument with ids.
pub(crate) struct Rows {
    pub(crate) argument: Ident,
    pub(crate) form: RowsForm,
    /// The place of the argument's type: a type that is not the id's is reported there.
    pub(crate) ty: Type,
}

/// How an argument holds ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowsForm {
    /// `T`
    Value,
    /// `&T`
    Reference,
    /// `&str`
    Text,
    /// `&[T]`, `&Vec<T>`
    Slice,
    /// `Vec<T>`
    List,
}
