//! Durations as people write them.

use std::time::Duration;

/// Reads `250ms`, `30s`, `15m`, `1h30m`, `2d`: whole or decimal numbers, each with a unit.
///
/// # Errors
/// A sentence that says what is wrong with the text and what to write.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = |why: &str| {
        format!(
            "{why} in the duration \"{text}\": write for example \"250ms\", \"30s\", \"15m\" or \"1h30m\""
        )
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong("there is nothing"));
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong("a number is missing or malformed"))?;
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        total += number
            * match unit.trim() {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "" => return Err(wrong("a unit (ms, s, m, h, d) is missing")),
                _ => return Err(wrong("there is an unknown unit (known are ms, s, m, h, d)")),
            };
        rest = tail;
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong("there is more time than fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1500),
            ("2d", 172_800_000),
            ("0s", 0),
            (" 5s ", 5000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_malformed_duration_says_what_to_write() {
        for text in ["", "15", "15x", "-5m", "m", "1..5s", "999999999999999999999999d"] {
            let message = parse_duration(text).unwrap_err();
            assert!(message.contains("write for example"), "{text}: {message}");
        }
    }
}
