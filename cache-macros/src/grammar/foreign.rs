//! Attributes of other crates, read for what they mean here. Mistakes in them are their owner's to report.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, LitStr, Token};

use super::options::skip_to_comma;

/// `name`, `name = value` or `name(value)` in a foreign attribute.
pub(crate) struct Item {
    pub(crate) name: Ident,
    value: TokenStream,
}

impl Item {
    /// The value, where it is a string.
    pub(crate) fn text(&self) -> Option<LitStr> {
        syn::parse2(self.value.clone()).ok()
    }

    /// Whether the value is this word.
    pub(crate) fn is(&self, word: &str) -> bool {
        syn::parse2::<Ident>(self.value.clone()).is_ok_and(|value| value == word)
    }
}

/// What the attributes of this name say.
pub(crate) fn items(attrs: &[Attribute], owner: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(owner)) {
        if let syn::Meta::List(list) = &attr.meta {
            // What was understood before a mistake counts; the mistake is the owner's.
            let _: syn::Result<()> =
                (|input: ParseStream<'_>| read(input, &mut items)).parse2(list.tokens.clone());
        }
    }
    items
}

fn read(input: ParseStream<'_>, items: &mut Vec<Item>) -> syn::Result<()> {
    while !input.is_empty() {
        let name = input.call(Ident::parse_any)?;
        input.parse::<Option<Token![=]>>()?;
        let value = if input.is_empty() || input.peek(Token![,]) {
            TokenStream::new()
        } else {
            match input.parse::<TokenTree>()? {
                TokenTree::Group(group) => group.stream(),
                token => token.into(),
            }
        };
        skip_to_comma(input);
        input.parse::<Option<Token![,]>>()?;
        items.push(Item { name, value });
    }
    Ok(())
}
