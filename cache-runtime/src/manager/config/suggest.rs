//! "Did you mean …?"

/// What follows "there is no … `word`": the candidate that was probably meant, else all of them.
pub(crate) fn instead<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match (closest(word, candidates.iter().copied()), candidates.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "there is none to choose from".to_owned(),
        (None, [only]) => format!("there is only `{only}`"),
        (None, all) => format!("there are {}", quoted(all)),
    }
}

/// The candidate that `word` is a slip of, if there is one.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .iter()
        .copied()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        .or_else(|| candidates.iter().copied().find(|candidate| begins(word, candidate)))
}

/// Whether one of the words begins with the other.
fn begins(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.len() > 1 && long.starts_with(short)
}

/// `` `a`, `b` and `c` ``
pub(crate) fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour to turn one word into the
/// other (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut last_letter = None;
    for (row, letter) in from.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut left = row + 1;
        let mut other_before = None;
        for (column, &other) in to.iter().enumerate() {
            let at =
                |cells: &[usize], place: usize| cells.get(place).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (at(&last, column) + usize::from(letter != other))
                .min(at(&last, column + 1) + 1)
                .min(left + 1);
            if last_letter == Some(other) && other_before == Some(letter) {
                cost = cost.min(at(&before_last, column.wrapping_sub(1)) + 1);
            }
            current.push(cost);
            left = cost;
            other_before = Some(other);
        }
        before_last = std::mem::replace(&mut last, current);
        last_letter = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{closest, distance, instead};

    #[test]
    fn distances_count_swapped_neighbours_once() {
        assert_eq!(distance("ttl", "ttl"), 0);
        assert_eq!(distance("tll", "ttl"), 1);
        assert_eq!(distance("enitty", "entity"), 1);
        assert_eq!(distance("", "ttl"), 3);
        assert_eq!(distance("uniqe", "unique"), 1);
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let options = ["entity", "ttl", "negative_ttl", "unique"];
        assert_eq!(closest("tll", options), Some("ttl"));
        assert_eq!(closest("negativ_tl", options), Some("negative_ttl"));
        assert_eq!(closest("time", options), None);
        assert_eq!(closest("negative", options), Some("negative_ttl"));
    }

    #[test]
    fn without_a_near_word_all_are_listed() {
        assert_eq!(instead("tll", ["ttl", "tags"]), "did you mean `ttl`?");
        assert_eq!(instead("expires", ["ttl", "tags"]), "there are `ttl` and `tags`");
    }
}
