//! What an example could not do, and why.

use std::error::Error;
use std::fmt;

/// What was attempted, and what came in the way.
#[derive(Debug)]
pub struct Failure {
    attempt: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// For `map_err`: names what was attempted.
pub fn failed<E: Into<Box<dyn Error + Send + Sync>>>(
    attempt: impl Into<String>,
) -> impl FnOnce(E) -> Failure {
    move |error| Failure { attempt: attempt.into(), source: Some(error.into()) }
}

impl Failure {
    /// A failure that lies beneath no other.
    pub fn new(attempt: impl Into<String>) -> Self {
        Self { attempt: attempt.into(), source: None }
    }

    /// The failure and all its causes, a line each. A cause that its parent has quoted is left out.
    #[must_use]
    pub fn report(&self) -> String {
        let mut report = self.to_string();
        let mut last = report.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = text(error);
            if !last.contains(&text) {
                report.push_str("\n  because: ");
                report.push_str(&text);
                last = text;
            }
            cause = match error.downcast_ref() {
                // Beneath it is the same once more.
                Some(sqlx::Error::Database(_)) => None,
                _ => error.source(),
            };
        }
        report
    }
}

/// What Postgres says, without the line of its own source that sqlx adds.
fn text(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(sqlx::Error::Database(error)) => error.message().to_owned(),
        _ => error.to_string(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempt)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
