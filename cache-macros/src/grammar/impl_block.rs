//! An `impl` block, read no further than needed: bodies stay tokens, so half-typed code still completes in an editor.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Generics, Path, Signature, Token, Type, Visibility, WhereClause};

/// The `impl` block of a repository.
pub(crate) struct ImplBlock {
    /// Everything before the braces.
    pub(crate) head: TokenStream,
    pub(crate) generics: Generics,
    pub(crate) of_trait: Option<Path>,
    pub(crate) self_ty: Type,
    /// The braces; what is in them is read with [`members`].
    pub(crate) body: Group,
}

/// A part of an `impl` block.
pub(crate) enum Member {
    /// Left as it is.
    Other(TokenStream),
    /// A method with annotations.
    Method(Box<AnnotatedMethod>),
    /// Something that is no method, with annotations.
    Misplaced { annotations: Vec<Attribute>, rest: TokenStream },
}

/// A method with annotations.
pub(crate) struct AnnotatedMethod {
    pub(crate) annotations: Vec<(Ident, Attribute)>,
    /// The other attributes.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: Group,
}

impl ToTokens for Member {
    /// What was written, without annotations.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Other(other) => other.to_tokens(tokens),
            Self::Method(method) => method.to_tokens(tokens),
            Self::Misplaced { rest, .. } => rest.to_tokens(tokens),
        }
    }
}

impl ToTokens for AnnotatedMethod {
    /// The method as it was written, without its annotations.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body, .. } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}

impl Parse for ImplBlock {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let impl_token: Token![impl] = input.parse()?;
        let generics: Generics = input.parse()?;
        let first: Type = input.parse()?;
        let for_token: Option<Token![for]> = input.parse()?;
        let second: Option<Type> = for_token.map(|_| input.parse()).transpose()?;
        let where_clause: Option<WhereClause> = input.parse()?;
        let head = quote!(#(#attrs)* #impl_token #generics #first #for_token #second #where_clause);
        let body = braces(input)?;
        let (of_trait, self_ty) = match (second, first) {
            (None, own) => (None, own),
            (Some(own), Type::Path(of_trait)) => (Some(of_trait.path), own),
            (Some(_), other) => return Err(syn::Error::new_spanned(other, "expected a trait")),
        };
        Ok(Self { head, generics, of_trait, self_ty, body })
    }
}

fn braces(input: ParseStream<'_>) -> syn::Result<Group> {
    let at = input.fork();
    match input.parse()? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Ok(group),
        _ => Err(at.error("expected braces")),
    }
}

/// Reads the members between an `impl` block's braces. `annotation` recognises the attributes that matter.
pub(crate) fn members(
    input: ParseStream<'_>,
    annotation: &impl Fn(&Path) -> Option<Ident>,
) -> syn::Result<Vec<Member>> {
    let mut members = Vec::new();
    let mut other = TokenStream::new();
    while !input.is_empty() {
        if !input.peek(Token![#]) || input.peek2(Token![!]) {
            other.extend([input.parse::<TokenTree>()?]);
            continue;
        }
        let mut annotations = Vec::new();
        let mut attrs = Vec::new();
        for attr in input.call(Attribute::parse_outer)? {
            match annotation(attr.path()) {
                Some(name) => annotations.push((name, attr)),
                None => attrs.push(attr),
            }
        }
        if annotations.is_empty() {
            other.extend(quote!(#(#attrs)*));
            continue;
        }
        if !other.is_empty() {
            members.push(Member::Other(std::mem::take(&mut other)));
        }
        members.push(annotated(input, annotations, attrs)?);
    }
    members.push(Member::Other(other));
    Ok(members)
}

fn annotated(
    input: ParseStream<'_>,
    annotations: Vec<(Ident, Attribute)>,
    attrs: Vec<Attribute>,
) -> syn::Result<Member> {
    let ahead = input.fork();
    let vis: Visibility = ahead.parse()?;
    let is_method = ahead.peek(Token![fn])
        || ahead.peek(Token![async])
        || ahead.peek(Token![unsafe])
        || ahead.peek(Token![extern])
        || (ahead.peek(Token![const])
            && (ahead.peek2(Token![fn])
                || ahead.peek2(Token![async])
                || ahead.peek2(Token![unsafe])));
    if !is_method {
        let annotations = annotations.into_iter().map(|(_, attr)| attr).collect();
        return Ok(Member::Misplaced { annotations, rest: quote!(#(#attrs)*) });
    }
    input.advance_to(&ahead);
    let sig: Signature = input.parse()?;
    let body = braces(input)?;
    Ok(Member::Method(Box::new(AnnotatedMethod { annotations, attrs, vis, sig, body })))
}
