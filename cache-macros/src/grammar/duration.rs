//! Durations: read by the grammar that the runtime has, too, and told in words.

mod text;

pub(crate) use text::{parse, parse_ttl};

const WORDS: [(u64, &str); 5] = [
    (86_400_000, "day"),
    (3_600_000, "hour"),
    (60_000, "minute"),
    (1_000, "second"),
    (1, "millisecond"),
];

/// "15 minutes", "1 hour 30 minutes".
pub(crate) fn words(millis: u64) -> String {
    let mut rest = millis;
    let mut parts = Vec::new();
    for (scale, name) in WORDS {
        let count = rest / scale;
        rest %= scale;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("{count} {name}{plural}"));
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn durations_read_as_words() {
        assert_eq!(words(900_000), "15 minutes");
        assert_eq!(words(5_400_000), "1 hour 30 minutes");
        assert_eq!(words(86_400_000), "1 day");
        assert_eq!(words(1_001), "1 second 1 millisecond");
        assert_eq!(words(0), "0 seconds");
    }
}
