//! Values as parts of a key: a serde serializer that writes escaped scalars.
//!
//! The text is injective for values of one type. A scalar is its escaped text; the fields of a tuple or struct follow
//! each other, their number being fixed by the type; a sequence or map carries its length; an enum names its variant;
//! nothing is `%N`, which no escape can produce.

use std::fmt::Display;

use serde::ser::{self, Serialize};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `part` to `out`, escaped.
pub(super) fn escape(part: &str, out: &mut String) {
    for character in part.chars() {
        let special =
            matches!(character, ':' | '=' | '{' | '}' | '*' | '?' | '[' | ']' | '\\' | '%')
                || character.is_whitespace()
                || character.is_control();
        if special {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                out.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    out.push(char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0')));
                }
            }
        } else {
            out.push(character);
        }
    }
}

pub(super) struct Writer<'a> {
    out: &'a mut String,
    /// The mark or separator of the next scalar is already there.
    begun: bool,
    escapes: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn after_mark(out: &'a mut String) -> Self {
        Self { out, begun: true, escapes: true }
    }

    pub(super) fn unescaped(out: &'a mut String) -> Self {
        Self { out, begun: true, escapes: false }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.begun) {
            self.out.push(':');
        }
    }

    /// A scalar whose text has nothing to escape.
    fn plain(&mut self, value: impl Display) {
        use std::fmt::Write;
        self.separate();
        // Writing to a string does not fail.
        let _ = write!(self.out, "{value}");
    }

    /// A whole number: what most keys end with.
    fn number(&mut self, value: impl itoa::Integer) {
        self.separate();
        self.out.push_str(itoa::Buffer::new().format(value));
    }

    fn escaped(&mut self, value: &str) {
        self.separate();
        if self.escapes {
            escape(value, self.out);
        } else {
            self.out.push_str(value);
        }
    }
}

/// Why a value cannot be part of a key.
#[derive(Debug)]
pub(super) struct Refused(String);

impl Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

macro_rules! scalars {
    ($way:ident; $($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<(), Refused> {
            self.$way(value);
            Ok(())
        })*
    };
}

impl ser::Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Counted<Self>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Counted<Self>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    scalars! { number;
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    scalars! { plain;
        serialize_bool: bool, serialize_f32: f32, serialize_f64: f64,
    }

    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.escaped(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        self.escaped(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refused> {
        self.separate();
        for byte in value {
            self.out.push_str(&format!("{byte:02x}"));
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.plain("%N");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        self.separate();
        let start = self.out.len();
        self.begun = true;
        value.serialize(&mut *self)?;
        self.begun = false;
        // Some(None) is not None.
        let nested = self
            .out
            .get(start..)
            .is_some_and(|text| text.starts_with("%N") || text.starts_with("%S"));
        if nested {
            self.out.insert_str(start, "%S");
        }
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.plain("%U");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Refused> {
        self.escaped(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.escaped(variant);
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Counted<Self>, Refused> {
        Ok(Counted::begin(self))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Refused> {
        self.escaped(variant);
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Counted<Self>, Refused> {
        Ok(Counted::begin(self))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Refused> {
        self.escaped(variant);
        Ok(self)
    }
}

/// A sequence or map: its length is written in front once it is known.
pub(super) struct Counted<W> {
    writer: W,
    start: usize,
    length: usize,
}

impl<'w, 'a> Counted<&'w mut Writer<'a>> {
    fn begin(writer: &'w mut Writer<'a>) -> Self {
        writer.separate();
        let start = writer.out.len();
        Self { writer, start, length: 0 }
    }

    fn finish(self) {
        self.writer.out.insert_str(self.start, &format!("%L{}", self.length));
        self.writer.begun = false;
    }
}

impl ser::SerializeSeq for Counted<&mut Writer<'_>> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.length += 1;
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Refused> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeMap for Counted<&mut Writer<'_>> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.length += 1;
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Refused> {
        self.finish();
        Ok(())
    }
}

macro_rules! fields {
    ($($trait:ident::$method:ident),*) => {
        $(impl ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Refused> {
                Ok(())
            }
        })*
    };
}

fields!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

impl ser::SerializeStruct for &mut Writer<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(&mut **self)
    }

    fn skip_field(&mut self, _: &'static str) -> Result<(), Refused> {
        // A field that comes and goes still has its place.
        self.plain("%-");
        Ok(())
    }

    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}

impl ser::SerializeStructVariant for &mut Writer<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(&mut **self)
    }

    fn skip_field(&mut self, _: &'static str) -> Result<(), Refused> {
        self.plain("%-");
        Ok(())
    }

    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}
