//! What follows a struct beside its rows, or in their place.

use proc_macro2::TokenStream;

use super::{rate_limit, session};
use crate::model::helpers::Made;

/// All of one helper.
pub(crate) fn helper(made: &Made) -> TokenStream {
    match made {
        Made::Sessions(sessions) => session::sessions(sessions),
        Made::RateLimit(limit) => rate_limit::rate_limit(limit),
    }
}
