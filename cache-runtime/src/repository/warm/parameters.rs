//! How many parameters a condition names.

/// The highest `n` of the `$n` in a piece of SQL; zero where there is none. What stands in quotes and in comments, and a `$`
/// within a name, is no parameter. What Postgres would not take either is read as well as it goes.
pub(super) fn highest(sql: &str) -> usize {
    let mut rest = sql;
    let mut highest = 0;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        let in_name = before.is_alphanumeric() || matches!(before, '_' | '$');
        rest = match letter {
            // Within `E'…'` a backslash takes away the meaning of what follows.
            '\'' if matches!(before, 'e' | 'E') => behind_escaped(after),
            // Two quotes stand for one: the second begins a text that ends at once, or goes on.
            '\'' | '"' => behind(after, letter.encode_utf8(&mut [0; 4])),
            '-' if after.starts_with('-') => behind(after, "\n"),
            '/' if after.starts_with('*') => behind_comment(after),
            '$' if in_name => after,
            '$' => {
                let digits = after.find(|one: char| !one.is_ascii_digit()).unwrap_or(after.len());
                let (number, behind_number) = after.split_at(digits);
                if number.is_empty() {
                    behind_dollars(after)
                } else {
                    highest = highest.max(number.parse().unwrap_or(usize::MAX));
                    behind_number
                }
            }
            _ => after,
        };
        before = letter;
    }
    highest
}

/// What follows the next `end`; nothing where there is none.
fn behind<'s>(sql: &'s str, end: &str) -> &'s str {
    sql.split_once(end).map_or("", |(_, rest)| rest)
}

fn behind_escaped(sql: &str) -> &str {
    let mut escaped = false;
    for (at, letter) in sql.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return sql.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

/// Behind a comment whose `/` was read; such comments may stand within each other.
fn behind_comment(sql: &str) -> &str {
    let mut depth = 0_usize;
    let mut rest = sql.get(1..).unwrap_or_default();
    loop {
        let Some(at) = rest.find(['*', '/']) else { return "" };
        let (_, here) = rest.split_at(at);
        let closes = here.starts_with("*/");
        if closes && depth == 0 {
            return here.get(2..).unwrap_or_default();
        }
        let opens = here.starts_with("/*");
        depth = if closes { depth - 1 } else { depth + usize::from(opens) };
        rest = here.get(if closes || opens { 2 } else { 1 }..).unwrap_or_default();
    }
}

/// Behind a text in `$tag$ … $tag$`, whose first `$` was read; behind that `$` alone where it begins none.
fn behind_dollars(sql: &str) -> &str {
    let is_tag = |tag: &str| tag.chars().all(|one| one.is_alphanumeric() || one == '_');
    match sql.split_once('$') {
        Some((tag, text)) if is_tag(tag) => behind(text, &format!("${tag}$")),
        _ => sql,
    }
}

#[cfg(test)]
mod tests {
    use super::highest;

    #[test]
    fn the_highest_number_counts_however_often_it_stands_there() {
        assert_eq!(highest("population > 5"), 0);
        assert_eq!(highest("id >= $1"), 1);
        assert_eq!(highest("a = $2 OR b=$1 OR c=$2::int8"), 2);
        assert_eq!(highest("a = $12"), 12);
        assert_eq!(highest("a = $99999999999999999999999"), usize::MAX);
    }

    #[test]
    fn what_is_quoted_or_a_comment_or_part_of_a_name_is_no_parameter() {
        assert_eq!(highest("a = '$7' AND b = $1"), 1);
        assert_eq!(highest("a = 'it''s $7' AND b = $1"), 1);
        assert_eq!(highest(r"a = E'it\'s $7' AND b = $1"), 1);
        assert_eq!(highest(r"a = '\' AND b = $1"), 1);
        assert_eq!(highest("\"price in $7\" = $1"), 1);
        assert_eq!(highest("a = $$ $7 $$ AND b = $1"), 1);
        assert_eq!(highest("a = $t$ $7 $$ $8 $t$ AND b = $1"), 1);
        assert_eq!(highest("a = $1 -- and $7\n OR b = 2"), 1);
        assert_eq!(highest("/* $7 /* $8 */ $9 */ a = $1"), 1);
        assert_eq!(highest("a$7 = $1"), 1);
        assert_eq!(highest("a = $1 /* $7"), 1);
    }
}
