//! The condition itself: few enough forms that the program and Postgres mean the same by each.

use super::words::{KNOWN, Word, words};

/// A condition over one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Compare { column: String, by: By, to: Operand },
    IsNull(String),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    Number(i64),
    Text(String),
    Truth(bool),
    /// Its name, without the `$`.
    Parameter(String),
}

impl Test {
    /// Every comparison, from left to right.
    pub(crate) fn comparisons(&self) -> Vec<(&str, By, &Operand)> {
        match self {
            Self::Compare { column, by, to } => vec![(column, *by, to)],
            Self::IsNull(_) => Vec::new(),
            Self::Not(test) => test.comparisons(),
            Self::All(tests) | Self::Any(tests) => {
                tests.iter().flat_map(Self::comparisons).collect()
            }
        }
    }
}

/// Deeper ones would only overflow the compiler's stack.
const DEEPEST: usize = 50;

/// The condition that a text says.
pub(crate) fn parse(text: &str) -> Result<Test, String> {
    let words = words(text)?;
    if words.is_empty() {
        return Err(format!("the condition is empty: {KNOWN}"));
    }
    let mut parser = Parser { rest: &words, depth: 0 };
    let test = parser.any()?;
    match parser.rest {
        [] => Ok(test),
        [Word::Close, ..] => Err("there is a `)` too many".to_owned()),
        [word, ..] => {
            Err(format!("{} stands where `AND` or `OR` could go on: {KNOWN}", shown(word)))
        }
    }
}

struct Parser<'w> {
    rest: &'w [Word],
    depth: usize,
}

impl<'w> Parser<'w> {
    fn next(&mut self) -> Option<&'w Word> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn eat(&mut self, keyword: &str) -> bool {
        let found = matches!(self.rest.first(), Some(Word::Name(name)) if name.eq_ignore_ascii_case(keyword));
        if found {
            self.next();
        }
        found
    }

    fn eat_word(&mut self, word: &Word) -> bool {
        let found = self.rest.first() == Some(word);
        if found {
            self.next();
        }
        found
    }

    fn any(&mut self) -> Result<Test, String> {
        let mut tests = vec![self.all()?];
        while self.eat("OR") {
            tests.push(self.all()?);
        }
        Ok(one_or(tests, Test::Any))
    }

    fn all(&mut self) -> Result<Test, String> {
        let mut tests = vec![self.one()?];
        while self.eat("AND") {
            tests.push(self.one()?);
        }
        Ok(one_or(tests, Test::All))
    }

    fn one(&mut self) -> Result<Test, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("the condition is nested more than {DEEPEST} deep"));
        }
        let test = if self.eat("NOT") {
            Test::Not(Box::new(self.one()?))
        } else if self.eat_word(&Word::Open) {
            let test = self.any()?;
            if !self.eat_word(&Word::Close) {
                return Err("a `(` is not closed".to_owned());
            }
            test
        } else {
            self.predicate()?
        };
        self.depth -= 1;
        Ok(test)
    }

    fn predicate(&mut self) -> Result<Test, String> {
        let column = match self.next() {
            Some(Word::Name(name)) => name.clone(),
            Some(word) => {
                return Err(format!(
                    "{} stands where a column begins a comparison: write the column first",
                    shown(word)
                ));
            }
            None => return Err("the condition ends where a column is expected".to_owned()),
        };
        if self.rest.first() == Some(&Word::Open) {
            return Err(format!(
                "`{column}(…)`: a condition calls no function, because the program could not compute it as Postgres does; store \
                 what it gives in a column"
            ));
        }
        if ["TRUE", "FALSE", "NULL", "AND", "OR", "IN", "IS"]
            .iter()
            .any(|word| column.eq_ignore_ascii_case(word))
        {
            return Err(format!(
                "`{column}` stands where a column begins a comparison: write the column first"
            ));
        }
        if self.eat("IS") {
            let not = self.eat("NOT");
            if !self.eat("NULL") {
                return Err(format!("`{column} IS …`: only `IS NULL` and `IS NOT NULL` are known"));
            }
            let test = Test::IsNull(column);
            return Ok(if not { Test::Not(Box::new(test)) } else { test });
        }
        let not = self.eat("NOT");
        if self.eat("IN") {
            let test = self.listed(&column)?;
            return Ok(if not { Test::Not(Box::new(test)) } else { test });
        }
        let by = match self.next() {
            Some(Word::Sign(sign)) if !not => match *sign {
                "=" => By::Equal,
                "<>" => By::Unequal,
                "<" => By::Less,
                "<=" => By::LessOrEqual,
                ">" => By::Greater,
                _ => By::GreaterOrEqual,
            },
            Some(Word::Name(name)) if name.eq_ignore_ascii_case("BETWEEN") => {
                return Err(format!(
                    "`{column} BETWEEN …`: write both comparisons, `{column} >= 1 AND {column} <= 9`"
                ));
            }
            Some(word @ Word::Name(_)) => {
                return Err(format!("{} is not known: {KNOWN}", shown(word)));
            }
            _ => {
                return Err(format!(
                    "`{column}` is compared with nothing: write `{column} = …`, or `{column} = TRUE` for a boolean"
                ));
            }
        };
        let to = self.operand(&column)?;
        if matches!(to, Operand::Text(_) | Operand::Truth(_))
            && !matches!(by, By::Equal | By::Unequal)
        {
            return Err(format!(
                "`{column}` is compared by order with a text or a truth value: the order of texts depends on the database's \
                 collation, which the program does not know; only `=` and `<>` are possible"
            ));
        }
        Ok(Test::Compare { column, by, to })
    }

    fn listed(&mut self, column: &str) -> Result<Test, String> {
        let form = || format!("write `{column} IN (1, 2)`, with values in parentheses");
        if !self.eat_word(&Word::Open) {
            return Err(form());
        }
        let mut tests = Vec::new();
        loop {
            let to = self.operand(column)?;
            if matches!(to, Operand::Parameter(_)) {
                return Err(format!(
                    "`{column} IN (…)` takes values, and no parameter: {}",
                    form()
                ));
            }
            tests.push(Test::Compare { column: column.to_owned(), by: By::Equal, to });
            if self.eat_word(&Word::Close) {
                return Ok(one_or(tests, Test::Any));
            }
            if !self.eat_word(&Word::Comma) {
                return Err(form());
            }
        }
    }

    fn operand(&mut self, column: &str) -> Result<Operand, String> {
        match self.next() {
            Some(Word::Number(number)) => Ok(Operand::Number(*number)),
            Some(Word::Text(text)) => Ok(Operand::Text(text.clone())),
            Some(Word::Parameter(name)) => Ok(Operand::Parameter(name.clone())),
            Some(Word::Name(name)) if name.eq_ignore_ascii_case("TRUE") => Ok(Operand::Truth(true)),
            Some(Word::Name(name)) if name.eq_ignore_ascii_case("FALSE") => {
                Ok(Operand::Truth(false))
            }
            Some(Word::Name(name)) if name.eq_ignore_ascii_case("NULL") => Err(format!(
                "nothing is equal to NULL: write `{column} IS NULL` or `{column} IS NOT NULL`"
            )),
            Some(Word::Name(name)) => Err(format!(
                "`{column}` is compared with `{name}`: a column is compared with a value or a `$parameter`, and a text is written \
                 '{name}'"
            )),
            Some(word) => Err(format!(
                "`{column}` is compared with {}: write a value or a `$parameter`",
                shown(word)
            )),
            None => {
                Err(format!("`{column}` is compared with nothing: write a value or a `$parameter`"))
            }
        }
    }
}

fn one_or(mut tests: Vec<Test>, several: fn(Vec<Test>) -> Test) -> Test {
    match tests.pop() {
        Some(one) if tests.is_empty() => one,
        Some(last) => {
            tests.push(last);
            several(tests)
        }
        None => several(tests),
    }
}

fn shown(word: &Word) -> String {
    match word {
        Word::Name(name) => format!("`{name}`"),
        Word::Parameter(name) => format!("`${name}`"),
        Word::Number(number) => format!("`{number}`"),
        Word::Text(text) => format!("'{text}'"),
        Word::Sign(sign) => format!("`{sign}`"),
        Word::Open => "`(`".to_owned(),
        Word::Close => "`)`".to_owned(),
        Word::Comma => "`,`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(column: &str, by: By, to: Operand) -> Test {
        Test::Compare { column: column.to_owned(), by, to }
    }

    #[test]
    fn and_binds_more_than_or_and_not_more_than_both() {
        let equal = |column| compare(column, By::Equal, Operand::Number(1));
        assert_eq!(
            parse("NOT a = 1 AND b = 1 or c = 1"),
            Ok(Test::Any(vec![
                Test::All(vec![Test::Not(Box::new(equal("a"))), equal("b")]),
                equal("c")
            ]))
        );
        assert_eq!(
            parse("NOT (a = 1 AND (b = 1 or c = 1))"),
            Ok(Test::Not(Box::new(Test::All(vec![
                equal("a"),
                Test::Any(vec![equal("b"), equal("c")])
            ]))))
        );
    }

    #[test]
    fn values_are_read_as_postgres_reads_them() {
        assert_eq!(
            parse("a <= -9_223_372_036_854_775_808"),
            Ok(compare("a", By::LessOrEqual, Operand::Number(i64::MIN)))
        );
        assert_eq!(
            parse("a != 'it''s'"),
            Ok(compare("a", By::Unequal, Operand::Text("it's".to_owned())))
        );
        assert_eq!(
            parse("a NOT IN (TRUE, false)"),
            Ok(Test::Not(Box::new(Test::Any(vec![
                compare("a", By::Equal, Operand::Truth(true)),
                compare("a", By::Equal, Operand::Truth(false))
            ]))))
        );
        assert_eq!(parse("a is not null"), Ok(Test::Not(Box::new(Test::IsNull("a".to_owned())))));
        assert_eq!(
            parse("a>$min"),
            Ok(compare("a", By::Greater, Operand::Parameter("min".to_owned())))
        );
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for wrong in [
            "",
            "a",
            "a =",
            "a = b",
            "a = NULL",
            "a < 'x'",
            "a > TRUE",
            "a = 1.5",
            "a = 1e3",
            "lower(a) = 'x'",
            "a LIKE 'x'",
            "a BETWEEN 1 AND 2",
            "1 = a",
            "a = 1 b = 2",
            "(a = 1",
            "a = 1)",
            "a = 'x",
            "a = \"x\"",
            "a ~ 'x'",
            "a == 1",
            "a = $1",
            "a IS TRUE",
            "a IN ()",
            "a IN ($p)",
            "a IN 1",
            "a NOT = 1",
            "a = 9223372036854775808",
            "a + 1 = 2",
            "a::text = 'x'",
            "a = 1 AND",
            "a = 1; DROP TABLE b",
            "a = -",
            "a = 1x",
            "a = - 1",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse(&format!("{}a = 1", "NOT ".repeat(60))).is_err());
        assert!(parse(&"(".repeat(60)).is_err());
    }
}
