//! Prints the tables of docs/scale.md, writes them into it, or measures what they rest on.

use std::error::Error;
use std::fs;
use std::path::Path;

use scale::page;

const HELP: &str = "\
Usage: cargo run -p scale -- [tables | write | measure HOST:PORT]

  tables    prints the tables of docs/scale.md
  write     puts them into docs/scale.md
  measure   measures what Redis takes for each thing that is counted, on a server that has nothing else to do: half a
            minute and 500 clients. What it prints belongs into scale/src/costs.rs
";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] | ["tables"] => {
            for table in page::tables() {
                println!("{}:\n\n{}", table.name, table.text);
            }
        }
        ["write"] => {
            let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scale.md");
            fs::write(&page, page::filled(&fs::read_to_string(&page)?)?)?;
        }
        ["measure", address] => println!("{:#?}", scale::measure::measure(address)?),
        ["--help" | "-h"] => print!("{HELP}"),
        _ => return Err(format!("these arguments mean nothing here\n\n{HELP}").into()),
    }
    Ok(())
}
