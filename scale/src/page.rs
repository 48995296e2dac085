//! The tables of docs/scale.md.

use std::fmt::Write;

use crate::bill::{Bill, Model};
use crate::costs::Costs;
use crate::load::{self, Load, NAMESPACE};
use crate::simulation::{Counts, simulate};
use crate::wire;

/// Writes a second of each process, where the load grows with them.
const WRITES: f64 = 1.0;
const PROCESSES: [usize; 3] = [10, 100, 1_000];
/// Bytes a second that a gigabit is.
const GIGABIT: f64 = 125e6;
/// The share of a core that a process may spend on listening.
const SPENT: f64 = 0.05;
/// Milliseconds for which everybody else's commands may wait while one announcement is spread.
const WAIT: f64 = 1.0;

/// A table, and the name that marks its place in the page.
#[derive(Clone, Debug)]
pub struct Table {
    /// As in `<!-- table: to-all -->`.
    pub name: &'static str,
    /// Markdown.
    pub text: String,
}

/// All tables, in the page's order.
#[must_use]
pub fn tables() -> Vec<Table> {
    let costs = &Costs::MEASURED;
    let grown: Vec<(Load, Counts)> = PROCESSES
        .map(|processes| Load::of(processes, WRITES * processes as f64))
        .map(|load| (load.clone(), simulate(&load)))
        .into();
    vec![
        Table { name: "costs", text: of_costs(costs) },
        Table { name: "to-all", text: to_all(costs) },
        Table { name: "limits", text: limits(costs) },
        Table { name: "kept", text: kept(&grown) },
        Table { name: "models", text: models(&grown, costs) },
        Table { name: "crowded", text: crowded(costs) },
    ]
}

/// The page with today's tables in the places that `<!-- table: NAME -->` and `<!-- end -->` mark.
///
/// # Errors
/// Where a table has no place, or its place has no end.
pub fn filled(page: &str) -> Result<String, String> {
    let mut page = page.to_owned();
    for table in tables() {
        let begin = format!("<!-- table: {} -->\n", table.name);
        let Some((before, rest)) = page.split_once(&begin) else {
            return Err(format!("the page has no place for the table `{}`", table.name));
        };
        let Some((_, after)) = rest.split_once(END) else {
            return Err(format!("the place of the table `{}` has no end", table.name));
        };
        page = format!("{before}{begin}\n{}\n{END}{after}", table.text);
    }
    Ok(page)
}

const END: &str = "<!-- end -->";

fn line(text: &mut String, cells: &[String]) {
    // Into a string nothing fails.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn head(cells: &[&str]) -> String {
    let mut text = String::new();
    line(&mut text, &cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    let _ = writeln!(text, "|{}", "---|".repeat(cells.len()));
    text
}

/// Two digits that say something.
#[must_use]
pub fn round(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let digits = (1 - number.abs().log10().floor() as i32).max(-12);
    let scale = 10_f64.powi(digits);
    let rounded = (number * scale).round() / scale;
    let text = format!("{rounded:.*}", usize::try_from(digits).unwrap_or(0));
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

fn bytes(bytes: f64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let unit = units.into_iter().find(|(size, _)| bytes >= *size).unwrap_or((1.0, "B"));
    format!("{} {}", round(bytes / unit.0), unit.1)
}

fn bits(bits: f64) -> String {
    let unit = if bits >= 1e9 { (1e9, "Gbit") } else { (1e6, "Mbit") };
    format!("{} {}", round(bits / unit.0), unit.1)
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 1e-3 {
        return "< 0.1 %".to_owned();
    }
    format!("{} %", round(share * 100.0))
}

fn delay(delay: Option<(f64, f64)>) -> String {
    delay.map_or_else(
        || "falls behind".to_owned(),
        |(median, late)| format!("{} / {} ms", round(median), round(late)),
    )
}

fn of_costs(costs: &Costs) -> String {
    let mut text = head(&["what", "takes"]);
    let micros = |number: f64| format!("{} µs", round(number));
    for (what, takes) in [
        ("Redis: a message that is published with other commands", micros(costs.message)),
        ("Redis: a message for each listener, into its buffer", micros(costs.push)),
        (
            "Redis: a listener whose buffer is written to its socket, whatever is in it",
            micros(costs.flush),
        ),
        (
            "Redis: a client that has sent something, read from and answered (`PING`)",
            micros(costs.turn),
        ),
        ("Redis: the questions of the vigil", micros(costs.vigil)),
        ("Redis: what a read costs more where it is tracked", micros(costs.tracked_read)),
        ("Redis: a tracked key for each client that is told of it", micros(costs.tracked_push)),
        ("Redis: a key for each client that hears of a whole prefix", micros(costs.broadcast_key)),
        (
            "Redis: memory of a tracked key, and of each client at it",
            format!("{} B, {} B", round(costs.table_key), round(costs.table_pair)),
        ),
        ("a process: a message that is heard, which wakes it", micros(costs.heard)),
        ("a process: each key in it", micros(costs.evicted)),
    ] {
        line(&mut text, &[what.to_owned(), takes]);
    }
    text
}

fn to_all(costs: &Costs) -> String {
    let mut text = head(&[
        "processes",
        "writes/s",
        "messages/s out of Redis",
        "bytes/s out of Redis",
        "on the wire",
        "a core of Redis",
        "into each process",
        "a core of a process",
        "to the last listener, median / 99 %",
    ]);
    let counts = Counts::default();
    for processes in PROCESSES {
        for writes in [0.0, 100.0, 1_000.0, 10_000.0] {
            let load = Load::of(processes, writes);
            let bill = Model::ToAll.bill(&load, &counts, costs);
            line(
                &mut text,
                &[
                    round(processes as f64),
                    round(writes),
                    round(bill.messages),
                    bytes(bill.bytes),
                    format!("{}/s", bits(bill.wire_bits)),
                    percent(bill.server),
                    format!("{}/s, {}/s", round(bill.heard), bytes(bill.heard_bytes)),
                    percent(bill.process),
                    if writes == 0.0 { String::new() } else { delay(bill.delay) },
                ],
            );
        }
    }
    text
}

fn limits(costs: &Costs) -> String {
    let mut text = head(&["what runs out", "where", "that is"]);
    let message = load::mean(|keys| wire::announced(NAMESPACE, keys, false) as f64);
    let keys = load::mean(|keys| keys.len() as f64);
    let on_wire = GIGABIT / (message + wire::PACKET);
    let packed = GIGABIT / message;
    let core = 1e6 / (costs.push + costs.flush);
    let batched = 1e6 / costs.push;
    let process = SPENT * 1e6 / (costs.heard + keys * costs.evicted);
    let stall = WAIT * 1e3 / (costs.push + costs.flush);
    for (what, place, number) in [
        (
            "a network of 1 Gbit/s, each message in a packet of its own",
            "processes × writes/s",
            on_wire,
        ),
        ("the same, many messages in a packet", "processes × writes/s", packed),
        ("one core of Redis, each message written for itself", "processes × writes/s", core),
        ("the same, as many in one go as come", "processes × writes/s", batched),
        ("5 % of a core of a process", "writes/s, however many processes", process),
        (
            "a command of somebody else waits for 1 ms behind one announcement",
            "processes, however many writes",
            stall,
        ),
    ] {
        line(&mut text, &[what.to_owned(), place.to_owned(), round(number)]);
    }
    text
}

fn kept(grown: &[(Load, Counts)]) -> String {
    let mut text = head(&[
        "processes",
        "writes/s",
        "reads/s",
        "entries asked of Redis/s",
        "keys announced/s, to all",
        "of those, kept where they come",
        "pushes/s of tracking",
        "because a TTL was over",
    ]);
    for (load, counts) in grown {
        let processes = load.processes as f64;
        let announced = load::mean(|keys| keys.len() as f64) * load.writes * processes;
        line(
            &mut text,
            &[
                round(processes),
                round(load.writes),
                round(load.reads * processes),
                format!("{} ({})", round(counts.far()), percent(counts.far() / counts.asked)),
                round(announced),
                percent(counts.useful / announced),
                round(counts.pushes + counts.expired),
                round(counts.expired),
            ],
        );
    }
    text
}

fn models(grown: &[(Load, Counts)], costs: &Costs) -> String {
    let mut text = head(&[
        "processes, writes/s",
        "way",
        "messages/s out",
        "on the wire",
        "a core of the busiest server",
        "into each process",
        "a core of a process",
        "heard for nothing",
        "a tagged value falsely old",
        "to the last listener, median / 99 %",
        "table",
    ]);
    let ways = [
        ("to all", Model::ToAll),
        ("tracking", Model::Tracking),
        ("tracking, by prefix", Model::Broadcast),
        ("a channel on each of 8 shards, each key on its own", Model::Sharded(8)),
        ("the same, a write's keys on one", Model::Gathered(8)),
        ("tracking on 8 shards", Model::TrackingSharded(8)),
        ("channels by table, each process keeps 1 in 8", Model::Partitioned(8)),
    ];
    for (load, counts) in grown {
        for (name, way) in ways {
            let bill = way.bill(load, counts, costs);
            let place = format!("{}, {}", round(load.processes as f64), round(load.writes));
            line(&mut text, &row(place, name, &bill));
        }
    }
    text
}

fn row(place: String, name: &str, bill: &Bill) -> Vec<String> {
    vec![
        place,
        name.to_owned(),
        round(bill.messages),
        format!("{}/s", bits(bill.wire_bits)),
        percent(bill.server),
        format!("{}/s, {}/s", round(bill.heard), bytes(bill.heard_bytes)),
        percent(bill.process),
        percent(bill.idle),
        format!("every {} s", round(bill.false_eviction)),
        delay(bill.delay),
        if bill.memory > 0.0 { bytes(bill.memory) } else { String::new() },
    ]
}

fn crowded(costs: &Costs) -> String {
    let mut text = head(&[
        "keys that the table takes",
        "keys in it",
        "its memory",
        "pushes/s because of writes and TTLs",
        "because the table was full",
        "answered by the tier",
    ]);
    let load = Load { rows: 20_000, ..Load::of(100, 500.0) };
    for table in [1e6, 20_000.0, 10_000.0] {
        let counts = simulate(&Load { table, ..load.clone() });
        line(
            &mut text,
            &[
                round(table),
                round(counts.table_keys),
                bytes(counts.table_keys * costs.table_key + counts.table_pairs * costs.table_pair),
                round(counts.pushes + counts.expired),
                round(counts.crowded),
                percent(counts.near / counts.asked),
            ],
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_are_what_is_printed() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1.0"),
            (0.123, "0.12"),
            (12.3, "12"),
            (999.0, "1,000"),
            (123_456.0, "120,000"),
            (99.6, "100"),
        ] {
            assert_eq!(round(number), text);
        }
    }
}
