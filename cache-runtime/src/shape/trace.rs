//! The deserialiser that writes down what it is asked for.

use std::any::type_name;
use std::cell::Cell;

use serde::de::value::{BorrowedStrDeserializer, U32Deserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

mod filled;

use self::filled::Filled;
use super::Shape;

/// The run ended early, which is how most of them end.
type End = de::value::Error;

/// More ways than this are not tried: no hand-written type has as many leaves.
const MOST_RUNS: usize = 4096;

fn end() -> End {
    de::Error::custom("end of the way")
}

/// A decision, and how many ways there are.
struct Fork {
    taken: usize,
    ways: usize,
}

pub(super) struct Trace {
    hash: u64,
    self_describing: bool,
    forks: Vec<Fork>,
    at: usize,
    within: Vec<(&'static str, &'static [&'static str])>,
}

impl Trace {
    pub(super) fn new(declared: &str) -> Self {
        let mut trace = Self {
            // The offset basis and the prime below are those of 64-bit FNV-1a, which any build computes alike.
            hash: 0xCBF2_9CE4_8422_2325,
            self_describing: false,
            forks: Vec::new(),
            at: 0,
            within: Vec::new(),
        };
        trace.saw(declared);
        trace
    }

    pub(super) fn explore<T: DeserializeOwned>(&mut self) {
        for _ in 0..MOST_RUNS {
            self.at = 0;
            self.within.clear();
            self.saw("run");
            // What the type makes of the dummy values does not matter, only what it asked for.
            let _ = T::deserialize(&mut *self);
            self.forks.truncate(self.at);
            while self.forks.last().is_some_and(|fork| fork.taken + 1 >= fork.ways) {
                self.forks.pop();
            }
            match self.forks.last_mut() {
                Some(fork) => fork.taken += 1,
                None => return,
            }
        }
        // More than is looked at: its name tells it apart from most that it was.
        self.saw(type_name::<T>());
    }

    pub(super) fn shape(&self) -> Shape {
        Shape { fingerprint: self.hash, self_describing: self.self_describing }
    }

    fn saw(&mut self, word: &str) {
        // The zero byte ends a word, so that "ab", "c" and "a", "bc" differ.
        for byte in word.bytes().chain([0]) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn fork(&mut self, ways: usize) -> usize {
        if self.at == self.forks.len() {
            self.forks.push(Fork { taken: 0, ways });
        }
        let taken = self.forks.get(self.at).map_or(0, |fork| fork.taken);
        self.at += 1;
        taken
    }

    /// A whole value. Of the decisions in it the first that are good enough stay: what refuses a value may do so long after
    /// it was given.
    fn whole<'de, T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, End> {
        let from = self.at;
        let value = seed.deserialize(Filled(&mut *self))?;
        let decided = self.forks.get_mut(from..self.at).unwrap_or_default();
        decided.iter_mut().for_each(|fork| fork.ways = fork.taken + 1);
        Ok(value)
    }

    /// Steps into a named type; a type within itself ends the run.
    fn enter(&mut self, name: &'static str, members: &'static [&'static str]) -> Result<(), End> {
        self.saw(name);
        for member in members {
            self.saw(member);
        }
        self.step_into(name, members).inspect_err(|_| self.saw("within itself"))
    }

    fn step_into(
        &mut self,
        name: &'static str,
        members: &'static [&'static str],
    ) -> Result<(), End> {
        if self.within.contains(&(name, members)) {
            return Err(end());
        }
        self.within.push((name, members));
        Ok(())
    }
}

macro_rules! scalars {
    ($($method:ident => $visit:ident($($value:expr)?)),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
            self.saw(stringify!($method));
            visitor.$visit($($value)?)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Trace {
    type Error = End;

    scalars! {
        deserialize_bool => visit_bool(false),
        deserialize_i8 => visit_i8(1), deserialize_i16 => visit_i16(1),
        deserialize_i32 => visit_i32(1), deserialize_i64 => visit_i64(1),
        deserialize_i128 => visit_i128(1),
        deserialize_u8 => visit_u8(1), deserialize_u16 => visit_u16(1),
        deserialize_u32 => visit_u32(1), deserialize_u64 => visit_u64(1),
        deserialize_u128 => visit_u128(1),
        deserialize_f32 => visit_f32(1.0), deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('a'),
        deserialize_str => visit_borrowed_str(""), deserialize_string => visit_borrowed_str(""),
        deserialize_bytes => visit_borrowed_bytes(&[]), deserialize_byte_buf => visit_borrowed_bytes(&[]),
        deserialize_unit => visit_unit(),
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, End> {
        self.saw("any");
        self.self_describing = true;
        Err(end())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.saw("option");
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, End> {
        self.saw(name);
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, End> {
        self.saw(name);
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.saw("seq");
        visitor.visit_seq(Element(Some(self)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, End> {
        self.saw("tuple");
        self.saw(&len.to_string());
        self.parts(len, |parts| visitor.visit_seq(parts))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, End> {
        self.saw(name);
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.saw("map");
        // Its first key, and what stands at it.
        self.parts(2, |parts| visitor.visit_map(parts))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, End> {
        self.enter(name, fields)?;
        let taken = if fields.is_empty() { 0 } else { self.fork(fields.len()) };
        let field = fields.get(taken).copied();
        let value = visitor.visit_map(OneField { trace: self, field });
        self.within.pop();
        value
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, End> {
        self.enter(name, variants)?;
        let taken = if variants.is_empty() { 0 } else { self.fork(variants.len()) };
        let value = visitor.visit_enum(OneVariant { trace: self, taken });
        self.within.pop();
        value
    }
}

/// One element.
struct Element<'t>(Option<&'t mut Trace>);

impl<'de> SeqAccess<'de> for Element<'_> {
    type Error = End;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, End> {
        self.0.take().map(|trace| seed.deserialize(trace)).transpose()
    }
}

/// Parts that come only one after the other, of which one is looked at. Those before it have to be there, so they are
/// filled; what comes behind it is another run's.
struct Parts<'t> {
    trace: &'t mut Trace,
    /// How many are still filled before the one that is looked at.
    before: usize,
    /// Whether that one was reached.
    reached: &'t Cell<bool>,
}

impl Parts<'_> {
    fn part<'de, T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, End> {
        if self.reached.get() {
            return Err(end());
        }
        if let Some(before) = self.before.checked_sub(1) {
            self.before = before;
            return self.trace.whole(seed);
        }
        self.reached.set(true);
        seed.deserialize(&mut *self.trace)
    }
}

impl Trace {
    /// Looks at one of the `count` parts of a `T`, each in runs of its own.
    fn parts<T>(
        &mut self,
        count: usize,
        visit: impl FnOnce(Parts<'_>) -> Result<T, End>,
    ) -> Result<T, End> {
        let before = if count == 0 { 0 } else { self.fork(count) };
        self.saw(&before.to_string());
        let (filled, reached) = (self.at, Cell::new(false));
        let value = visit(Parts { trace: &mut *self, before, reached: &reached });
        let tried = self.forks.get(filled..self.at).unwrap_or_default();
        if before > 0 && !reached.get() && tried.iter().all(|fork| fork.taken + 1 >= fork.ways) {
            // Nothing fills what comes before: the compiler's name for it is all that is known of the part.
            self.saw(type_name::<T>());
        }
        value
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = End;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, End> {
        self.part(seed).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = End;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, End> {
        self.part(seed).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, End> {
        self.part(seed)
    }
}

/// A struct of which only one field is there.
struct OneField<'t> {
    trace: &'t mut Trace,
    field: Option<&'static str>,
}

impl<'de> MapAccess<'de> for OneField<'_> {
    type Error = End;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, End> {
        match self.field.take() {
            Some(field) => {
                self.trace.saw(field);
                seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, End> {
        seed.deserialize(&mut *self.trace)
    }
}

struct OneVariant<'t> {
    trace: &'t mut Trace,
    taken: usize,
}

impl<'de> EnumAccess<'de> for OneVariant<'_> {
    type Error = End;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), End> {
        let index = u32::try_from(self.taken).map_err(|_| end())?;
        self.trace.saw(&index.to_string());
        let value = seed.deserialize(U32Deserializer::new(index))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for OneVariant<'_> {
    type Error = End;

    fn unit_variant(self) -> Result<(), End> {
        self.trace.saw("unit variant");
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, End> {
        self.trace.saw("newtype variant");
        seed.deserialize(&mut *self.trace)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, End> {
        self.trace.saw("tuple variant");
        self.trace.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, End> {
        self.trace.deserialize_struct("struct variant", fields, visitor)
    }
}
