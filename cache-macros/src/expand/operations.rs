//! The methods that every repository has: described once, for the repository and for the transaction.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::docs::Docs;
use super::{columns, condition, docs, moved, place};
use crate::model::repository::{Index, Repository};
use crate::{names, types};

/// A generated method.
pub(super) struct Operation {
    pub(super) name: Ident,
    pub(super) docs: Docs,
    /// What follows `self`.
    pub(super) arguments: TokenStream,
    pub(super) returns: TokenStream,
    /// The runtime's method with its arguments.
    pub(super) call: TokenStream,
    pub(super) is_async: bool,
    /// Whether a transaction has it, too.
    pub(super) within: bool,
}

/// The operations that are not left out, in the order of their documentation.
pub(super) fn all(repository: &Repository) -> Vec<Operation> {
    let mut all = reads(repository);
    all.extend(writes(repository));
    all.extend(around(repository));
    all.retain(|operation| repository.makes(&names::plain(&operation.name)));
    all
}

fn operation(
    name: &str,
    docs: Docs,
    arguments: TokenStream,
    returns: TokenStream,
    call: TokenStream,
) -> Operation {
    let name = Ident::new(name, Span::call_site());
    Operation { name, docs, arguments, returns, call, is_async: true, within: true }
}

/// The types that stand in the signatures.
struct Types {
    row: TokenStream,
    id: TokenStream,
    ids: TokenStream,
    /// `id` as the runtime takes it.
    given: TokenStream,
    sqlx: TokenStream,
}

fn types(Repository { krate, ident, entity, .. }: &Repository) -> Types {
    // A type that is not an entity is reported where it is named.
    let of_entity = |item| moved(quote!(<#entity as #krate::Entity>::#item), entity.span());
    let (id, id_arg) = (of_entity(quote!(Id)), of_entity(quote!(IdArg<'_>)));
    Types {
        row: quote!(::std::sync::Arc<#entity>),
        id: id_arg,
        ids: quote!(&[#id]),
        // By way of the repository: `Entity::id_from` would report once more what the entity itself lacks.
        given: quote!(&#krate::__private::id::<#ident>(&id)),
        sqlx: quote!(#krate::__private::sqlx::Result),
    }
}

/// The read that only a transaction has.
pub(super) fn get_for_update(repository: &Repository) -> Operation {
    let Types { row, id, given, sqlx, .. } = types(repository);
    operation(
        "get_for_update",
        docs::get_for_update(),
        quote!(id: #id),
        quote!(#sqlx<::core::option::Option<#row>>),
        quote!(get_for_update(#given)),
    )
}

fn reads(repository: &Repository) -> Vec<Operation> {
    let Types { row, id, ids, given, sqlx } = types(repository);
    let option = quote!(::core::option::Option);
    let mut reads = vec![
        operation(
            "get",
            docs::get(repository),
            quote!(id: #id),
            quote!(#sqlx<#option<#row>>),
            quote!(get(#given)),
        ),
        operation(
            "get_many",
            docs::get_many(repository),
            quote!(ids: #ids),
            quote!(#sqlx<::std::vec::Vec<#option<#row>>>),
            quote!(get_many(ids)),
        ),
    ];
    for (number, index) in repository.unique.iter().enumerate() {
        let (arguments, value) = looked_up(repository, index);
        let number = Literal::usize_unsuffixed(number);
        reads.push(Operation {
            name: method_name(index, "find"),
            ..operation(
                "find",
                docs::find(repository, index),
                arguments,
                quote!(#sqlx<#option<#row>>),
                quote!(find(#number, #value)),
            )
        });
    }
    for (number, index) in repository.list.iter().enumerate() {
        let (arguments, value) = looked_up(repository, index);
        let number = Literal::usize_unsuffixed(number);
        let page = page_name(index);
        let krate = &repository.krate;
        let page_argument =
            quote!(#page: impl ::core::convert::Into<#krate::Page> + ::core::marker::Send);
        reads.push(Operation {
            name: method_name(index, "list"),
            ..operation(
                "list",
                docs::list(repository, index),
                quote!(#arguments, #page_argument),
                quote!(#sqlx<::std::vec::Vec<#row>>),
                quote!(list(#number, #value, #page.into())),
            )
        });
    }
    for (number, listed) in repository.conditions.iter().enumerate() {
        let (mut arguments, value) = condition::arguments(repository, listed);
        if !arguments.is_empty() {
            arguments.extend(quote!(,));
        }
        let number = Literal::usize_unsuffixed(number);
        let taken = listed.parameters.iter().any(|parameter| parameter.name == "page");
        let page = format_ident!("{}", if taken { "page_of_rows" } else { "page" });
        let krate = &repository.krate;
        reads.push(Operation {
            name: Ident::new(&listed.method(), listed.name.span()),
            ..operation(
                "list",
                docs::list_where(repository, listed),
                quote!(#arguments #page: impl ::core::convert::Into<#krate::Page> + ::core::marker::Send),
                quote!(#sqlx<::std::vec::Vec<#row>>),
                quote!(list_where(#number, #value, #page.into())),
            )
        });
    }
    reads
}

fn writes(repository: &Repository) -> Vec<Operation> {
    let Types { row, id, ids, given, sqlx } = types(repository);
    let entity = &repository.entity;
    let (one, many) = row_names(repository);
    let option = quote!(::core::option::Option);
    let rows = quote!(#sqlx<::std::vec::Vec<#row>>);
    vec![
        operation(
            "insert",
            docs::insert(repository),
            quote!(#one: &#entity),
            quote!(#sqlx<#row>),
            quote!(insert(#one)),
        ),
        operation(
            "insert_many",
            docs::insert_many(repository),
            quote!(#many: &[#entity]),
            rows.clone(),
            quote!(insert_many(#many)),
        ),
        operation(
            "update",
            docs::update(repository),
            quote!(#one: &#entity),
            quote!(#sqlx<#option<#row>>),
            quote!(update(#one)),
        ),
        operation(
            "upsert",
            docs::upsert(repository),
            quote!(#one: &#entity),
            quote!(#sqlx<#row>),
            quote!(upsert(#one)),
        ),
        operation(
            "delete",
            docs::delete(repository),
            quote!(id: #id),
            quote!(#sqlx<#option<#row>>),
            quote!(delete(#given)),
        ),
        operation(
            "delete_many",
            docs::delete_many(repository),
            quote!(ids: #ids),
            rows,
            quote!(delete_many(ids)),
        ),
    ]
}

/// What only the repository itself has: the cache, the schema, transactions.
fn around(repository: &Repository) -> Vec<Operation> {
    let Types { row, id, ids, given, sqlx } = types(repository);
    let krate = &repository.krate;
    let mut around = vec![
        operation(
            "warm",
            docs::warm(repository),
            quote!(ids: #ids),
            quote!(#sqlx<usize>),
            quote!(warm(ids)),
        ),
        Operation {
            is_async: false,
            ..operation(
                "warm_all",
                docs::warm_all(repository),
                quote!(),
                quote!(#krate::Warm<Self>),
                quote!(warm_all()),
            )
        },
        Operation {
            is_async: false,
            ..operation(
                "warm_where",
                docs::warm_where(repository),
                quote!(condition: &'static str),
                quote!(#krate::Warm<Self>),
                quote!(warm_where(condition)),
            )
        },
        operation(
            "invalidate",
            docs::invalidate(),
            quote!(id: #id),
            quote!(#krate::Result<()>),
            quote!(invalidate(#given)),
        ),
        operation(
            "invalidate_matching",
            docs::invalidate_matching(),
            quote!(glob: &str),
            quote!(#krate::Result<u64>),
            quote!(invalidate_matching(glob)),
        ),
        operation(
            "refresh",
            docs::refresh(repository),
            quote!(id: #id),
            quote!(#sqlx<::core::option::Option<#row>>),
            quote!(refresh(#given)),
        ),
        operation(
            "explain",
            docs::explain(),
            quote!(id: #id),
            quote!(#krate::Explanation),
            quote!(explain(#given)),
        ),
        operation(
            "verify_schema",
            docs::verify_schema(),
            quote!(),
            quote!(::core::result::Result<(), #krate::SchemaError>),
            quote!(verify_schema()),
        ),
        operation("watch", docs::watch(), quote!(), quote!(#krate::Result<()>), quote!(watch())),
        operation(
            "unwatch",
            docs::unwatch(),
            quote!(),
            quote!(#krate::Result<()>),
            quote!(unwatch()),
        ),
        operation(
            "watch_sql",
            docs::watch_sql(),
            quote!(),
            quote!(#krate::Result<::std::string::String>),
            quote!(watch_sql()),
        ),
        Operation {
            is_async: false,
            ..operation("stats", docs::stats(), quote!(), quote!(#krate::Stats), quote!(stats()))
        },
        operation(
            "begin",
            docs::begin(),
            quote!(),
            quote!(#sqlx<#krate::CacheTransaction>),
            quote!(begin()),
        ),
    ];
    if repository.makes("explain") {
        for (number, listed) in repository.conditions.iter().enumerate() {
            let (arguments, value) = condition::arguments(repository, listed);
            let number = Literal::usize_unsuffixed(number);
            let name = format!("explain_{}", listed.method());
            around.push(operation(
                &name,
                docs::explain_list(listed),
                arguments,
                quote!(#krate::Explanation),
                quote!(explain_where(#number, #value)),
            ));
        }
    }
    for operation in &mut around {
        operation.within = false;
    }
    around
}

/// The arguments that an index is looked up by, and the tuple of them that the runtime takes.
fn looked_up(
    Repository { krate, entity, .. }: &Repository,
    index: &Index,
) -> (TokenStream, TokenStream) {
    let (arguments, values): (Vec<_>, Vec<_>) = index
        .columns
        .iter()
        .map(|column| {
            let field = field(krate, entity, column);
            let span = place(column.span());
            let ty = quote_spanned!(span=> #field::Arg<'_>);
            (quote!(#column: #ty), quote_spanned!(span=> #field::target(&#column)))
        })
        .unzip();
    (quote!(#(#arguments),*), quote!((#(#values,)*)))
}

/// `<City as Field<…>>`, where the column was named: a name that is no column's is reported there.
pub(super) fn field(
    krate: &crate::model::Crate,
    entity: &syn::Type,
    column: &Ident,
) -> TokenStream {
    let hash = columns::hash(&names::plain(column), column.span());
    moved(quote!(<#entity as #krate::Field<#hash>>), column.span())
}

fn method_name(index: &Index, prefix: &str) -> Ident {
    let span = index.columns.first().map_or_else(Span::call_site, Ident::span);
    Ident::new(&index.method(prefix), span)
}

/// `page`, unless a column of the index has that name.
fn page_name(index: &Index) -> Ident {
    let taken = index.columns.iter().any(|column| column == "page");
    format_ident!("{}", if taken { "page_of_rows" } else { "page" })
}

/// `city` and `cities`
fn row_names(Repository { entity, .. }: &Repository) -> (Ident, Ident) {
    let one = types::last_segment(entity).map_or_else(
        || "row".to_owned(),
        |segment| names::snake_case(&names::plain(&segment.ident)),
    );
    let many = names::plural(&one);
    (names::ident(&one, Span::call_site()), names::ident(&many, Span::call_site()))
}
