//! The code for lists by condition.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::operations::field;
use super::{option, place};
use crate::grammar::condition::Order;
use crate::grammar::condition::test::{By, Operand, Test};
use crate::model::condition::{Buckets, Condition};
use crate::model::repository::Repository;
use crate::names;

/// `Condition { … }`
pub(super) fn description(repository: &Repository, condition: &Condition) -> TokenStream {
    let krate = &repository.krate;
    let name = names::plain(&condition.name);
    let test = test(repository, condition, &condition.test);
    let parameters = condition
        .parameters
        .iter()
        .map(|parameter| number(repository, &parameter.column, condition.span));
    let order =
        condition.order.iter().map(|order| ordered(repository, order, condition.order_span));
    let limit = option(condition.limit.map(|limit| {
        let limit = Literal::u32_unsuffixed(limit);
        quote!(#limit)
    }));
    let buckets = option(condition.buckets.as_ref().map(|Buckets { parameter, bounds }| {
        let parameter = Literal::usize_unsuffixed(*parameter);
        let bounds = bounds.iter().map(|bound| Literal::i64_unsuffixed(*bound));
        quote!(#krate::Buckets { parameter: #parameter, bounds: &[#(#bounds),*] })
    }));
    quote! {
        #krate::Condition {
            name: #name,
            test: #test,
            parameters: &[#(#parameters),*],
            order: &[#(#order),*],
            limit: #limit,
            buckets: #buckets,
        }
    }
}

/// Constants that do not compile where a column is compared with what the program and Postgres could tell apart
/// differently.
pub(super) fn assertions(repository: &Repository) -> TokenStream {
    let krate = &repository.krate;
    repository
        .conditions
        .iter()
        .flat_map(|condition| {
            condition.test.comparisons().into_iter().map(|(column, by, to)| {
                let field = column_of(repository, column, condition.span);
                let span = place(condition.span);
                let kind = match to {
                    Operand::Number(_) => Some("number"),
                    Operand::Text(_) => Some("text"),
                    Operand::Truth(_) => Some("truth"),
                    Operand::Parameter(_) if !matches!(by, By::Equal | By::Unequal) => Some("number"),
                    Operand::Parameter(_) => None,
                }?;
                let kind = Ident::new(kind, span);
                Some(quote_spanned!(span=> const _: () = #krate::__private::compared::#kind::<#field::Target>();))
            })
        })
        .flatten()
        .collect()
}

/// The arguments of the method, and the tuple of them that the runtime takes.
pub(super) fn arguments(
    repository: &Repository,
    condition: &Condition,
) -> (TokenStream, TokenStream) {
    let (arguments, values): (Vec<_>, Vec<_>) = condition
        .parameters
        .iter()
        .map(|parameter| {
            let name = names::ident(&parameter.name, condition.span);
            let field = column_of(repository, &parameter.column, condition.span);
            let span = place(condition.span);
            (
                quote_spanned!(span=> #name: #field::Arg<'_>),
                quote_spanned!(span=> #field::target(&#name)),
            )
        })
        .unzip();
    (quote!(#(#arguments),*), quote!((#(#values,)*)))
}

fn test(repository: &Repository, condition: &Condition, of: &Test) -> TokenStream {
    let krate = &repository.krate;
    let several = |tests: &[Test]| {
        let tests = tests.iter().map(|of| test(repository, condition, of));
        quote!(&[#(#tests),*])
    };
    match of {
        Test::Compare { column, by, to } => {
            let column = number(repository, column, condition.span);
            let by = Ident::new(
                match by {
                    By::Equal => "Equal",
                    By::Unequal => "Unequal",
                    By::Less => "Less",
                    By::LessOrEqual => "LessOrEqual",
                    By::Greater => "Greater",
                    By::GreaterOrEqual => "GreaterOrEqual",
                },
                Span::call_site(),
            );
            let to = match to {
                Operand::Number(number) => {
                    let number = Literal::i64_unsuffixed(*number);
                    quote!(Number(#number))
                }
                Operand::Text(text) => quote!(Text(#text)),
                Operand::Truth(truth) => quote!(Truth(#truth)),
                Operand::Parameter(name) => {
                    let parameter = Literal::usize_unsuffixed(condition.parameter(name));
                    quote!(Parameter(#parameter))
                }
            };
            quote!(#krate::Test::Compare { column: #column, by: #krate::By::#by, to: #krate::Operand::#to })
        }
        Test::IsNull(column) => {
            let column = number(repository, column, condition.span);
            quote!(#krate::Test::IsNull(#column))
        }
        Test::Not(of) => {
            let of = test(repository, condition, of);
            quote!(#krate::Test::Not(&#of))
        }
        Test::All(tests) => {
            let tests = several(tests);
            quote!(#krate::Test::All(#tests))
        }
        Test::Any(tests) => {
            let tests = several(tests);
            quote!(#krate::Test::Any(#tests))
        }
    }
}

fn ordered(repository: &Repository, order: &Order, span: Span) -> TokenStream {
    let krate = &repository.krate;
    let Order { column, descending, nulls_first } = order;
    let column = number(repository, column, span);
    let nulls_first = option(nulls_first.map(|first| quote!(#first)));
    quote!(#krate::Order { column: #column, descending: #descending, nulls_first: #nulls_first })
}

fn number(repository: &Repository, column: &str, span: Span) -> TokenStream {
    let field = column_of(repository, column, span);
    quote_spanned!(place(span)=> #field::COLUMN)
}

fn column_of(
    Repository { krate, entity, .. }: &Repository,
    column: &str,
    span: Span,
) -> TokenStream {
    field(krate, entity, &names::ident(column, span))
}
