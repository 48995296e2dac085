//! Patterns: which keys of one namespace are meant.

use std::fmt;
use std::sync::Arc;

use super::{Key, Namespace, text};
use crate::error::{Error, ErrorKind, Result};

/// More of them than anyone means; each makes a server that looks through its keys look longer at every one.
const MOST_STARS: usize = 16;

/// A glob over the keys of one namespace, in Redis's dialect.
///
/// | in the glob | matches |
/// |---|---|
/// | `*` | any bytes, or none |
/// | `?` | any one byte: a letter beyond ASCII has several |
/// | `[abc]`, `[a-z]` | one of these bytes |
/// | `[^a]` | any byte but these |
/// | `\x` | `x` itself, also within brackets |
/// | anything else | itself |
///
/// The glob is matched against what follows `namespace:` in a key, so no glob reaches the keys of another namespace.
/// Keys are matched as they are written: a [value](super::KeyBuilder::value) begins with `=`, and what is special in a
/// glob never stands in a key as it is ([`literal`](Self::literal) gives a text as keys have it).
///
/// ```
/// use cache_runtime::{Namespace, Pattern};
///
/// let shop = Namespace::new("shop")?;
/// let pattern = Pattern::new(&shop, "users:=4?")?;
/// assert!(pattern.matches(&shop.key().text("users").value(&42).finish()?));
/// assert!(!pattern.matches(&shop.key().text("users").value(&421).finish()?));
/// assert!(!pattern.matches(&Namespace::new("shop2")?.key().text("users").value(&42).finish()?));
/// assert!(Pattern::new(&shop, "users:[=4").is_err());
/// # Ok::<(), cache_runtime::Error>(())
/// ```
#[derive(Clone)]
pub struct Pattern {
    /// `namespace:`, as keys have it.
    head: Arc<str>,
    /// The whole, for `SCAN`.
    glob: Arc<str>,
    /// What follows the head.
    pieces: Arc<[Piece]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Many,
    One,
    Byte(u8),
    Class { not: bool, ranges: Vec<(u8, u8)> },
}

impl Pattern {
    /// The keys of `namespace` whose text behind the namespace's name matches `glob`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config), with the place, for a glob that is empty, has a bracket or a range without an
    /// end, an empty bracket, a backslash with nothing behind it, a letter beyond ASCII in brackets (which match one
    /// byte), or more than 16 `*`.
    pub fn new(namespace: &Namespace, glob: &str) -> Result<Self> {
        let pieces = parse(glob).map_err(|(place, what)| {
            let shown: String = glob.chars().take(60).collect();
            let message = format!("the pattern \"{shown}\" {what} (byte {place})");
            Error::new(ErrorKind::Config, message)
        })?;
        let head: Arc<str> = format!("{}:", namespace.as_str()).into();
        let mut whole = String::with_capacity(head.len() + glob.len());
        for character in head.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\') {
                whole.push('\\');
            }
            whole.push(character);
        }
        whole.push_str(glob);
        Ok(Self { head, glob: whole.into(), pieces: pieces.into() })
    }

    /// A text as keys have it, to be put into a glob: it matches itself and nothing else.
    #[must_use]
    pub fn literal(text: &str) -> String {
        let mut literal = String::with_capacity(text.len());
        text::escape(text, &mut literal);
        literal
    }

    /// The whole pattern as the server sees it, for `SCAN`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.glob
    }

    /// The name of the namespace, as it stands at the head of each key.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.head.trim_end_matches(':')
    }

    /// Whether `key` is one of those that are meant.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        key.as_str().strip_prefix(&*self.head).is_some_and(|rest| self.covers(rest.as_bytes()))
    }

    /// Takes back the last `*` alone, and so takes no longer than the glob's length times that of the text.
    fn covers(&self, text: &[u8]) -> bool {
        let (mut piece, mut at) = (0, 0);
        // The last star, and how far it has been tried.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match (self.pieces.get(piece), text.get(at)) {
                (None, None) => return true,
                (Some(Piece::Many), _) => {
                    star = Some((piece, at));
                    piece += 1;
                    continue;
                }
                (Some(one), Some(byte)) if one.matches(*byte) => {
                    (piece, at) = (piece + 1, at + 1);
                    continue;
                }
                _ => {}
            }
            match &mut star {
                Some((of, tried)) if *tried < text.len() => {
                    *tried += 1;
                    (piece, at) = (*of + 1, *tried);
                }
                _ => return false,
            }
        }
    }
}

impl Piece {
    /// Whether it takes this byte. A star takes any, but not only one.
    fn matches(&self, byte: u8) -> bool {
        match self {
            Self::Many | Self::One => true,
            Self::Byte(own) => *own == byte,
            Self::Class { not, ranges } => {
                let within = ranges.iter().any(|(first, last)| (*first..=*last).contains(&byte));
                within != *not
            }
        }
    }
}

/// What is wrong with a glob, and at which byte.
type Wrong = (usize, &'static str);

fn parse(glob: &str) -> Result<Vec<Piece>, Wrong> {
    let glob = glob.as_bytes();
    if glob.is_empty() {
        return Err((0, "is empty: `*` matches every key of the namespace"));
    }
    let (mut pieces, mut stars, mut at) = (Vec::with_capacity(glob.len()), 0, 0);
    while let Some(byte) = glob.get(at) {
        let piece = match byte {
            b'*' => {
                stars += 1;
                Piece::Many
            }
            b'?' => Piece::One,
            b'[' => {
                let (class, end) = class(glob, at)?;
                at = end;
                class
            }
            b'\\' => {
                at += 1;
                let Some(escaped) = glob.get(at) else {
                    return Err((at - 1, "ends with a backslash: write `\\\\` for one"));
                };
                Piece::Byte(*escaped)
            }
            other => Piece::Byte(*other),
        };
        if stars > MOST_STARS {
            return Err((at, "has more than 16 `*`: use fewer"));
        }
        pieces.push(piece);
        at += 1;
    }
    Ok(pieces)
}

/// The bracket that opens at `open`, and the place of the one that closes it.
fn class(glob: &[u8], open: usize) -> Result<(Piece, usize), Wrong> {
    let unclosed = (open, "has a `[` that is not closed: write `\\[` for a bracket");
    let unended = "has a range without an end: write `\\-` for a dash, or put it first";
    let mut at = open + 1;
    let not = glob.get(at) == Some(&b'^');
    at += usize::from(not);
    let mut ranges = Vec::new();
    loop {
        let range = match glob.get(at).ok_or(unclosed)? {
            b']' if ranges.is_empty() => {
                return Err((open, "has brackets with nothing in them: write `\\[` for a bracket"));
            }
            b']' => return Ok((Piece::Class { not, ranges }, at)),
            b'\\' => {
                at += 1;
                let escaped = *glob.get(at).ok_or(unclosed)?;
                (escaped, escaped)
            }
            first if glob.get(at + 1) == Some(&b'-') => {
                let last = match glob.get(at + 2).ok_or(unclosed)? {
                    b']' | b'\\' => return Err((at, unended)),
                    last => *last,
                };
                at += 2;
                // Redis takes them either way round.
                (*first.min(&last), *first.max(&last))
            }
            single => (*single, *single),
        };
        if !range.0.is_ascii() || !range.1.is_ascii() {
            let what = "has a letter beyond ASCII in brackets, which match one byte: write it outside of them";
            return Err((at, what));
        }
        ranges.push(range);
        at += 1;
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.glob == other.glob
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.glob)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests;
