//! The one grammar of times, in annotations, in code, in the environment and in files. The macros and the runtime each
//! have this file, letter for letter; a test of the workspace compares the two.
//!
//! A time is a number and a unit, or several from large to small, each unit once: `250ms`, `30s`, `15m`, `1h30m`, `2d`.
//! A number is whole or has a decimal point with digits on both sides: `1.5s`. The smallest unit is the millisecond;
//! there are no spaces, no signs and no exponents. `0s` is no time at all.
//!
//! A TTL may also be named by how often the data change: `realtime`, `volatile`, `normal`, `stable`, `static`.

/// The units, from large to small, in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The TTLs that have a name, from short to long, in milliseconds.
pub(crate) const NAMED: [(&str, u64); 5] = [
    ("realtime", 5_000),
    ("volatile", 60_000),
    ("normal", 900_000),
    ("stable", 21_600_000),
    ("static", 86_400_000),
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
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
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

/// Milliseconds of a TTL, which may have a name.
pub(crate) fn parse_ttl(text: &str) -> Result<u64, String> {
    if let Some((_, millis)) = NAMED.iter().find(|(name, _)| *name == text) {
        return Ok(*millis);
    }
    parse(text).map_err(|message| {
        let is_word = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if is_word { format!("there is no TTL `{text}`: {HELP}, or {}", named()) } else { message }
    })
}

/// `"realtime"`, …
fn named() -> String {
    let names: Vec<String> = NAMED.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    format!("one of {}", names.join(", "))
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
    use super::{NAMED, parse, parse_ttl};

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
            assert_eq!(parse_ttl(text), Ok(millis), "{text}");
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
            for message in [parse(text).expect_err(text), parse_ttl(text).expect_err(text)] {
                assert!(message.contains('"'), "{text}: {message}");
            }
        }
    }

    #[test]
    fn a_ttl_may_have_a_name_and_a_time_may_not() {
        for (name, millis) in NAMED {
            assert_eq!(parse_ttl(name), Ok(millis));
            assert!(parse(name).is_err());
        }
        assert!(NAMED.is_sorted_by_key(|(_, millis)| millis));
        let message = parse_ttl("stabel").expect_err("no such name");
        assert!(message.contains("`stabel`") && message.contains("\"stable\""), "{message}");
    }
}
