//! Of a method's signature: what generated code can call, with arguments that have names.

use proc_macro2::Ident;
use syn::{
    FnArg, GenericParam, Pat, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type,
};

use crate::errors::Errors;
use crate::{names, types};

/// The arguments' names, without `self`; those that have none are reported.
pub(crate) fn arguments(sig: &Signature, errors: &mut Errors) -> Vec<Ident> {
    typed(sig).filter_map(|argument| name(argument, errors)).collect()
}

/// The arguments without `self`.
pub(crate) fn typed(sig: &Signature) -> impl Iterator<Item = &PatType> {
    sig.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    })
}

fn name(argument: &PatType, errors: &mut Errors) -> Option<Ident> {
    match &*argument.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(pat.ident.clone()),
        Pat::Wild(wild) => {
            errors.at(wild, "this argument has no name, so it cannot be passed on: give it one");
            None
        }
        pattern => {
            errors.at(
                pattern,
                "a pattern cannot be passed on: name the argument, and take it apart in the body",
            );
            None
        }
    }
}

/// `async`, `&self` and a `Result`. `what` is the annotation.
pub(crate) fn shape(sig: &Signature, what: &Ident, errors: &mut Errors) {
    let method = names::plain(&sig.ident);
    if sig.asyncness.is_none() {
        errors.at(
            sig.fn_token,
            format!("`#[{what}]` is for async methods: write `async fn {method}`"),
        );
    }
    if let Some(token) = &sig.constness {
        errors.at(token, format!("`#[{what}]` is for async methods: remove `const`"));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.at(token, format!("`#[{what}]` is for safe methods: remove `unsafe`"));
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, format!("`#[{what}]` is for async methods: remove the ABI"));
    }
    match sig.receiver() {
        Some(Receiver { mutability: None, kind: ReceiverKind::Reference(_, _, None), .. }) => {}
        Some(other) => errors.at(
            other,
            format!("`#[{what}]` is for methods that borrow the repository: write `&self`"),
        ),
        None => errors.at(
            &sig.ident,
            format!("`#[{what}]` is for methods of the repository: write `{method}(&self, …)`"),
        ),
    }
    match &sig.output {
        ReturnType::Type(_, ty) if returns_result(ty) => {}
        ReturnType::Type(_, ty) => errors.at(
            ty,
            format!("`#[{what}]` is for methods that can fail, as the database can: return `sqlx::Result<{}>`", types::compact(ty)),
        ),
        ReturnType::Default => errors.at(
            &sig.ident,
            format!("`#[{what}]` is for methods that can fail, as the database can: return `sqlx::Result<()>`"),
        ),
    }
}

fn returns_result(ty: &Type) -> bool {
    types::last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

/// No generic types or constants: one method is one kind of call, with one type of answer.
pub(crate) fn concrete(sig: &Signature, what: &Ident, errors: &mut Errors) {
    for parameter in &sig.generics.params {
        let name = match parameter {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(parameter) => &parameter.ident,
            GenericParam::Const(parameter) => &parameter.ident,
        };
        errors.at(
            name,
            format!("`#[{what}]` is for methods without generics, since every type would share one cache key: write a concrete type instead of `{name}`"),
        );
    }
    for argument in typed(sig) {
        if let Type::ImplTrait(ty) = types::bare(&argument.ty) {
            errors.at(
                ty,
                format!("`#[{what}]` is for methods without generics, since every type would share one cache key: write a concrete type"),
            );
        }
    }
}
