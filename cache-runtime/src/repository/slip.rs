//! Tags that were probably misspelt, found while the program is compiled: a value under a tag that nobody invalidates
//! would be old to its TTL, and nothing would say so.
#![expect(
    clippy::indexing_slicing,
    reason = "constants have no iterators: each index is below a length that was asked"
)]

mod near;

use near::{of_table, same, slipped};

use super::config::{CachedRepository, TagPiece};
use crate::postgres::Entity;

/// A tag up to this length is compared; a longer one is taken as it is.
const LONGEST: usize = 64;

/// Stands for a value in a tag.
const VALUE: u8 = 0;

/// Fails to compile where `tag`, one of a method's tags `all`, is no tag of the repository and nearly one of them, and
/// that one is not among `all`. A value in a tag is written as a zero byte.
///
/// # Panics
/// For such a tag: the program then does not compile.
#[track_caller]
#[expect(clippy::panic, reason = "it stops the compiler, not a program")]
pub const fn check_tag<R: CachedRepository>(tag: &str, all: &[&str]) {
    let known = R::CONFIG.tags.len() + 1;
    let mut number = 0;
    while number < known {
        if same(own::<R>(number).bytes(), tag.as_bytes()) {
            return;
        }
        number += 1;
    }
    number = 0;
    while number < known {
        let own = own::<R>(number);
        let (tag, own) = (tag.as_bytes(), own.bytes());
        let nearly = slipped(tag, own) || (number == 0 && of_table(tag, own));
        if nearly && !contains(all, own) {
            let message = message(tag, own);
            match str::from_utf8(message.bytes()) {
                Ok(message) => panic!("{}", message),
                Err(_) => panic!("this is no tag of the repository, and nearly one"),
            }
        }
        number += 1;
    }
}

/// The table's tag is number 0, and those of `tags(…)` follow.
const fn own<R: CachedRepository>(number: usize) -> Text<{ LONGEST + 1 }> {
    let mut text = Text::new();
    if number == 0 {
        text.push(R::Entity::TABLE.as_bytes());
        return text;
    }
    let pieces = R::CONFIG.tags[number - 1].pieces;
    let mut piece = 0;
    while piece < pieces.len() {
        match pieces[piece] {
            TagPiece::Text(fixed) => text.push(fixed.as_bytes()),
            TagPiece::Column(_) => text.push(&[VALUE]),
        }
        piece += 1;
    }
    text
}

const fn message(tag: &[u8], own: &[u8]) -> Text<512> {
    let mut text = Text::new();
    text.push(b"`");
    text.push_shown(tag);
    text.push(b"` is no tag of this repository: did you mean `");
    text.push_shown(own);
    text.push(b"`? If it is another repository's, name both");
    text
}

/// Bytes up to a number of them; what is beyond is dropped.
struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    const fn bytes(&self) -> &[u8] {
        self.bytes.split_at(self.length).0
    }

    const fn push(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() && self.length < N {
            self.bytes[self.length] = bytes[at];
            self.length += 1;
            at += 1;
        }
    }

    /// With `{…}` for values.
    const fn push_shown(&mut self, tag: &[u8]) {
        let mut at = 0;
        while at < tag.len() {
            if tag[at] == VALUE {
                self.push("{…}".as_bytes());
            } else {
                self.push(&[tag[at]]);
            }
            at += 1;
        }
    }
}

const fn contains(all: &[&str], tag: &[u8]) -> bool {
    let mut at = 0;
    while at < all.len() {
        if same(all[at].as_bytes(), tag) {
            return true;
        }
        at += 1;
    }
    false
}
