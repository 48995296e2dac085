//! Of what a struct is given beside rows, or in their place.

use std::collections::HashMap;

use proc_macro2::Ident;
use syn::ItemStruct;

use super::{rate_limit, session};
use crate::errors::Errors;
use crate::grammar::helpers::Helper;
use crate::model::helpers::{Made, Owner};
use crate::names;

/// What can be made of them.
pub(crate) fn helpers(
    item: &ItemStruct,
    owner: &Owner,
    helpers: Vec<Helper>,
    errors: &mut Errors,
) -> Vec<Made> {
    let mut taken = taken(owner, &helpers);
    helpers
        .into_iter()
        .filter_map(|helper| match helper {
            Helper::Session(annotation) => {
                session::sessions(owner, annotation, errors).map(Box::new).map(Made::Sessions)
            }
            Helper::RateLimit(limit) => {
                // What is wrong besides is told, too.
                let is_free =
                    limit.rule.name.as_ref().is_none_or(|name| free(name, &mut taken, errors));
                let limit = rate_limit::rate_limit(item, owner, limit, errors);
                limit.filter(|_| is_free).map(Made::RateLimit)
            }
        })
        .collect()
}

/// The methods that the struct is given anyway, and of what they are.
fn taken(owner: &Owner, helpers: &[Helper]) -> HashMap<String, &'static str> {
    let of_rows = owner.methods.iter().map(|name| (name.clone(), "a method of the repository"));
    let of_sessions = helpers.iter().filter_map(|helper| match helper {
        // Beside rows there are no sessions, which has its own message.
        Helper::Session(annotation) if !owner.has_rows => Some(session::methods(annotation)),
        _ => None,
    });
    of_rows.chain(of_sessions.flatten().map(|name| (name, "a method of the sessions"))).collect()
}

/// A limit is a method of its name, beside those and the ones of other limits.
fn free(ident: &Ident, taken: &mut HashMap<String, &'static str>, errors: &mut Errors) -> bool {
    let name = names::plain(ident);
    let message = match taken.get(&name) {
        Some(&LIMIT) => format!("there are two limits `{name}`: give each a name of its own"),
        Some(whose) => format!("`{name}` is {whose}: give the limit another name"),
        None => {
            taken.insert(name, LIMIT);
            return true;
        }
    };
    errors.at(ident, message);
    false
}

const LIMIT: &str = "a limit";
