//! Which part of a list.

use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

/// A part of a list: so many rows, after so many. Rows come in the order of their ids.
///
/// Ranges are pages: `..` is the whole list, `..20` its first twenty rows, `40..60` twenty rows after forty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    offset: u64,
    limit: Option<u64>,
}

impl Page {
    /// The whole list.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The first `limit` rows.
    #[must_use]
    pub fn limit(limit: u64) -> Self {
        Self { offset: 0, limit: Some(limit) }
    }

    /// The same number of rows, after `offset` others.
    #[must_use]
    pub fn offset(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    pub(super) fn of<'i, T>(&self, all: &'i [T]) -> &'i [T] {
        let len = all.len() as u64;
        let start = self.offset.min(len);
        let end = self.limit.map_or(len, |limit| start.saturating_add(limit).min(len));
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        all.get(place(start)..place(end)).unwrap_or_default()
    }

    /// The page of a list that has no more rows than these.
    pub(super) fn at_most(self, rows: Option<u64>) -> Self {
        let left = rows.map(|rows| rows.saturating_sub(self.offset));
        Self { limit: left.into_iter().chain(self.limit).min(), ..self }
    }

    /// Appends `LIMIT` and `OFFSET` to a query's arguments.
    pub(super) fn bound(self, mut arguments: PgArguments) -> sqlx::Result<PgArguments> {
        let (limit, offset) = self.to_sql();
        arguments.add(limit).and_then(|()| arguments.add(offset)).map_err(sqlx::Error::Encode)?;
        Ok(arguments)
    }

    /// As the arguments of `LIMIT` (`NULL` for no limit) and `OFFSET`.
    fn to_sql(self) -> (Option<i64>, i64) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        (self.limit.map(number), number(self.offset))
    }
}

impl From<RangeFull> for Page {
    fn from(_: RangeFull) -> Self {
        Self::all()
    }
}

impl From<Range<u64>> for Page {
    fn from(range: Range<u64>) -> Self {
        Self::limit(range.end.saturating_sub(range.start)).offset(range.start)
    }
}

impl From<RangeTo<u64>> for Page {
    fn from(range: RangeTo<u64>) -> Self {
        Self::limit(range.end)
    }
}

impl From<RangeFrom<u64>> for Page {
    fn from(range: RangeFrom<u64>) -> Self {
        Self::all().offset(range.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "a reversed range is what is tested")]
    fn a_page_is_a_part_of_the_list_and_never_out_of_it() {
        let all = [0, 1, 2, 3, 4];
        let pages: [(Page, &[i32]); 8] = [
            ((..).into(), &[0, 1, 2, 3, 4]),
            ((..2).into(), &[0, 1]),
            ((3..).into(), &[3, 4]),
            ((1..3).into(), &[1, 2]),
            ((4..9).into(), &[4]),
            ((9..12).into(), &[]),
            ((3..1).into(), &[]),
            (Page::limit(u64::MAX).offset(1), &[1, 2, 3, 4]),
        ];
        for (page, rows) in pages {
            assert_eq!(page.of(&all), rows, "{page:?}");
        }
    }
}
