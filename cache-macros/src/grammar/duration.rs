//! Durations: a number and a unit, or several from large to small: `"15m"`, `"1.5s"`, `"1h30m"`.

const UNITS: [(&str, u64, &str); 5] = [
    ("d", 86_400_000, "day"),
    ("h", 3_600_000, "hour"),
    ("m", 60_000, "minute"),
    ("s", 1_000, "second"),
    ("ms", 1, "millisecond"),
];

const HELP: &str = "write a number and a unit (`ms`, `s`, `m`, `h` or `d`), such as \"15m\", \"1.5s\" or \"1h30m\"";

/// Milliseconds.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Err(format!("the duration is empty: {HELP}"));
    }
    if text.starts_with('-') {
        return Err(format!("a duration cannot be negative: {HELP}"));
    }
    let mut rest = text;
    let mut millis = 0_u64;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let number = take(&mut rest, |letter| letter.is_ascii_digit() || letter == '.');
        let unit = take(&mut rest, |letter| !letter.is_ascii_digit() && letter != '.');
        if unit.is_empty() {
            return Err(format!("`{text}` has no unit: {HELP}"));
        }
        let Some((_, scale, _)) = UNITS.iter().find(|(name, ..)| *name == unit) else {
            return Err(format!("`{text}` is not a duration: {HELP}"));
        };
        if *scale >= smallest {
            return Err(format!("`{text}`: units go from large to small, each once: {HELP}"));
        }
        smallest = *scale;
        let part = scaled(number, *scale).map_err(|reason| match reason {
            Bad::Number => format!("`{text}` is not a duration: {HELP}"),
            Bad::TooFine => {
                format!("`{text}` has parts of a millisecond, which is the smallest unit: {HELP}")
            }
            Bad::TooLarge => too_long(text),
        })?;
        millis = millis.checked_add(part).ok_or_else(|| too_long(text))?;
    }
    Ok(millis)
}

/// "15 minutes", "1 hour 30 minutes".
pub(crate) fn words(millis: u64) -> String {
    let mut rest = millis;
    let mut parts = Vec::new();
    for (_, scale, name) in UNITS {
        let count = rest / scale;
        rest %= scale;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("{count} {name}{plural}"));
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

fn too_long(text: &str) -> String {
    format!(
        "`{text}` is too long: give less than \"3650d\", or leave the option out for what holds without it"
    )
}

fn take<'a>(rest: &mut &'a str, wanted: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|letter| !wanted(letter)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}

enum Bad {
    Number,
    TooFine,
    TooLarge,
}

/// `number`, digits with perhaps a decimal point, times `scale`, exactly.
fn scaled(number: &str, scale: u64) -> Result<u64, Bad> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(Bad::Number);
    }
    let fraction = fraction.trim_end_matches('0');
    let places = u32::try_from(fraction.len()).map_err(|_| Bad::TooFine)?;
    let denominator = 10_u64.checked_pow(places).ok_or(Bad::TooFine)?;
    let numerator: u64 =
        if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| Bad::TooFine)? };
    let part = u128::from(scale) * u128::from(numerator);
    if part % u128::from(denominator) != 0 {
        return Err(Bad::TooFine);
    }
    let part = u64::try_from(part / u128::from(denominator)).map_err(|_| Bad::TooLarge)?;
    let whole: u64 = whole.parse().map_err(|_| Bad::TooLarge)?;
    whole.checked_mul(scale).and_then(|whole| whole.checked_add(part)).ok_or(Bad::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::{parse, words};

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("15m", 900_000),
            ("250ms", 250),
            ("1.5s", 1_500),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("0s", 0),
            ("0.25h", 900_000),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(parse(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in [
            "",
            "15",
            "15x",
            "-5m",
            "m",
            "1.m",
            ".5m",
            "1..5m",
            "15 m",
            " 15m",
            "30m1h",
            "1m1m",
            "0.5ms",
            "1e3s",
            "99999999999999999999d",
            "9999999999999999h",
            "١m",
            "1,5s",
            "15M",
            "15min",
        ] {
            let message = parse(text).expect_err(text);
            assert!(message.contains('"'), "{text}: {message}");
        }
    }

    #[test]
    fn durations_read_as_words() {
        assert_eq!(words(900_000), "15 minutes");
        assert_eq!(words(5_400_000), "1 hour 30 minutes");
        assert_eq!(words(86_400_000), "1 day");
        assert_eq!(words(1_001), "1 second 1 millisecond");
        assert_eq!(words(0), "0 seconds");
    }
}
