//! A configuration as a tree, whatever it was written in; and how it becomes options.

use super::options::{OPTIONS, REFUSED, Spec};
use super::suggest;
use super::{CacheConfig, all_at_once};
use crate::error::{Error, ErrorKind, Result};

/// A value, and where it was written.
#[derive(Debug)]
pub(super) struct Node {
    /// From one on; zero where it is not known.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A value, as far as an option's text goes.
#[derive(Debug)]
pub(super) enum Value {
    /// No value: what is not set.
    Nothing,
    /// A text, a number or a flag, as it was written.
    Scalar(String),
    /// Names, each where it was written, and what they stand for.
    Table(Vec<(String, Node)>),
    /// Something that no option takes, in a word.
    Other(&'static str),
}

/// Where a configuration came from, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a>(pub(super) Option<&'a str>);

impl Origin<'_> {
    /// An error at this line.
    pub(super) fn wrong(self, line: usize, what: &str) -> Error {
        let message = match (self.0, line) {
            (Some(file), 0) => format!("{file}: {what}"),
            (Some(file), line) => format!("{file}, line {line}: {what}"),
            (None, 0) => what.to_owned(),
            (None, line) => format!("line {line}: {what}"),
        };
        Error::new(ErrorKind::Config, message)
    }
}

/// What looks a variable up: for `${NAME}`.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The options in a tree.
pub(super) fn config(root: Node, origin: Origin<'_>, variable: Lookup<'_>) -> Result<CacheConfig> {
    let mut reading = Reading {
        config: CacheConfig::default(),
        origin,
        variable,
        seen: Vec::new(),
        mistakes: Vec::new(),
    };
    let root = own_part(root);
    match root.value {
        Value::Nothing => {}
        Value::Table(entries) => reading.table("", entries),
        _ => return Err(origin.wrong(root.line, "the configuration is no table of options")),
    }
    all_at_once(std::mem::take(&mut reading.mistakes))?;
    reading.is_one_place()?;
    Ok(reading.config)
}

/// The table `cache`, where there is one: the others are somebody else's.
fn own_part(root: Node) -> Node {
    let Node { line, value } = root;
    let Value::Table(mut entries) = value else { return Node { line, value } };
    match entries.iter().position(|(name, _)| name == "cache") {
        Some(at) => entries.swap_remove(at).1,
        None => Node { line, value: Value::Table(entries) },
    }
}

struct Reading<'a> {
    config: CacheConfig,
    origin: Origin<'a>,
    variable: Lookup<'a>,
    /// What was set, and where.
    seen: Vec<(&'static Spec, String, usize)>,
    mistakes: Vec<Error>,
}

impl Reading<'_> {
    fn table(&mut self, within: &str, entries: Vec<(String, Node)>) {
        for (name, node) in entries {
            let path = if within.is_empty() { name } else { format!("{within}.{name}") };
            match node.value {
                Value::Table(entries) if path == "redis" => self.table(&path, entries),
                Value::Nothing if path == "redis" => {}
                value => {
                    let mistake = self.option(&path, node.line, value).err();
                    self.mistakes.extend(mistake);
                }
            }
        }
    }

    fn option(&mut self, path: &str, line: usize, value: Value) -> Result<()> {
        let wrong = |what: &str| Err(self.origin.wrong(line, what));
        if let Some(refused) = REFUSED.iter().find(|refused| refused.paths.contains(&path)) {
            return wrong(&format!("`{path}` is no option here: {}", refused.instead));
        }
        let named = |spec: &&Spec| spec.path == path || spec.also.contains(&path);
        let Some(spec) = OPTIONS.iter().find(named) else {
            if let Value::Table(_) = value
                && let Some(table) = suggest::closest(path, ["cache", "redis"])
            {
                return wrong(&format!("there is no table `{path}`: did you mean `{table}`?"));
            }
            return wrong(&format!("there is no option `{path}`: {}", instead(path)));
        };
        let text = match value {
            Value::Nothing => return Ok(()),
            Value::Scalar(text) => self.substituted(&text, path, line)?,
            Value::Table(_) => {
                return wrong(&format!("`{path}` takes one value, and a table stands there"));
            }
            Value::Other(what) => {
                return wrong(&format!("`{path}` takes one value, and {what} stands there"));
            }
        };
        if let Some((_, other, first)) = self.seen.iter().find(|(seen, ..)| seen.path == spec.path)
        {
            let there = if *first > 0 { format!(" in line {first}") } else { String::new() };
            return wrong(&format!(
                "`{path}` and `{other}`{there} are one option: keep one of the two"
            ));
        }
        self.seen.push((spec, path.to_owned(), line));
        (spec.set)(&mut self.config, text.trim())
            .map_err(|why| self.origin.wrong(line, &format!("`{path}`: {why}")))
    }

    /// The text with each `${NAME}` replaced by that variable.
    fn substituted(&self, text: &str, path: &str, line: usize) -> Result<String> {
        let wrong = |what: String| self.origin.wrong(line, &format!("`{path}`: {what}"));
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            // The rest may be a password: a mistake in it is not shown.
            let Some((name, after)) = after.split_once('}') else {
                let what = "a `${` has no `}`: write `${NAME}`, or `$${` for a `${` that is meant as it is";
                return Err(wrong(what.to_owned()));
            };
            let is_name = !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                let what = "between `${` and `}` stands the name of a variable, of letters, digits and `_`; write \
                            `$${` for a `${` that is meant as it is";
                return Err(wrong(what.to_owned()));
            }
            let value = (self.variable)(name).ok_or_else(|| {
                wrong(format!("the variable {name} is not set: set it, or write the value here"))
            })?;
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Says where the server is in one way alone.
    fn is_one_place(&self) -> Result<()> {
        let among = |paths: &[&str]| self.seen.iter().find(|(spec, ..)| paths.contains(&spec.path));
        let pairs: [(&[&str], &[&str]); 2] = [
            (&["redis.url"], &["redis.addr", "redis.host", "redis.port", "redis.db", "redis.tls"]),
            (&["redis.addr"], &["redis.host", "redis.port"]),
        ];
        for (one, others) in pairs {
            if let (Some((_, one, _)), Some((_, other, line))) = (among(one), among(others)) {
                let what = format!("`{one}` says this already: remove `{other}`, or `{one}`");
                return Err(self.origin.wrong(*line, &what));
            }
        }
        Ok(())
    }
}

/// What to write in place of an option that is none.
fn instead(path: &str) -> String {
    let all =
        || OPTIONS.iter().flat_map(|spec| [spec.path].into_iter().chain(spec.also.iter().copied()));
    // The right name at the wrong place, or a slip.
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    let elsewhere = OPTIONS.iter().map(|spec| spec.path).find(|known| last(known) == last(path));
    match elsewhere.or_else(|| suggest::closest(path, all())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let paths: Vec<&str> = OPTIONS.iter().map(|spec| spec.path).collect();
            format!("there are {}", suggest::quoted(&paths))
        }
    }
}
