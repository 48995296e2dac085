//! The shape that all annotations share: `name`, `name = value` and `name(…)`, separated by commas.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::Token;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};

use crate::errors::Errors;
use crate::suggest;

/// One option that an annotation takes.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// How it is written: what a message shows.
    pub(crate) example: &'static str,
    /// Whether it may stand more than once.
    pub(crate) repeats: bool,
    /// Why it is known and still cannot stand here, and where it can.
    pub(crate) refused: Option<&'static str>,
}

impl Spec {
    pub(crate) const fn once(name: &'static str, example: &'static str) -> Self {
        Self { name, example, repeats: false, refused: None }
    }

    pub(crate) const fn repeated(name: &'static str, example: &'static str) -> Self {
        Self { name, example, repeats: true, refused: None }
    }

    /// An option of another annotation, which someone may look for here.
    pub(crate) const fn refused(name: &'static str, why: &'static str) -> Self {
        Self { name, example: "", repeats: true, refused: Some(why) }
    }
}

/// An option's name where it was written, and what is known of it.
pub(crate) struct Name<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) spec: &'static Spec,
}

/// Reads the options in `tokens`, each value with `value`. A mistake in one of them leaves the others standing.
pub(crate) fn read(
    tokens: TokenStream,
    specs: &'static [Spec],
    errors: &mut Errors,
    mut value: impl FnMut(Name<'_>, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    let mut seen: Vec<&'static str> = Vec::new();
    let all = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = read_one(input, specs, &mut seen, errors, &mut value) {
                errors.push(error);
                skip_to_comma(input);
            } else if !input.is_empty() && !input.peek(Token![,]) {
                errors.push(input.error("expected a `,` between two options"));
                skip_to_comma(input);
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };
    if let Err(error) = all.parse2(tokens) {
        errors.push(error);
    }
}

fn read_one(
    input: ParseStream<'_>,
    specs: &'static [Spec],
    seen: &mut Vec<&'static str>,
    errors: &mut Errors,
    value: &mut impl FnMut(Name<'_>, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        let example = specs.first().map_or("", |spec| spec.example);
        return Err(input.error(format!("expected an option, such as `{example}`")));
    }
    let ident = input.call(Ident::parse_any)?;
    let written = ident.unraw().to_string();
    let spec = match specs.iter().find(|spec| spec.name == written) {
        Some(spec) => spec,
        None => {
            let taken = specs.iter().filter(|spec| spec.refused.is_none());
            let names = || taken.clone().map(|spec| spec.name);
            errors.at(
                &ident,
                format!("there is no option `{written}`: {}", suggest::instead(&written, names())),
            );
            // What was probably meant is read, so that a slip does not also count as a missing option.
            let near = suggest::closest(&written, names()).filter(|near| !seen.contains(near));
            match near.and_then(|near| specs.iter().find(|spec| spec.name == near)) {
                Some(spec) => spec,
                None => {
                    skip_to_comma(input);
                    return Ok(());
                }
            }
        }
    };
    if let Some(why) = spec.refused {
        errors.at(&ident, why);
        skip_to_comma(input);
        return Ok(());
    }
    if !spec.repeats && seen.contains(&spec.name) {
        errors.at(&ident, format!("`{}` is given twice: keep one of the two", spec.name));
        skip_to_comma(input);
        return Ok(());
    }
    seen.push(spec.name);
    value(Name { ident: &ident, spec }, input, errors)
}

/// Leaves what belongs to an option that could not be read.
pub(crate) fn skip_to_comma(input: ParseStream<'_>) {
    drop(before_comma(input));
}

/// What is left of an option.
pub(crate) fn before_comma(input: ParseStream<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => tokens.extend([token]),
            Err(_) => break,
        }
    }
    tokens
}
