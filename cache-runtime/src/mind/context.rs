//! What every reader and writer under one manager shares.

use std::sync::Arc;

use super::complaints::Complaints;
use super::tasks::Tasks;
use crate::clock::Clock;
use crate::error::Error;
use crate::key::{Key, Namespace};
use crate::policy::Policy;
use crate::port::{CoherentCache, Observer, Step};

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) cache: Arc<dyn CoherentCache>,
    pub(crate) namespace: Namespace,
    pub(crate) policy: Policy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) complaints: Complaints,
    pub(crate) tasks: Tasks,
}

impl Context {
    /// Tells the observer, if there is one, that `step` is about to be taken.
    pub(crate) async fn before(&self, step: Step, key: &Key) {
        if let Some(observer) = &self.observer {
            observer.before(step, key).await;
        }
    }

    pub(crate) async fn before_each(&self, step: Step, keys: &[Key]) {
        if let Some(observer) = &self.observer {
            for key in keys {
                observer.before(step, key).await;
            }
        }
    }

    pub(crate) fn complain(&self, doing: &'static str, error: &Error) {
        self.complaints.hear(&*self.clock, doing, error);
    }
}
