//! Whether a tag was probably meant to be another.

use super::{LONGEST, VALUE};

/// As many slips as the longest tag may have and still be taken for another.
const MOST_SLIPS: usize = 2;

pub(super) const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    one.len() == other.len()
}

/// Whether a tag is another but for a slip or two, case aside.
pub(super) const fn slipped(tag: &[u8], own: &[u8]) -> bool {
    if tag.len() > LONGEST || own.len() > LONGEST {
        return false;
    }
    let shorter = if tag.len() < own.len() { tag.len() } else { own.len() };
    let slips = match shorter {
        0..4 => 0,
        4..8 => 1,
        _ => MOST_SLIPS,
    };
    distance(tag, own) <= slips
}

/// Whether a tag is a table's but for its schema, or its number.
pub(super) const fn of_table(tag: &[u8], table: &[u8]) -> bool {
    qualified(tag, table) || qualified(table, tag) || plural(tag, table) || plural(table, tag)
}

/// `geo.cities` and `cities`
const fn qualified(whole: &[u8], name: &[u8]) -> bool {
    let mut at = 0;
    while at < whole.len() {
        if whole[at] == b'.' {
            return same(whole.split_at(at).1.split_at(1).1, name);
        }
        at += 1;
    }
    false
}

/// `city` or `citys`, and `cities`: the plural that is further away than a slip.
const fn plural(one: &[u8], many: &[u8]) -> bool {
    let ([stem @ .., b'y'] | [stem @ .., b'y', b's']) = one else {
        return false;
    };
    let Some((start, end)) = many.split_at_checked(stem.len()) else {
        return false;
    };
    same(stem, start) && same(end, b"ies")
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour to turn one into the other, their
/// case aside (optimal string alignment); some number above `MOST_SLIPS` where it is above. Both are of `LONGEST` at most.
const fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut table = [[LONGEST; LONGEST + 1]; LONGEST + 1];
    table[0][0] = 0;
    let mut row = 0;
    while row <= from.len() {
        // Further from the diagonal it takes more slips than are asked for.
        let mut column = row.saturating_sub(MOST_SLIPS);
        while column <= to.len() && column <= row + MOST_SLIPS {
            if row > 0 {
                let left_out = table[row - 1][column] + slip(from[row - 1]);
                table[row][column] = min(table[row][column], left_out);
            }
            if column > 0 {
                let put_in = table[row][column - 1] + slip(to[column - 1]);
                table[row][column] = min(table[row][column], put_in);
            }
            if row > 0 && column > 0 {
                let replaced = table[row - 1][column - 1] + instead(from[row - 1], to[column - 1]);
                table[row][column] = min(table[row][column], replaced);
            }
            if row > 1
                && column > 1
                && instead(from[row - 1], to[column - 2]) == 0
                && instead(from[row - 2], to[column - 1]) == 0
            {
                let swapped =
                    table[row - 2][column - 2] + max(slip(from[row - 1]), slip(from[row - 2]));
                table[row][column] = min(table[row][column], swapped);
            }
            column += 1;
        }
        row += 1;
    }
    table[from.len()][to.len()]
}

/// What it costs to write one letter in the place of the other.
const fn instead(one: u8, other: u8) -> usize {
    if one.eq_ignore_ascii_case(&other) { 0 } else { max(slip(one), slip(other)) }
}

/// Values and digits tell tags apart on purpose: one of them more, less or other is no slip.
const fn slip(letter: u8) -> usize {
    if letter == VALUE || letter.is_ascii_digit() { LONGEST } else { 1 }
}

const fn max(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

const fn min(one: usize, other: usize) -> usize {
    if one < other { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::{distance, of_table, slipped};

    #[test]
    fn a_slip_is_recognised() {
        for (tag, own) in [
            ("Cities", "cities"),
            ("CITIES", "cities"),
            ("Cat", "cat"),
            ("ctiies", "cities"),
            ("item", "items"),
            ("contry:\0", "country:\0"),
            ("order_itmes", "order_items"),
            ("odrer_itmes", "order_items"),
        ] {
            assert!(slipped(tag.as_bytes(), own.as_bytes()), "{tag} {own}");
        }
    }

    #[test]
    fn another_tag_is_no_slip() {
        let long = "a".repeat(65);
        for (tag, own) in [
            ("countries", "cities"),
            ("a", "b"),
            ("cat", "car"),
            ("cities:\0", "cities"),
            ("country:\0", "country:\0:\0"),
            ("country:NO", "country:\0"),
            ("country:\0", "country:N"),
            ("shard:12", "shard:13"),
            ("shard:1", "shard:12"),
            ("shard:12", "shard:21"),
            (&long, &long),
        ] {
            assert!(!slipped(tag.as_bytes(), own.as_bytes()), "{tag} {own}");
        }
    }

    #[test]
    fn a_table_is_recognised_without_its_schema_and_in_the_other_number() {
        for (tag, table, found) in [
            ("cities", "geo.cities", true),
            ("public.cities", "cities", true),
            ("citys", "cities", true),
            ("city", "cities", true),
            ("cities", "city", true),
            ("old.cities", "geo.cities", false),
            ("geo.rivers", "geo.cities", false),
            ("flies", "cities", false),
            ("", "", false),
        ] {
            assert_eq!(of_table(tag.as_bytes(), table.as_bytes()), found, "{tag} {table}");
        }
    }

    #[test]
    fn distances_count_swapped_neighbours_once() {
        assert_eq!(distance(b"cities", b"cities"), 0);
        assert_eq!(distance(b"", b"ab"), 2);
        assert!(distance(b"", b"abc") > 2);
        assert_eq!(distance(b"ab", b"BA"), 1);
        assert_eq!(distance(b"citys", b"cities"), 2);
        assert_eq!(distance(b"rivers", b"rvres"), 2);
    }
}
