//! `list(name = …, where = "…", …)`: a list of the rows that meet a condition.

pub(crate) mod test;
mod words;

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Token, bracketed};

use self::test::Test;
use super::options::{self, Name, Spec};
use super::value::{self, At};
use crate::errors::Errors;

const OPTIONS: &[Spec] = &[
    Spec::once("name", "name = big"),
    Spec::once("where", "where = \"population >= $min AND country = $country\""),
    Spec::once("order", "order = \"population DESC, slug\""),
    Spec::once("limit", "limit = 100"),
    Spec::once("buckets", "buckets(min = [1_000, 100_000])"),
];

/// As many buckets as a write may have to invalidate.
const MOST_BOUNDS: usize = 16;

/// What stands in the parentheses.
pub(crate) struct Listed {
    /// Where the list begins.
    pub(crate) span: Span,
    pub(crate) name: Option<Ident>,
    pub(crate) condition: Option<Condition>,
    /// Whether there is a `where = …`, be it readable or not.
    pub(crate) condition_is_given: bool,
    pub(crate) order: Vec<Order>,
    pub(crate) order_text: Option<LitStr>,
    pub(crate) limit: Option<At<u32>>,
    pub(crate) buckets: Option<Buckets>,
}

/// A condition, as it was written and as it was understood.
pub(crate) struct Condition {
    pub(crate) text: LitStr,
    pub(crate) test: Test,
}

/// `population DESC NULLS LAST`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) column: String,
    pub(crate) descending: bool,
    /// Where it was said.
    pub(crate) nulls_first: Option<bool>,
}

/// `min = [1_000, 100_000]`
pub(crate) struct Buckets {
    pub(crate) parameter: Ident,
    pub(crate) bounds: Vec<i64>,
}

/// Whether the content of `list(…)` is one such list, and not columns.
pub(crate) fn follows(content: ParseStream<'_>) -> bool {
    let ahead = content.fork();
    let named = ahead.call(Ident::parse_any).is_ok_and(|name| {
        let name = name.unraw().to_string();
        ahead.peek(Token![=]) || (name == "buckets" && ahead.peek(syn::token::Paren))
    });
    named && !ahead.peek(Token![==])
}

/// Reads the options of one list.
pub(crate) fn read(span: Span, tokens: TokenStream, errors: &mut Errors) -> Listed {
    let mut listed = Listed {
        span,
        name: None,
        condition: None,
        condition_is_given: false,
        order: Vec::new(),
        order_text: None,
        limit: None,
        buckets: None,
    };
    options::read(tokens, OPTIONS, errors, |name, input, errors| {
        let it = &mut listed;
        match name.spec.name {
            "name" => it.name = Some(value::ident(&name, input)?),
            "where" => {
                it.condition_is_given = true;
                let text = value::string(&name, input)?;
                let test = test::parse(&text.value())
                    .map_err(|message| syn::Error::new(text.span(), message))?;
                it.condition = Some(Condition { text, test });
            }
            "order" => {
                let text = value::string(&name, input)?;
                it.order = order(&text.value())
                    .map_err(|message| syn::Error::new(text.span(), message))?;
                it.order_text = Some(text);
            }
            "limit" => it.limit = Some(limit(&name, input)?),
            _ => it.buckets = buckets(&name, input, errors)?,
        }
        Ok(())
    });
    listed
}

fn limit(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<u32>> {
    let limit = value::number(name, input)?;
    if limit.value == 0 {
        let message = "the list would always be empty: write `limit = 1` or more, or leave it out for no limit";
        return Err(syn::Error::new(limit.span, message));
    }
    Ok(limit)
}

/// `population DESC, slug`
fn order(text: &str) -> Result<Vec<Order>, String> {
    let shown = "write columns, each with `ASC` or `DESC` and with `NULLS FIRST` or `NULLS LAST` where it matters: \
                 \"population DESC, slug\"";
    text.split(',')
        .map(|part| {
            let mut words = part.split_whitespace();
            let column = words.next().filter(|column| syn::parse_str::<Ident>(column).is_ok());
            let column = column
                .ok_or_else(|| format!("`{}` is no column to order by: {shown}", part.trim()))?;
            let rest: Vec<String> = words.map(str::to_uppercase).collect();
            let mut rest: &[String] = &rest;
            let mut eat = |wanted: &[&str]| {
                let found =
                    rest.iter().map(String::as_str).take(wanted.len()).eq(wanted.iter().copied());
                if found {
                    rest = rest.get(wanted.len()..).unwrap_or_default();
                }
                found
            };
            let ascending = eat(&["ASC"]);
            let descending = !ascending && eat(&["DESC"]);
            let first = eat(&["NULLS", "FIRST"]);
            let last = !first && eat(&["NULLS", "LAST"]);
            match rest {
                [] => Ok(Order {
                    column: column.to_owned(),
                    descending,
                    nulls_first: (first || last).then_some(first),
                }),
                _ => Err(format!("`{}` is not understood: {shown}", part.trim())),
            }
        })
        .collect()
}

fn buckets(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Option<Buckets>> {
    let mut found = None;
    value::list(name, input, errors, |content, errors| {
        let parameter = value::bare_name(content, errors)?;
        content.parse::<Token![=]>().map_err(|error| {
            syn::Error::new(
                error.span(),
                "expected `=` and bounds, such as `min = [1_000, 100_000]`",
            )
        })?;
        let inner;
        bracketed!(inner in content);
        let mut bounds: Vec<i64> = Vec::new();
        while !inner.is_empty() {
            let negative = inner.parse::<Option<Token![-]>>()?.is_some();
            let number: LitInt = inner.parse()?;
            let sign = if negative { "-" } else { "" };
            let bound: i64 =
                format!("{sign}{}", number.base10_digits()).parse().map_err(|error| {
                    syn::Error::new(number.span(), format!("{error}: a bound is an `i64`"))
                })?;
            if bounds.last().is_some_and(|last| *last >= bound) {
                errors.at(
                    &number,
                    "bounds rise: write them from the smallest to the largest, each once",
                );
            }
            bounds.push(bound);
            if !inner.is_empty() {
                inner.parse::<Token![,]>()?;
            }
        }
        if bounds.is_empty() || bounds.len() > MOST_BOUNDS {
            let message = format!(
                "there are {} bounds: write 1 to {MOST_BOUNDS} of them. A write invalidates each bucket whose lists its row may \
                 stand in",
                bounds.len()
            );
            errors.at(&parameter, message);
        }
        if found.is_some() {
            errors.at(&parameter, "one parameter can have buckets: keep that of the widest range");
        } else {
            found = Some(Buckets { parameter, bounds });
        }
        Ok(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_columns_with_directions() {
        let column = |column: &str, descending, nulls_first| Order {
            column: column.to_owned(),
            descending,
            nulls_first,
        };
        assert_eq!(
            order("a, b desc ,c ASC NULLS LAST, d NULLS first"),
            Ok(vec![
                column("a", false, None),
                column("b", true, None),
                column("c", false, Some(false)),
                column("d", false, Some(true)),
            ])
        );
        for wrong in ["", "a,", "lower(a)", "a DESC ASC", "a NULLS", "a b", "1"] {
            assert!(order(wrong).is_err(), "{wrong}");
        }
    }
}
