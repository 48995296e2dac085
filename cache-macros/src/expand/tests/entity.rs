use quote::quote;

use super::code;
use crate::entry::derive_entity;

#[test]
fn an_entity_with_one_id() {
    snapshot!(
        "entity",
        code(derive_entity(quote! {
            #[entity(table = "geo.cities", version = 2)]
            pub struct City {
                #[entity(id, generated)]
                pub id: i64,
                pub slug: String,
                #[sqlx(rename = "pop")]
                pub population: Option<i64>,
                pub r#type: Kind,
            }
        }))
    );
}

#[test]
fn an_entity_with_a_text_id() {
    snapshot!(
        "entity_text_id",
        code(derive_entity(quote! {
            #[entity(table = "countries")]
            struct Country {
                #[entity(id)]
                code: String,
            }
        }))
    );
}

#[test]
fn an_entity_with_a_composite_id() {
    snapshot!(
        "entity_composite_id",
        code(derive_entity(quote! {
            #[entity(table = "names", crate = crate::runtime)]
            struct Name {
                #[entity(id)]
                city: i64,
                #[entity(id)]
                language: Language,
            }
        }))
    );
}

#[test]
fn an_entity_with_columns_that_are_not_plain() {
    snapshot!(
        "entity_columns",
        code(derive_entity(quote! {
            #[entity(table = "settings")]
            #[sqlx(rename_all = "camelCase")]
            struct Settings {
                #[entity(id)]
                user_id: Uuid,
                #[sqlx(json)]
                theme: Theme,
                #[sqlx(json(nullable))]
                extra: Option<Extra>,
                #[serde(with = "stamp", skip_serializing_if = "never")]
                changed_at: Stamp,
                #[sqlx(skip)]
                loaded: bool,
            }
        }))
    );
}
