//! Which modules of its own crate a source file names.
//!
//! No parser of Rust, only as much of one as the question needs: comments and test modules are
//! blanked, then every `crate::…` and every `super::…` that climbs to the root is followed,
//! groups included.

/// A path below the crate's root, and the line it stands on.
pub(crate) type Named = (usize, Vec<String>);

/// The paths that `source`, the file of `module`, names outside comments and tests.
pub(crate) fn named(source: &str, module: &[&str]) -> Vec<Named> {
    let code = blanked(source);
    let mut found = Vec::new();
    for (at, word) in words(&code) {
        let rest = &code[at + word.len()..];
        let Some(rest) = rest.strip_prefix("::") else {
            continue;
        };
        let before = &code[..at];
        // `$crate::` stands in a macro's body and is resolved elsewhere; `x::super` is no start.
        if before.ends_with('$') || before.ends_with("::") {
            continue;
        }
        let rest = match word {
            "crate" => rest,
            "super" => match climbed(rest, module) {
                Some(rest) => rest,
                None => continue,
            },
            _ => continue,
        };
        let line = before.matches('\n').count() + 1;
        let mut paths = Vec::new();
        follow(rest, Vec::new(), &mut paths);
        found.extend(paths.into_iter().map(|path| (line, path)));
    }
    found
}

/// What follows the last `super::` of a chain that ends at the crate's root.
fn climbed<'a>(mut rest: &'a str, module: &[&str]) -> Option<&'a str> {
    let mut steps = 1;
    while let Some(further) = rest.strip_prefix("super::") {
        steps += 1;
        rest = further;
    }
    (steps == module.len()).then_some(rest)
}

/// Collects the paths of a `use` tree, or of a path in an expression, and returns what follows it.
fn follow<'a>(text: &'a str, prefix: Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let after = follow(rest, prefix.clone(), paths);
            if after.len() == rest.len() {
                return after;
            }
            rest = after;
        }
    }
    let text = text.strip_prefix("r#").unwrap_or(text);
    let end = text.find(|c: char| !is_word(c) && c != '*').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let mut path = prefix;
    if !word.is_empty() {
        path.push(word.to_owned());
    }
    if let Some(rest) = rest.strip_prefix("::") {
        return follow(rest, path, paths);
    }
    if !rest.starts_with('!') {
        paths.push(path);
    }
    match rest.strip_prefix(" as ") {
        Some(rest) => rest.trim_start_matches(is_word),
        None => rest,
    }
}

/// Words with their places in the text.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        let rest = &code[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        at = start + end;
        Some((start, &rest[..end]))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The source without comments and test modules, every line still in its place.
fn blanked(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut lines = source.lines().peekable();
    while let Some(line) = lines.next() {
        let in_test = line.trim() == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.contains("mod ") && next.ends_with('{'));
        if in_test {
            // A module in rustfmt's layout ends with a brace as far in as it began.
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = format!("{indent}}}");
            code.push('\n');
            for line in lines.by_ref() {
                code.push('\n');
                if line == end {
                    break;
                }
            }
            continue;
        }
        // `://` is a URL's, not a comment's.
        let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
        code.push_str(comment.map_or(line, |(at, _)| &line[..at]));
        code.push('\n');
    }
    code
}
