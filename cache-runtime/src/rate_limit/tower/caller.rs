//! Whose call it is.

use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri};

/// What can be known of a request without its body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Head<'r> {
    /// The method.
    pub method: &'r Method,
    /// The target.
    pub uri: &'r Uri,
    /// The header fields.
    pub headers: &'r HeaderMap,
    /// What the server and other layers have put there: the peer's address, a session.
    pub extensions: &'r Extensions,
}

impl<'r> Head<'r> {
    pub(super) fn of<B>(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

/// Tells whose call a request is: the key that it is counted under.
///
/// Closures do, for what other layers have found out, as the user of a session:
///
/// ```
/// use cache_runtime::tower::{Caller, Head};
///
/// #[derive(Clone)]
/// struct User(u64);
///
/// fn is_caller<C: Caller>(_: C) {}
/// is_caller(|head: &Head<'_>| head.extensions.get::<User>().map(|user| format!("user {}", user.0)));
/// ```
pub trait Caller: Clone + Send + Sync + 'static {
    /// The key; `None` where the request does not tell. Such requests are counted together, as one caller's: whoever leaves
    /// something out must not get around the limit by that.
    fn key(&self, head: &Head<'_>) -> Option<String>;
}

impl<F> Caller for F
where
    F: Fn(&Head<'_>) -> Option<String> + Clone + Send + Sync + 'static,
{
    fn key(&self, head: &Head<'_>) -> Option<String> {
        self(head)
    }
}

/// By a header field that clients are given a value for, as an API key. Whoever may choose the value may choose another one
/// for each call: check it before this layer.
#[derive(Clone, Debug)]
pub struct HeaderKey(HeaderName);

impl HeaderKey {
    /// By this field.
    #[must_use]
    pub fn new(name: HeaderName) -> Self {
        Self(name)
    }
}

impl Caller for HeaderKey {
    /// `None` too where the field stands there twice.
    fn key(&self, head: &Head<'_>) -> Option<String> {
        let mut values = head.headers.get_all(&self.0).iter();
        let (value, more) = (values.next()?, values.next());
        let value = value.as_bytes();
        let text = || format!("{}:{}", self.0, value.escape_ascii());
        (more.is_none() && !value.is_empty()).then(text)
    }
}
