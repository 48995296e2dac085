//! The words of a condition.

/// A word of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A column, or a keyword.
    Name(String),
    /// `$min`
    Parameter(String),
    Number(i64),
    Text(String),
    /// `=`, `<>`, `<`, `<=`, `>`, `>=`
    Sign(&'static str),
    Open,
    Close,
    Comma,
}

/// What a condition is made of, for messages.
pub(super) const KNOWN: &str = "a condition is made of columns, whole numbers, 'texts', TRUE, FALSE, $parameters, `=`, `<>`, `<`, `<=`, \
                                `>`, `>=`, IS NULL, IN (…), AND, OR, NOT and parentheses";

/// The words, in their order.
pub(super) fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = match first {
            '(' => (Word::Open, cut(rest, 1).1),
            ')' => (Word::Close, cut(rest, 1).1),
            ',' => (Word::Comma, cut(rest, 1).1),
            '\'' => quoted(rest)?,
            '$' => {
                let (name, behind) = name(cut(rest, 1).1);
                if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                    return Err("a parameter has a name, such as `$min`: the generated method has an argument of that name"
                        .to_owned());
                }
                (Word::Parameter(name.to_owned()), behind)
            }
            '"' => {
                return Err("write columns without quotes, as the entity's fields are called, and texts as 'text'".to_owned());
            }
            '-' | '0'..='9' => number(rest)?,
            _ if first.is_alphabetic() || first == '_' => {
                let (name, behind) = name(rest);
                (Word::Name(name.to_owned()), behind)
            }
            _ => sign(rest)?,
        };
        words.push(word);
        rest = behind.trim_start();
    }
    Ok(words)
}

fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    cut(text, end)
}

/// A quote within a text is written twice.
fn quoted(text: &str) -> Result<(Word, &str), String> {
    let mut value = String::new();
    let mut rest = cut(text, 1).1;
    loop {
        let end = rest
            .find('\'')
            .ok_or("a text is not closed: write 'text', and '' for a quote in it")?;
        let (part, behind) = cut(rest, end);
        value.push_str(part);
        rest = cut(behind, 1).1;
        if !rest.starts_with('\'') {
            break;
        }
        value.push('\'');
        rest = cut(rest, 1).1;
    }
    if value.contains('\0') {
        return Err("a text of Postgres has no zero byte".to_owned());
    }
    Ok((Word::Text(value), rest))
}

fn number(text: &str) -> Result<(Word, &str), String> {
    let digits = text.strip_prefix('-').map_or(0, |_| 1);
    let end = text
        .char_indices()
        .find(|(at, c)| *at >= digits && !c.is_ascii_digit() && *c != '_')
        .map_or(text.len(), |(at, _)| at);
    let (number, behind) = cut(text, end);
    if number == "-" {
        return Err(format!("`-` stands before no number: {KNOWN}"));
    }
    if behind.starts_with(['.', 'e', 'E']) {
        return Err(format!(
            "`{number}{}…` is no whole number: floating point and `numeric` are not compared here, because the program and \
             Postgres would not always agree",
            cut(behind, 1).0
        ));
    }
    if behind.starts_with(|c: char| c.is_alphanumeric()) {
        return Err(format!("`{text}`: a number ends before the next word"));
    }
    let value = number.replace('_', "").parse();
    value
        .map(|value| (Word::Number(value), behind))
        .map_err(|error| format!("`{number}`: {error}: a number is an `i64`"))
}

fn sign(text: &str) -> Result<(Word, &str), String> {
    let end = text.find(|c: char| !"=<>!~*|&+/%^#@?:.;-".contains(c)).unwrap_or(text.len());
    let (sign, behind) = cut(text, end.max(text.chars().next().map_or(0, char::len_utf8)));
    let known = ["=", "<>", "<", "<=", ">", ">="].into_iter().find(|known| *known == sign);
    match (known, sign) {
        (Some(sign), _) => Ok((Word::Sign(sign), behind)),
        (None, "!=") => Ok((Word::Sign("<>"), behind)),
        (None, "==") => Err("write `=` for equal".to_owned()),
        (None, _) => Err(format!("`{sign}` is not known: {KNOWN}")),
    }
}
