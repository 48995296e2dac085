//! Of what a cached method answers: a value that can be named, owned, written and read back.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ReturnType, Signature, Type};

use crate::errors::Errors;
use crate::model::method::Answer;
use crate::types;

/// The answer that the method's `Result` carries. `None` where there is none; that it returns a `Result` at all is
/// checked elsewhere.
pub(crate) fn answer(sig: &Signature, what: &Ident, errors: &mut Errors) -> Option<Answer> {
    let ReturnType::Type(_, returned) = &sig.output else {
        return None;
    };
    let result = types::last_segment(returned)?;
    if !result.ident.to_string().ends_with("Result") {
        return None;
    }
    let Some(written) = types::first_argument(result) else {
        errors.at(
            returned,
            format!("`#[{what}]` must see the type of the answer: write it out, such as `Result<Vec<City>, Error>`"),
        );
        return None;
    };
    if let Some(problem) = unnamed_or_borrowed(written) {
        errors.at(written, problem);
        return None;
    }
    let inside = types::argument_of(written, "Option");
    let optional = inside.is_some();
    let inside = inside.unwrap_or(written);
    let shared = types::argument_of(inside, "Arc");
    if let Some(Type::Slice(slice)) = shared.map(types::bare) {
        let item = types::compact(&slice.elem);
        errors.at(written, format!("a cached value is read back whole: return `Arc<Vec<{item}>>` instead of `Arc<[{item}]>`"));
        return None;
    }
    if shared.and_then(types::last_segment).is_some_and(|segment| segment.ident == "str") {
        errors.at(
            written,
            "a cached value is read back whole: return `Arc<String>` instead of `Arc<str>`",
        );
        return None;
    }
    Some(Answer {
        written: written.clone(),
        optional,
        shared: shared.is_some(),
        value: shared.unwrap_or(inside).clone(),
    })
}

fn unnamed_or_borrowed(ty: &Type) -> Option<&'static str> {
    if types::mentions(ty, "impl") {
        return Some(
            "a cached value is stored and read back, so its type needs a name: write it instead of `impl …`",
        );
    }
    borrows(ty.to_token_stream()).then_some(
        "a cached value outlives the call, so it owns its data: return `String` instead of `&str`, `Vec<T>` instead of `&[T]`",
    )
}

/// Whether there is a reference, or a lifetime other than `'static`.
fn borrows(tokens: TokenStream) -> bool {
    let mut after_quote = false;
    tokens.into_iter().any(|token| {
        let lifetime = std::mem::take(&mut after_quote);
        match token {
            TokenTree::Punct(punct) => {
                after_quote = punct.as_char() == '\'';
                punct.as_char() == '&'
            }
            TokenTree::Ident(name) => lifetime && name != "static",
            TokenTree::Group(group) => borrows(group.stream()),
            TokenTree::Literal(_) => false,
        }
    })
}
