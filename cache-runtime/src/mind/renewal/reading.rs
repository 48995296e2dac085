//! What renewals add to a read.

use std::future::Future;

use crate::mind::any::AnyAnswer;
use crate::mind::loads::{Loads, Turn};
use crate::mind::look::Hit;
use crate::mind::reader::Reader;
use crate::mind::soft::Work;
use crate::mind::spec::Spec;

impl Reader<'_> {
    /// A hit, which is renewed where it is time.
    pub(in crate::mind) async fn hit<E, F, Fut>(
        self,
        spec: &Spec,
        Hit { value, seen, .. }: Hit,
        (load, carry): Work<F, Fut, Result<AnyAnswer, E>>,
    ) -> AnyAnswer
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        let Some(seen) = seen.filter(|seen| seen.is_due(spec)) else { return value };
        match carry {
            Some(carry) => {
                // The turn is the renewal's, which holds it until this has ended.
                self.renew_behind(spec, seen, carry(load(Loads::nested())));
                value
            }
            None => self.renew_here(spec, seen, load).await.unwrap_or(value),
        }
    }
}
