//! Several processes over real servers that break, and a checker of everything they saw: `scripts/chaos --help`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a run that can't go on fails"
)]

mod checker;
mod clock;
mod conductor;
mod event;
mod options;
mod plain;
mod setup;
mod shop;
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.next_if(|word| word == "worker").is_some() {
        return worker::main(words);
    }
    if words.peek().is_some_and(|word| word == "--help" || word == "-h") {
        print!("{}", options::HELP);
        return ExitCode::SUCCESS;
    }
    match options::Options::parse(words) {
        Ok(options) => conductor::main(&options),
        Err(wrong) => {
            eprintln!("chaos: {wrong}");
            ExitCode::from(2)
        }
    }
}
