//! Of a list by condition: a name, a condition, and parameters that each are compared with one column.

use std::collections::HashSet;

use proc_macro2::Span;

use crate::errors::Errors;
use crate::grammar::condition::test::{By, Operand, Test};
use crate::grammar::condition::{self, Listed};
use crate::model::condition::{Buckets, Condition, Parameter};
use crate::model::repository::{Index, METHODS};
use crate::{names, suggest};

/// As many parameters as a look-up of the runtime has values.
const MOST_PARAMETERS: usize = 4;

/// The lists by condition; those that are wrong are left out.
pub(super) fn conditions(
    written: Vec<Listed>,
    list: &[Index],
    errors: &mut Errors,
) -> Vec<Condition> {
    let mut methods: HashSet<String> = METHODS.iter().map(|name| (*name).to_owned()).collect();
    methods.extend(list.iter().map(|index| index.method("list")));
    let mut conditions = Vec::new();
    for listed in written {
        let Some(condition) = condition(listed, errors) else { continue };
        let method = condition.method();
        if methods.insert(method.clone()) {
            conditions.push(condition);
        } else {
            errors.at(
                &condition.name,
                format!(
                    "there would be two methods `{method}`: give one of the two lists another name"
                ),
            );
        }
    }
    conditions
}

fn condition(listed: Listed, errors: &mut Errors) -> Option<Condition> {
    let Listed { span, name, condition, condition_is_given, order, order_text, limit, buckets } =
        listed;
    if !condition_is_given {
        errors.at_span(
            span,
            "`where` is missing: write `list(name = big, where = \"population >= 100_000\")`",
        );
    }
    let Some(name) = name else {
        errors.at_span(
            span,
            "`name` is missing: write `list(name = big, where = \"…\")`, which makes a method `list_big`",
        );
        return None;
    };
    let condition::Condition { text, test } = condition?;
    let parameters = parameters(&test, text.span(), errors)?;
    let mut seen = HashSet::new();
    if let Some(twice) = order.iter().find(|order| !seen.insert(&order.column)) {
        let place = order_text.as_ref().map_or(span, syn::LitStr::span);
        errors.at_span(
            place,
            format!("the list is ordered by `{}` twice: keep one of the two", twice.column),
        );
    }
    let buckets = buckets.and_then(|given| bucketed(given, &test, &parameters, errors));
    Some(Condition {
        name,
        text: text.value(),
        span: text.span(),
        test,
        parameters,
        order,
        order_span: order_text.as_ref().map_or(span, syn::LitStr::span),
        limit: limit.map(|limit| limit.value),
        buckets,
    })
}

/// Each parameter once, with the column that gives it its type.
fn parameters(test: &Test, span: Span, errors: &mut Errors) -> Option<Vec<Parameter>> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for (column, _, to) in test.comparisons() {
        let Operand::Parameter(name) = to else { continue };
        match parameters.iter().find(|known| known.name == *name) {
            Some(known) if known.column != column => {
                errors.at_span(
                    span,
                    format!(
                        "`${name}` is compared with `{}` and with `{column}`: a parameter has the type of one column, so give \
                         the other one another name",
                        known.column
                    ),
                );
                return None;
            }
            Some(_) => {}
            None => parameters.push(Parameter { name: name.clone(), column: column.to_owned() }),
        }
    }
    if let Some(fifth) = parameters.get(MOST_PARAMETERS) {
        errors.at_span(
            span,
            format!(
                "`${}` is one parameter too many: a list has at most {MOST_PARAMETERS}",
                fifth.name
            ),
        );
        return None;
    }
    Some(parameters)
}

fn bucketed(
    given: condition::Buckets,
    test: &Test,
    parameters: &[Parameter],
    errors: &mut Errors,
) -> Option<Buckets> {
    let name = names::plain(&given.parameter);
    let Some(parameter) = parameters.iter().position(|parameter| parameter.name == name) else {
        let instead = suggest::instead(&name, parameters.iter().map(|known| known.name.as_str()));
        errors.at(&given.parameter, format!("the condition has no parameter `${name}`: {instead}"));
        return None;
    };
    let by_order = test.comparisons().iter().any(|(_, by, to)| {
        matches!(to, Operand::Parameter(of) if *of == name)
            && !matches!(by, By::Equal | By::Unequal)
    });
    if !by_order {
        errors.at(
            &given.parameter,
            format!("`${name}` is not compared by order, so there is nothing that buckets could tell apart: leave them out"),
        );
        return None;
    }
    Some(Buckets { parameter, bounds: given.bounds })
}
