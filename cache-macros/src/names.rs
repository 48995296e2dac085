//! Names: of columns, of methods, of arguments, and the number that stands for a field's name.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::ext::IdentExt as _;

/// The name without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// An identifier of this name; a raw one where the name is a keyword.
pub(crate) fn ident(name: &str, span: Span) -> Ident {
    let mut ident = syn::parse_str::<Ident>(name).unwrap_or_else(|_| match name {
        // The only keywords that cannot be raw.
        "self" | "Self" | "super" | "crate" | "_" => format_ident!("{name}_"),
        _ => format_ident!("r#{name}"),
    });
    ident.set_span(span);
    ident
}

/// FNV-1a, 64 bits: how an annotation names a field of another type.
pub(crate) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// `LargeCity` is `large_city`.
pub(crate) fn snake_case(name: &str) -> String {
    words(name).join("_").to_lowercase()
}

/// The plural of an English noun, for an argument's name.
pub(crate) fn plural(noun: &str) -> String {
    let vowel_before_y = ["ay", "ey", "iy", "oy", "uy"].iter().any(|end| noun.ends_with(end));
    match noun.strip_suffix('y') {
        Some(stem) if !vowel_before_y => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => {
            format!("{noun}es")
        }
        _ => format!("{noun}s"),
    }
}

/// A pattern of `#[sqlx(rename_all = "…")]`, as sqlx's own derives apply it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenameAll {
    Lower,
    Snake,
    Upper,
    ScreamingSnake,
    Kebab,
    Camel,
    Pascal,
}

impl RenameAll {
    pub(crate) fn named(pattern: &str) -> Option<Self> {
        Some(match pattern {
            "lowercase" => Self::Lower,
            "snake_case" => Self::Snake,
            "UPPERCASE" => Self::Upper,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "camelCase" => Self::Camel,
            "PascalCase" => Self::Pascal,
            _ => return None,
        })
    }

    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            Self::Lower => name.to_lowercase(),
            Self::Upper => name.to_uppercase(),
            Self::Snake => snake_case(name),
            Self::ScreamingSnake => words(name).join("_").to_uppercase(),
            Self::Kebab => words(name).join("-").to_lowercase(),
            Self::Pascal => words(name).iter().map(|word| capitalised(word)).collect(),
            Self::Camel => {
                let words = words(name);
                let mut words = words.iter();
                let first = words.next().map(|word| word.to_lowercase());
                first.into_iter().chain(words.map(|word| capitalised(word))).collect()
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().to_lowercase()
}

/// The words of a name: parted by what is no letter or digit, and where lower case turns to upper (`cityId`) or a run
/// of capitals ends (`HTTPCode`).
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|letter: char| !letter.is_alphanumeric()) {
        let mut word = String::new();
        // Digits have no case: they keep the one before them.
        let mut upper: Option<bool> = None;
        let mut letters = part.chars().peekable();
        while let Some(letter) = letters.next() {
            let case = if letter.is_uppercase() {
                Some(true)
            } else if letter.is_lowercase() {
                Some(false)
            } else {
                upper
            };
            let next = letters.peek();
            let run_ends = upper == Some(true)
                && letter.is_uppercase()
                && next.is_some_and(|next| next.is_lowercase());
            if run_ends {
                words.push(std::mem::take(&mut word));
            }
            word.push(letter);
            upper = if run_ends { None } else { case };
            if case == Some(false) && next.is_some_and(|next| next.is_uppercase()) {
                words.push(std::mem::take(&mut word));
                upper = None;
            }
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::{RenameAll, hash, ident, plural, snake_case};

    #[test]
    fn hashes_are_the_published_ones() {
        // Test vectors of the FNV reference implementation.
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn keywords_become_raw_identifiers() {
        assert_eq!(ident("slug", Span::call_site()).to_string(), "slug");
        assert_eq!(ident("type", Span::call_site()).to_string(), "r#type");
        assert_eq!(ident("self", Span::call_site()).to_string(), "self_");
    }

    #[test]
    fn types_make_argument_names() {
        assert_eq!(snake_case("City"), "city");
        assert_eq!(snake_case("LargeCity"), "large_city");
        assert_eq!(snake_case("HTTPCode2"), "http_code2");
        assert_eq!(plural("city"), "cities");
        assert_eq!(plural("day"), "days");
        assert_eq!(plural("address"), "addresses");
        assert_eq!(plural("branch"), "branches");
        assert_eq!(plural("user"), "users");
    }

    #[test]
    fn columns_are_renamed_as_sqlx_renames_them() {
        for (pattern, renamed) in [
            ("lowercase", "admin_1_code2"),
            ("snake_case", "admin_1_code2"),
            ("UPPERCASE", "ADMIN_1_CODE2"),
            ("SCREAMING_SNAKE_CASE", "ADMIN_1_CODE2"),
            ("kebab-case", "admin-1-code2"),
            ("camelCase", "admin1Code2"),
            ("PascalCase", "Admin1Code2"),
        ] {
            let pattern = RenameAll::named(pattern).expect(pattern);
            assert_eq!(pattern.apply("admin_1_code2"), renamed);
        }
        assert_eq!(RenameAll::named("Title Case"), None);
    }
}
