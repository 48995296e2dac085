//! The layer, and the service that it makes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::caller::{Caller, Head};
use super::fields;
use crate::rate_limit::RateLimit;

/// What requests are counted under that do not tell whose they are. Nothing in a request's head has a character of zero.
const NOBODY: &str = "\0nobody";

/// Puts a [`RateLimit`] in front of a service.
#[derive(Clone)]
pub struct RateLimitLayer<C> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    limit: RateLimit,
    callers: C,
    exempt: Option<Exempt>,
    cost: Option<Cost>,
    /// `RateLimit-Policy`, which is the same on each response.
    policy: Option<HeaderValue>,
}

type Exempt = Arc<dyn Fn(&Head<'_>) -> bool + Send + Sync>;
type Cost = Arc<dyn Fn(&Head<'_>) -> u64 + Send + Sync>;

impl<C: Caller> RateLimitLayer<C> {
    /// Counts each request under the key that `callers` finds in it.
    pub fn new(limit: RateLimit, callers: C) -> Self {
        let policy = fields::policy(limit.rules());
        Self { shared: Arc::new(Shared { limit, callers, exempt: None, cost: None, policy }) }
    }

    /// Lets some requests pass, uncounted: those of a monitor, or of one's own network.
    #[must_use]
    pub fn exempt(self, exempt: impl Fn(&Head<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(|shared| shared.exempt = Some(Arc::new(exempt)))
    }

    /// Counts a request as several, by what it asks for. One that asks for nothing counts as 1, and one that counts for more than
    /// the limit admits at once as all of that.
    #[must_use]
    pub fn cost(self, cost: impl Fn(&Head<'_>) -> u64 + Send + Sync + 'static) -> Self {
        self.with(|shared| shared.cost = Some(Arc::new(cost)))
    }

    fn with(self, change: impl FnOnce(&mut Shared<C>)) -> Self {
        let old = &*self.shared;
        let mut shared = Shared {
            limit: old.limit.clone(),
            callers: old.callers.clone(),
            exempt: old.exempt.clone(),
            cost: old.cost.clone(),
            policy: old.policy.clone(),
        };
        change(&mut shared);
        Self { shared: Arc::new(shared) }
    }
}

impl<S, C> Layer<S> for RateLimitLayer<C> {
    type Service = RateLimitService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService { inner, shared: Arc::clone(&self.shared) }
    }
}

/// A service with a [`RateLimit`] in front of it, made by a [`RateLimitLayer`].
pub struct RateLimitService<S, C> {
    inner: S,
    shared: Arc<Shared<C>>,
}

impl<S: Clone, C> Clone for RateLimitService<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

/// What one request comes to before it is decided about.
struct Call {
    key: String,
    cost: u64,
    exempt: bool,
}

impl<C: Caller> Shared<C> {
    fn call(&self, head: &Head<'_>) -> Call {
        let exempt = self.exempt.as_ref().is_some_and(|exempt| exempt(head));
        let key = self.callers.key(head).filter(|key| !key.is_empty());
        let key = key.unwrap_or_else(|| NOBODY.to_owned());
        let most = self.limit.rules().iter().map(|rule| rule.quota().at_once()).min();
        let cost = self.cost.as_ref().map_or(1, |cost| cost(head)).clamp(1, most.unwrap_or(1));
        Call { key, cost, exempt }
    }
}

impl<S, C, B, R> Service<Request<B>> for RateLimitService<S, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    C: Caller,
    B: Send + 'static,
    R: From<Bytes> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready is used up by this call; its clone has to become so.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let shared = Arc::clone(&self.shared);
        let call = shared.call(&Head::of(&request));
        Box::pin(async move {
            if call.exempt {
                return inner.call(request).await;
            }
            let decision = match shared.limit.check_n(&call.key, call.cost).await {
                Ok(decision) => decision,
                Err(error) => {
                    let limit = shared.limit.name();
                    tracing::error!(limit, %error, "a rate limit refused to decide about a request");
                    return Ok(fields::broken());
                }
            };
            let rules = shared.limit.rules();
            let mut response = match decision.admitted {
                true => inner.call(request).await?,
                false => fields::denial(rules, &decision),
            };
            fields::tell(response.headers_mut(), shared.policy.as_ref(), rules, &decision);
            Ok(response)
        })
    }
}

impl<C: fmt::Debug> fmt::Debug for RateLimitLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limit", &self.shared.limit)
            .field("callers", &self.shared.callers)
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, C> fmt::Debug for RateLimitService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitService")
            .field("limit", &self.shared.limit)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
