//! Of an annotated method: what its annotation asks for, of arguments that are there.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, PatType, Type};

use super::{call, invalidation, signature};
use crate::errors::Errors;
use crate::grammar::impl_block::AnnotatedMethod;
use crate::grammar::methods;
use crate::grammar::template::Piece;
use crate::grammar::value::{self, Template};
use crate::model::method::Kind;
use crate::{names, suggest, types};

/// A method and the annotation that is checked.
pub(super) struct Subject<'a> {
    /// The annotation's name.
    pub(super) what: &'a Ident,
    pub(super) attribute: &'a Attribute,
    pub(super) method: &'a AnnotatedMethod,
    pub(super) arguments: &'a [Ident],
}

/// What the annotation asks for; `None` after an error.
pub(super) fn kind(subject: &Subject<'_>, errors: &mut Errors) -> Option<Kind> {
    let options: TokenStream =
        value::arguments(subject.attribute).map_err(|error| errors.push(error)).ok()?;
    Some(match subject.what.to_string().as_str() {
        "invalidates" => Kind::Invalidates(invalidation::invalidation(subject, options, errors)?),
        "cache_put" => {
            let put = methods::put(options, errors);
            Kind::Put(call::call(subject, put, errors)?)
        }
        _ => {
            let cached = methods::cached(options, errors);
            Kind::Cached(call::call(subject, cached, errors)?)
        }
    })
}

impl Subject<'_> {
    /// The method's name.
    pub(super) fn name(&self) -> String {
        names::plain(&self.method.sig.ident)
    }

    /// The arguments' names, without `r#`.
    pub(super) fn plain(&self) -> Vec<String> {
        self.arguments.iter().map(names::plain).collect()
    }

    pub(super) fn typed(&self) -> impl Iterator<Item = &PatType> {
        signature::typed(&self.method.sig)
    }

    /// "`grow` has no argument `cty`: did you mean `city`?"
    pub(super) fn no_argument(&self, name: &str) -> String {
        let plain = self.plain();
        let instead = suggest::instead(name, plain.iter().map(String::as_str));
        format!("`{}` has no argument `{name}`: {instead}", self.name())
    }

    /// Each placeholder is an argument.
    pub(super) fn placeholders(&self, template: &Template, errors: &mut Errors) {
        let plain = self.plain();
        let mut reported = HashSet::new();
        for piece in &template.pieces {
            if let Piece::Value(place) = piece
                && !plain.contains(&place.name)
                && reported.insert(&place.name)
            {
                errors.at(&template.text, self.no_argument(&place.name));
            }
        }
    }
}

/// `CacheTransaction`, borrowed or not.
pub(super) fn is_transaction(ty: &Type) -> bool {
    types::last_segment(types::referred(ty))
        .is_some_and(|segment| segment.ident == "CacheTransaction")
}
