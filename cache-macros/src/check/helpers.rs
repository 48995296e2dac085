//! Of what a struct is given beside rows, or in their place.

use super::session;
use crate::errors::Errors;
use crate::grammar::helpers::Helper;
use crate::model::helpers::{Made, Owner};

/// What can be made of them.
pub(crate) fn helpers(owner: &Owner, helpers: Vec<Helper>, errors: &mut Errors) -> Vec<Made> {
    helpers
        .into_iter()
        .filter_map(|helper| match helper {
            Helper::Session(annotation) => {
                session::sessions(owner, annotation, errors).map(Made::Sessions)
            }
        })
        .collect()
}
