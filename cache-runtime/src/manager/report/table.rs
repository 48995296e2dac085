//! The report as a table.

use std::fmt;

use super::{MemoryGroup, MemoryReport};

/// So many groups are shown; the others are one line.
const MOST_SHOWN: usize = 20;

impl fmt::Display for MemoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.groups.len().min(MOST_SHOWN);
        let (shown, others) = self.groups.split_at(shown);
        let mut lines: Vec<[String; 6]> =
            vec![["keys of", "read by", "keys", "bytes", "share", "no expiry"].map(str::to_owned)];
        lines.extend(shown.iter().map(|group| self.line(group)));
        if !others.is_empty() {
            let mut rest = MemoryGroup {
                prefix: format!("({} more)", others.len()),
                ..MemoryGroup::default()
            };
            for group in others {
                rest.keys += group.keys;
                rest.bytes += group.bytes;
                rest.without_expiry += group.without_expiry;
            }
            lines.push(self.line(&rest));
        }
        let all = MemoryGroup {
            prefix: "all".to_owned(),
            keys: self.keys,
            bytes: self.bytes,
            without_expiry: self.without_expiry,
            ..MemoryGroup::default()
        };
        lines.push(self.line(&all));
        write_table(f, &lines)?;
        let progress = &self.progress;
        writeln!(f, "{} holds, {} leases", self.holds, self.leases)?;
        if progress.sampled < progress.seen {
            writeln!(
                f,
                "estimated from {} of {} keys that were passed",
                progress.sampled, progress.seen
            )?;
        }
        for key in &self.named {
            writeln!(f, "never expires: {key}")?;
        }
        Ok(())
    }
}

impl MemoryReport {
    fn line(&self, group: &MemoryGroup) -> [String; 6] {
        let per_mille =
            (u128::from(group.bytes) * 1000).checked_div(u128::from(self.bytes)).unwrap_or(0);
        [
            group.prefix.clone(),
            group.operation.clone().unwrap_or_default(),
            group.keys.to_string(),
            size(group.bytes),
            format!("{}.{} %", per_mille / 10, per_mille % 10),
            group.without_expiry.to_string(),
        ]
    }
}

/// `13.4 MiB`
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(bytes) * 10;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10_240
        && let Some(larger) = units.next()
    {
        tenths /= 1024;
        unit = Some(larger);
    }
    let unit = unit.copied().unwrap_or_default();
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// Texts to the left, numbers to the right.
fn write_table(f: &mut fmt::Formatter<'_>, lines: &[[String; 6]]) -> fmt::Result {
    let mut widths = [0; 6];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in lines {
        let mut text = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            if column > 0 {
                text.push_str("  ");
            }
            text.push_str(&if column < 2 {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            });
        }
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_columns_and_names_what_never_expires() {
        let group = |prefix: &str, operation: &str, keys, bytes| MemoryGroup {
            prefix: prefix.to_owned(),
            operation: Some(operation.to_owned()),
            keys,
            bytes,
            ..MemoryGroup::default()
        };
        let namespace = crate::key::Namespace::new("shop").unwrap();
        let report = MemoryReport {
            groups: vec![
                group("cities:id", "get", 1200, 15_400_000),
                group("cities:by:slug", "find_by_slug", 7, 900),
            ],
            keys: 1207,
            bytes: 15_400_900,
            without_expiry: 1,
            named: vec![namespace.key().text("flag").finish().unwrap()],
            holds: 2,
            ..MemoryReport::default()
        };
        let expected = "\
keys of         read by       keys     bytes    share  no expiry
cities:id       get           1200  14.6 MiB   99.9 %          0
cities:by:slug  find_by_slug     7     900 B    0.0 %          0
all                           1207  14.6 MiB  100.0 %          1
2 holds, 0 leases
never expires: shop:flag
";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
