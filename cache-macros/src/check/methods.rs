//! Of an `impl` block: it is a repository's own, and no two of its methods share a key.

use std::collections::HashMap;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue};

use super::method::{self, Subject};
use super::signature;
use crate::errors::Errors;
use crate::grammar::impl_block::{self as grammar, AnnotatedMethod, ImplBlock};
use crate::model::Crate;
use crate::model::key::{Key, Part};
use crate::model::method::{Block, Kind, Member, Method};
use crate::names;

/// The block that the annotations describe. Where it can have no annotated methods, all are left unchanged.
pub(crate) fn block(
    krate: Crate,
    written: ImplBlock,
    members: &[grammar::Member],
    errors: &mut Errors,
) -> Block {
    let before = errors.count();
    owner(&written, errors);
    let sound = errors.count() == before;
    let checked = members.iter().map(|written| member(written, errors)).collect::<Vec<_>>();
    same_keys(&checked, errors);
    let members = if sound { checked } else { vec![Member::Unchanged(quote!(#(#members)*))] };
    Block { krate, head: written.head, self_ty: written.self_ty, members }
}

fn owner(block: &ImplBlock, errors: &mut Errors) {
    if let Some(of_trait) = &block.of_trait {
        errors.at(
            of_trait,
            "put `#[cached_repository]` on an `impl` block of the repository itself, and call its methods from the trait's",
        );
    }
    if !block.generics.params.is_empty() {
        errors.at(
            &block.generics,
            "a repository is one concrete type: write the `impl` block without generics and lifetimes",
        );
    }
}

fn member(written: &grammar::Member, errors: &mut Errors) -> Member {
    match written {
        grammar::Member::Other(_) => {}
        grammar::Member::Misplaced { annotations, .. } => {
            for attribute in annotations {
                errors.at(attribute.path(), "this annotation is for methods: remove it here");
            }
        }
        grammar::Member::Method(method) => {
            if let Some(sound) = annotated(method, errors) {
                return Member::Annotated(Box::new(sound));
            }
        }
    }
    Member::Unchanged(quote!(#written))
}

/// The method as its annotation wants it; `None` after an error.
fn annotated(written: &AnnotatedMethod, errors: &mut Errors) -> Option<Method> {
    let before = errors.count();
    let mut annotations = written.annotations.iter();
    let (what, attribute) = annotations.next()?;
    for (other, attribute) in annotations {
        errors.at(
            attribute.path(),
            format!("a method is either `#[{what}]` or `#[{other}]`: move one of the two to a method of its own"),
        );
    }
    signature::shape(&written.sig, what, errors);
    let arguments = signature::arguments(&written.sig, errors);
    let subject = Subject { what, attribute, method: written, arguments: &arguments };
    let kind = method::kind(&subject, errors);
    if errors.count() > before {
        return None;
    }
    let heading = written.attrs.iter().position(is_heading).unwrap_or(written.attrs.len());
    let (mut above, below) = written.attrs.split_at_checked(heading).unwrap_or_default();
    while let Some((last, before)) = above.split_last()
        && doc(last).is_some_and(|line| line.trim().is_empty())
    {
        above = before;
    }
    Some(Method {
        attrs: attributes(above, |name| !on_body_alone(name)),
        attrs_below: attributes(below, |name| !on_body_alone(name)),
        inner_attrs: attributes(&written.attrs, |name| on_body_alone(name) || on_both(name)),
        cfg: attributes(&written.attrs, |name| name == "cfg"),
        vis: written.vis.clone(),
        sig: written.sig.clone(),
        body: TokenTree::Group(written.body.clone()).into(),
        arguments,
        kind: kind?,
    })
}

fn attributes(attrs: &[Attribute], wanted: impl Fn(&str) -> bool) -> TokenStream {
    let wanted = attrs
        .iter()
        .filter(|attr| wanted(&attr.path().get_ident().map(Ident::to_string).unwrap_or_default()));
    quote!(#(#wanted)*)
}

/// Whether this line of documentation begins a section.
fn is_heading(attr: &Attribute) -> bool {
    doc(attr).is_some_and(|line| line.trim_start().starts_with('#'))
}

/// The text of a line of documentation.
fn doc(attr: &Attribute) -> Option<String> {
    match &attr.meta {
        Meta::NameValue(MetaNameValue {
            path,
            value: Expr::Lit(ExprLit { lit: Lit::Str(line), .. }),
            ..
        }) if path.is_ident("doc") => Some(line.value()),
        _ => None,
    }
}

/// An expectation is met once, where the code is that it is about.
fn on_body_alone(name: &str) -> bool {
    name == "expect"
}

fn on_both(name: &str) -> bool {
    matches!(name, "cfg" | "cfg_attr" | "allow" | "warn" | "deny" | "forbid")
}

/// Two methods with one key would read each other's values.
fn same_keys(members: &[Member], errors: &mut Errors) {
    let mut seen: HashMap<String, String> = HashMap::new();
    for member in members {
        let Member::Annotated(method) = member else {
            continue;
        };
        let Kind::Cached(call) = &method.kind else {
            continue;
        };
        let name = names::plain(&method.sig.ident);
        if let Some(other) = seen.get(&pattern(&call.key)).filter(|other| **other != name) {
            errors.at_span(
                call.key.span,
                format!("`{other}` has this key, too, so the two would read each other's values: begin it with `{name}`"),
            );
        } else {
            seen.insert(pattern(&call.key), name);
        }
    }
}

/// The key without the values.
fn pattern(key: &Key) -> String {
    let parts: Vec<&str> = key
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Value(_) => "\0",
        })
        .collect();
    parts.join(":")
}
