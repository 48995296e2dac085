//! `session(…)` in `#[cached_repository(…)]` on a struct.

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::ParseStream;
use syn::{LitStr, Token, Type, parenthesized, token};

use super::duration;
use super::options::{self, Name, Spec};
use super::value::{self, At, form};
use crate::errors::Errors;

const OPTIONS: &[Spec] = &[
    Spec::once("data", "data = Login"),
    Spec::once("idle", "idle = \"30m\""),
    Spec::once("absolute", "absolute = \"12h\""),
    Spec::once("user", "user = user_id"),
    Spec::once("keep", "keep = db"),
    Spec::once("name", "name = \"logins\""),
    Spec::once("per_user", "per_user = 100"),
    Spec::once("tolerant", "tolerant"),
    Spec::once("fields", "fields(theme: String, language: Language)"),
];

/// What the option says.
pub(crate) struct Annotation {
    /// The word `session`.
    pub(crate) span: Span,
    pub(crate) data: Option<Type>,
    /// The options that were given, be they readable or not.
    pub(crate) given: Vec<&'static str>,
    /// Times in milliseconds.
    pub(crate) idle: Option<At<u64>>,
    pub(crate) absolute: Option<At<u64>>,
    pub(crate) user: Option<Ident>,
    pub(crate) keep: Option<Ident>,
    pub(crate) name: Option<LitStr>,
    pub(crate) per_user: Option<u32>,
    pub(crate) tolerant: bool,
    pub(crate) fields: Vec<Field>,
}

/// `theme: String`
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

/// Reads `session(…)`.
pub(super) fn session(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Annotation> {
    let mut it = Annotation {
        span: name.ident.span(),
        data: None,
        given: Vec::new(),
        idle: None,
        absolute: None,
        user: None,
        keep: None,
        name: None,
        per_user: None,
        tolerant: false,
        fields: Vec::new(),
    };
    if !input.peek(token::Paren) {
        let message = format!("`{}` takes a list of options: {}", name.spec.name, form(name));
        return Err(syn::Error::new(name.ident.span(), message));
    }
    let content;
    parenthesized!(content in input);
    let tokens = content.parse::<TokenStream>()?;
    options::read(tokens, OPTIONS, errors, |name, input, errors| {
        it.given.push(name.spec.name);
        match name.spec.name {
            "data" => it.data = Some(value::ty(&name, input)?),
            "idle" => it.idle = Some(time(&name, input)?),
            "absolute" => it.absolute = Some(time(&name, input)?),
            "user" => it.user = Some(value::ident(&name, input)?),
            "keep" => it.keep = Some(value::ident(&name, input)?),
            "name" => it.name = Some(name_of(&name, input)?),
            "per_user" => it.per_user = Some(per_user(&name, input)?),
            "tolerant" => {
                value::flag(&name, input)?;
                it.tolerant = true;
            }
            _ => it.fields = fields(&name, input, errors)?,
        }
        Ok(())
    });
    Ok(it)
}

/// A limit, above zero.
fn time(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<u64>> {
    let text = value::string(name, input)?;
    let wrong = |message: String| syn::Error::new(text.span(), message);
    match duration::parse(&text.value()).map_err(wrong)? {
        0 => Err(wrong(format!(
            "with a limit of no time every session is over when it begins: {}",
            form(name)
        ))),
        value => Ok(At { value, span: text.span() }),
    }
}

fn name_of(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let text = value::string(name, input)?;
    if text.value().is_empty() {
        let message = format!(
            "the name stands in the keys of the sessions: {}, or leave it out for the struct's",
            form(name)
        );
        return Err(syn::Error::new(text.span(), message));
    }
    Ok(text)
}

fn per_user(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<u32> {
    let most = value::number(name, input)?;
    if most.value == 0 {
        let message = "with no sessions for a user nobody could log in: write `per_user = 1` for one at a time";
        return Err(syn::Error::new(most.span, message));
    }
    Ok(most.value)
}

fn fields(name: &Name<'_>, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    value::list(name, input, errors, |content, errors| {
        let field = value::bare_name(content, errors)?;
        if !content.peek(Token![:]) {
            let message = format!(
                "`{field}` needs its type, which is the argument of its setter: {}",
                form(name)
            );
            return Err(syn::Error::new(field.span(), message));
        }
        content.parse::<Token![:]>()?;
        let ty = content.parse()?;
        if fields.iter().any(|other| other.name == field) {
            errors.at(&field, format!("`{field}` is given twice: keep one of the two"));
        } else {
            fields.push(Field { name: field, ty });
        }
        Ok(())
    })?;
    Ok(fields)
}
