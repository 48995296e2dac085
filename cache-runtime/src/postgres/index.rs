//! The values that a unique look-up or a list is asked for.

use serde::Serialize;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Encode, Postgres, Type};

use crate::key::KeyBuilder;

/// The arguments of `find_by_…` and `list_…`: a tuple of references, one for each column of the index or parameter of the
/// condition.
pub trait IndexValue: Send + Sync {
    /// Appends the values to a key, in the order of the index's columns.
    fn write_key(&self, key: &mut KeyBuilder);

    /// Appends the values to a query's arguments, in the order of the index's columns.
    ///
    /// # Errors
    /// What sqlx says when it cannot encode a value.
    fn bind(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError>;
}

/// Of a list whose condition has no parameter.
impl IndexValue for () {
    fn write_key(&self, _: &mut KeyBuilder) {}

    fn bind(&self, _: &mut PgArguments) -> Result<(), BoxDynError> {
        Ok(())
    }
}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<'q, $($name),*> IndexValue for ($(&'q $name,)*)
        where
            $($name: Serialize + Sync + ?Sized, &'q $name: Encode<'q, Postgres> + Type<Postgres>,)*
        {
            fn write_key(&self, key: &mut KeyBuilder) {
                #[allow(non_snake_case, reason = "the type parameters' names serve as the values' names")]
                let ($($name,)*) = self;
                $(key.push_value(*$name);)*
            }

            fn bind(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
                #[allow(non_snake_case, reason = "the type parameters' names serve as the values' names")]
                let ($($name,)*) = self;
                $(arguments.add(*$name)?;)*
                Ok(())
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
