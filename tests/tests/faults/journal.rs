//! Everything that is logged on this thread while a test runs, at every level, by whomever.
//!
//! One subscriber serves all threads: with one for each, tracing may take the absence of another thread's for its own.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[derive(Clone, Debug)]
pub struct Line {
    pub level: Level,
    pub target: &'static str,
    pub text: String,
}

type Lines = Arc<Mutex<Vec<Line>>>;

thread_local! {
    static HERE: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// Listens until it is dropped. The test's tasks have to run on the test's own thread.
pub struct Journal {
    lines: Lines,
}

struct Writer;

impl Drop for Journal {
    fn drop(&mut self) {
        HERE.set(None);
    }
}

impl Journal {
    pub fn begin() -> Self {
        static LISTEN: Once = Once::new();
        LISTEN.call_once(|| {
            tracing::subscriber::set_global_default(Writer).expect("nobody else listens");
        });
        let lines = Lines::default();
        HERE.set(Some(Arc::clone(&lines)));
        Self { lines }
    }

    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().expect("no poison").clone()
    }

    /// What this project says at this level.
    pub fn said(&self, level: Level) -> Vec<String> {
        let ours = |line: &Line| line.level == level && line.target.starts_with("cache_runtime");
        self.lines().into_iter().filter(ours).map(|line| line.text).collect()
    }

    pub fn warnings(&self) -> Vec<String> {
        self.said(Level::WARN)
    }

    /// Fails where any line, at any level and from any crate, has one of these words.
    pub fn keeps_secret(&self, words: &[&str]) {
        for line in self.lines() {
            for word in words {
                assert!(!line.text.contains(word), "{word} is in the log: {line:?}");
            }
        }
    }
}

impl Subscriber for Writer {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = String::new();
        attributes.record(&mut Text(&mut text));
        self.keep(attributes.metadata(), text);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Text(&mut text));
        self.keep(event.metadata(), text);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Writer {
    fn keep(&self, metadata: &Metadata<'static>, text: String) {
        let line = Line { level: *metadata.level(), target: metadata.target(), text };
        HERE.with_borrow(|here| {
            if let Some(lines) = here {
                lines.lock().expect("no poison").push(line);
            }
        });
    }
}

struct Text<'t>(&'t mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{}={value} ", field.name());
    }
}
