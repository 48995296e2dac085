//! Levels: how old an answer may be. `"strong"`, `"database"`, or the bound itself: `"500ms"`.

use proc_macro2::{TokenStream, TokenTree};
use syn::Lit;

use super::duration;
use crate::suggest;

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Strong,
    /// Milliseconds.
    Bounded(u64),
    Database,
}

const NAMES: [&str; 2] = ["strong", "database"];

const HELP: &str = "write how old an answer may be, such as `level = \"500ms\"`, or `level = \"strong\"` (never older than what was \
                    committed when the read began), or `level = \"database\"` (nothing from the cache)";

/// The level that `text` names, or the time that bounds it.
pub(crate) fn parse(text: &str) -> Result<Level, String> {
    match text {
        "strong" => return Ok(Level::Strong),
        "database" => return Ok(Level::Database),
        _ => {}
    }
    if text.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-' || letter == '.') {
        return match duration::parse(text)? {
            0 => {
                Err("a bound of no time is the level `strong`: write `level = \"strong\"`"
                    .to_owned())
            }
            bound => Ok(Level::Bounded(bound)),
        };
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("bounded") {
        return Err("a bound is written as its time alone, such as `level = \"500ms\"`".to_owned());
    }
    Err(match suggest::closest(&lower, NAMES) {
        Some(near) => format!("there is no level `{text}`: did you mean `{near}`?"),
        None if text.is_empty() => format!("the level is empty: {HELP}"),
        None => format!("there is no level `{text}`: {HELP}"),
    })
}

/// What was probably meant by a level without quotes: `strong`, `Level::Strong`, `bounded("500ms")`, `500ms`.
pub(crate) fn meant(tokens: TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|token| {
        let text = match token {
            TokenTree::Group(group) => return meant(group.stream()),
            TokenTree::Ident(name) => name.to_string().to_ascii_lowercase(),
            TokenTree::Literal(literal) => match Lit::new(literal.clone()) {
                Lit::Str(text) => text.value(),
                _ => literal.to_string(),
            },
            TokenTree::Punct(_) => return None,
        };
        parse(&text).is_ok().then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::{Level, meant, parse};

    #[test]
    fn a_level_is_a_name_or_a_time() {
        assert_eq!(parse("strong"), Ok(Level::Strong));
        assert_eq!(parse("database"), Ok(Level::Database));
        assert_eq!(parse("500ms"), Ok(Level::Bounded(500)));
        assert_eq!(parse("1m30s"), Ok(Level::Bounded(90_000)));
    }

    #[test]
    fn any_other_is_refused_with_what_to_write() {
        for (text, instead) in [
            ("0s", "`level = \"strong\"`"),
            ("Strong", "`strong`?"),
            ("storng", "`strong`?"),
            ("databse", "`database`?"),
            ("bounded(500ms)", "`level = \"500ms\"`"),
            ("BOUNDED", "`level = \"500ms\"`"),
            ("eventual", "`level = \"500ms\"`"),
            ("", "`level = \"500ms\"`"),
            ("500", "\"15m\""),
            ("-1s", "\"15m\""),
        ] {
            let message = parse(text).expect_err(text);
            assert!(message.contains(instead), "{text}: {message}");
        }
    }

    #[test]
    fn what_was_meant_without_quotes_is_understood() {
        for (tokens, text) in [
            ("strong", Some("strong")),
            ("Level::Database", Some("database")),
            ("bounded(\"500ms\")", Some("500ms")),
            ("Level::Bounded(Duration::from_millis(500))", None),
            ("0", None),
        ] {
            let meant = meant(tokens.parse().expect("tokens"));
            assert_eq!(meant.as_deref(), text, "{tokens}");
        }
    }
}
