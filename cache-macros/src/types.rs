//! What can be said of a type by its tokens alone.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// How a value of a type is passed to a method and looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// By value: a small type that is `Copy`.
    Copied,
    /// A `String`, as `&str`.
    Text,
    /// By reference.
    Borrowed,
}

const COPIED: [&str; 25] = [
    "bool",
    "char",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "f32",
    "f64",
    "Uuid",
    "NaiveDate",
    "NaiveDateTime",
    "NaiveTime",
    "Date",
    "Time",
    "OffsetDateTime",
    "PrimitiveDateTime",
    "Decimal",
];

/// How a value of this type is passed.
pub(crate) fn passing(ty: &Type) -> Passing {
    match last_segment(ty) {
        Some(segment) if segment.ident == "DateTime" => Passing::Copied,
        Some(segment) if !matches!(segment.arguments, PathArguments::None) => Passing::Borrowed,
        Some(segment) if segment.ident == "String" => Passing::Text,
        Some(segment) if COPIED.iter().any(|name| segment.ident == name) => Passing::Copied,
        _ => Passing::Borrowed,
    }
}

/// The type without parentheses and the invisible groups of macros.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => ty,
    }
}

/// The type behind a reference.
pub(crate) fn referred(ty: &Type) -> &Type {
    match bare(ty) {
        Type::Reference(reference) => referred(&reference.elem),
        other => other,
    }
}

/// `Option<T>` in `std::option::Option<T>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// `T` in `…::name<T, …>`.
pub(crate) fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    last_segment(ty).filter(|segment| segment.ident == name).and_then(first_argument)
}

/// `T` in `name<'a, T, …>`.
pub(crate) fn first_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `E` in `name<'a, T, …, E>`.
pub(crate) fn last_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.last() {
        Some(GenericArgument::Type(ty)) if arguments.args.len() > 1 => Some(ty),
        _ => None,
    }
}

/// Whether a token of the type is this identifier.
pub(crate) fn mentions(tokens: impl ToTokens, wanted: &str) -> bool {
    tokens.into_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == wanted,
        TokenTree::Group(group) => mentions(group.stream(), wanted),
        _ => false,
    })
}

/// The tokens as text with no more spaces than they need: the same under every version of the compiler.
pub(crate) fn compact(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    write_compact(tokens.into_token_stream(), &mut text);
    text
}

fn write_compact(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write_compact(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                text.push(punct.as_char());
                if matches!(punct.as_char(), ',' | ';') {
                    text.push(' ');
                }
            }
            word => {
                if text.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::{Type, parse_quote};

    use super::{Passing, argument_of, compact, mentions, passing};

    #[test]
    fn scalars_are_copied_strings_are_texts_the_rest_is_borrowed() {
        let cases: [(Type, Passing); 8] = [
            (parse_quote!(i64), Passing::Copied),
            (parse_quote!(sqlx::types::Uuid), Passing::Copied),
            (parse_quote!(DateTime<Utc>), Passing::Copied),
            (parse_quote!((bool)), Passing::Copied),
            (parse_quote!(std::string::String), Passing::Text),
            (parse_quote!(Vec<u8>), Passing::Borrowed),
            (parse_quote!(Country), Passing::Borrowed),
            (parse_quote!([u8; 4]), Passing::Borrowed),
        ];
        for (ty, expected) in cases {
            assert_eq!(passing(&ty), expected, "{}", compact(&ty));
        }
    }

    #[test]
    fn arguments_are_found_behind_paths() {
        let ty: Type = parse_quote!(std::option::Option<Arc<City>>);
        let inner = argument_of(&ty, "Option").expect("an option");
        assert_eq!(compact(inner), "Arc<City>");
        assert_eq!(argument_of(&ty, "Arc").map(compact), None);
        assert!(mentions(&ty, "City"));
        assert!(!mentions(&ty, "Town"));
    }

    #[test]
    fn types_are_written_without_needless_spaces() {
        let ty: Type = parse_quote!(std::collections::HashMap<String, &'static [Box<dyn Fn(i64) -> u8 + Send>; 4]>);
        assert_eq!(
            compact(&ty),
            "std::collections::HashMap<String, &'static[Box<dyn Fn(i64)->u8+Send>; 4]>"
        );
    }
}
