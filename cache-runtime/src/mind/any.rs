//! Answers whose type only their callers know: so the protocol is written, and compiled, once for all of them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::spec::{Answer, Kept};
use crate::entry::Body;
use crate::policy::{Codec, Ttl};

/// An answer on its way to a caller that knows its type.
#[derive(Debug)]
pub struct AnyAnswer {
    held: Held,
    lives: Option<Ttl>,
}

#[derive(Debug)]
enum Held {
    Nothing,
    /// Nothing is allocated for these, which most answers are.
    Shared(Arc<dyn Any + Send + Sync>),
    Owned(Box<dyn Any + Send + Sync>),
}

impl AnyAnswer {
    /// The knowledge that there is no value.
    pub(crate) fn nothing() -> Self {
        Self { held: Held::Nothing, lives: None }
    }

    /// A value that is handed out as it is.
    pub(crate) fn shared<T: Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self { held: Held::Shared(value), lives: None }
    }

    /// A value that is its caller's alone.
    pub(crate) fn owned<T: Send + Sync + 'static>(value: T) -> Self {
        Self { held: Held::Owned(Box::new(value)), lives: None }
    }

    /// The same with what its load has said of its lifetime.
    pub(crate) fn living(self, lives: Option<Ttl>) -> Self {
        Self { lives, ..self }
    }

    /// How long this very value lives, where its load has said so.
    pub(crate) fn lives(&self) -> Option<Ttl> {
        self.lives
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.held, Held::Nothing)
    }

    /// The value, if it is of this type.
    pub(crate) fn value<T: 'static>(&self) -> Option<&T> {
        match &self.held {
            Held::Nothing => None,
            Held::Shared(value) => value.downcast_ref(),
            Held::Owned(value) => value.downcast_ref(),
        }
    }

    pub(crate) fn into_shared<T: Send + Sync + 'static>(self) -> Option<Arc<T>> {
        match self.held {
            Held::Shared(value) => value.downcast().ok(),
            Held::Nothing | Held::Owned(_) => None,
        }
    }

    pub(crate) fn into_owned<T: 'static>(self) -> Option<T> {
        match self.held {
            Held::Owned(value) => value.downcast().ok().map(|value| *value),
            Held::Nothing | Held::Shared(_) => None,
        }
    }

    /// The answer again, as who asked for it knows it.
    pub(crate) fn into_answer<A: Answer>(self) -> A::Value {
        #[expect(clippy::expect_used, reason = "a read is given what its own form has made")]
        A::restore(self).expect("an answer of another form")
    }

    /// The same value once more, where that costs next to nothing.
    pub(super) fn again(&self) -> Option<Self> {
        let held = match &self.held {
            Held::Nothing => Held::Nothing,
            Held::Shared(value) => Held::Shared(Arc::clone(value)),
            Held::Owned(_) => return None,
        };
        Some(Self { held, lives: self.lives })
    }

    /// What the tier in the process keeps of it: the value itself where it can be shared, else its bytes.
    pub(super) fn kept(&self, body: &Body) -> Kept {
        match &self.held {
            Held::Nothing => Kept::Nothing,
            Held::Shared(value) => Kept::Shared(Arc::clone(value)),
            Held::Owned(_) => Kept::Encoded(Arc::new(body.clone())),
        }
    }
}

/// What a load comes to, for who does not know its type.
pub(crate) async fn erased<A: Answer, E>(
    load: impl Future<Output = Result<A::Value, E>>,
) -> Result<AnyAnswer, E> {
    load.await.map(A::erase)
}

/// How answers of one type become bodies of entries, and come back from them.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    encode: fn(&AnyAnswer, Codec) -> Option<Body>,
    decode: fn(&Body) -> Option<AnyAnswer>,
}

impl Form {
    pub(crate) fn of<A: Answer>() -> Self {
        Self { encode: A::encode, decode: |body| A::decode(body).map(A::erase) }
    }

    /// The body of the entry; `None` where no codec can carry the value.
    pub(super) fn encode(self, answer: &AnyAnswer, codec: Codec) -> Option<Body> {
        (self.encode)(answer, codec)
    }

    /// The answer again; `None` where the bytes make none.
    pub(crate) fn decode(self, body: &Body) -> Option<AnyAnswer> {
        (self.decode)(body)
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
    use std::time::Duration;

    use super::*;
    use crate::mind::answer::{Optional, Shared, Timed, Whole};

    /// Through erasure alone, and through bytes.
    fn both_ways<A: Answer<Value: Clone + PartialEq + fmt::Debug>>(value: &A::Value) {
        assert_eq!(A::erase(value.clone()).into_answer::<A>(), *value);
        let body = Form::of::<A>().encode(&A::erase(value.clone()), Codec::Postcard).unwrap();
        assert_eq!(Form::of::<A>().decode(&body).unwrap().into_answer::<A>(), *value);
    }

    #[test]
    fn an_answer_comes_back_as_it_went() {
        both_ways::<Whole<u32>>(&7);
        both_ways::<Shared<String>>(&Arc::new("one".to_owned()));
        both_ways::<Optional<Shared<String>>>(&Some(Arc::new("one".to_owned())));
        both_ways::<Optional<Shared<String>>>(&None);
        both_ways::<Optional<Whole<Option<u32>>>>(&Some(None));
        both_ways::<Optional<Timed<Whole<u32>>>>(&Some((7, None)));
    }

    #[test]
    fn what_is_shared_is_handed_out_as_it_is() {
        let value = Arc::new("one".to_owned());
        let answer = Optional::<Shared<String>>::erase(Some(Arc::clone(&value)));
        let kept = answer.kept(&Body::Nothing);
        for given in
            [Optional::<Shared<String>>::recall(kept), Optional::<Shared<String>>::restore(answer)]
        {
            assert!(Arc::ptr_eq(&value, &given.unwrap().unwrap()));
        }
    }

    #[test]
    fn what_its_load_says_of_its_lifetime_goes_with_the_answer_and_not_into_its_bytes() {
        let said = Some(Ttl::After(Duration::from_secs(9)));
        let answer = Timed::<Whole<u32>>::erase((7, said));
        assert_eq!(answer.lives(), said);
        let body = Form::of::<Timed<Whole<u32>>>().encode(&answer, Codec::Postcard).unwrap();
        assert_eq!(Form::of::<Timed<Whole<u32>>>().decode(&body).unwrap().lives(), None);
        assert_eq!(answer.into_answer::<Timed<Whole<u32>>>(), (7, said));
    }

    #[test]
    fn an_answer_of_another_type_is_none() {
        assert!(Whole::<u64>::restore(AnyAnswer::owned(7_u32)).is_none());
        assert!(Shared::<u32>::restore(AnyAnswer::owned(7_u32)).is_none());
        assert!(Whole::<u32>::encode(&AnyAnswer::nothing(), Codec::Postcard).is_none());
    }
}
