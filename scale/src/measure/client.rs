//! As much of a client as measuring needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::Result;

pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    pub(super) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.0.into_inner()
    }

    /// Sends commands in one piece, and takes all of their answers.
    pub(super) fn ask_all(&mut self, commands: &[&[&[u8]]]) -> Result<()> {
        self.0.get_mut().write_all(&written(commands))?;
        for _ in commands {
            self.reply()?;
        }
        Ok(())
    }

    pub(super) fn info(&mut self, section: &str) -> Result<String> {
        self.0.get_mut().write_all(&written(&[&[b"INFO", section.as_bytes()]]))?;
        self.reply()
    }

    /// The number behind this name.
    pub(super) fn field(info: &str, name: &str) -> Result<f64> {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = line.ok_or_else(|| format!("the server does not say its {name}"))?;
        Ok(value.trim().parse()?)
    }

    /// An answer, as far as it is a text. The answer to a subscription comes as a push.
    fn reply(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err("the server has ended the connection".into());
        }
        let (kind, rest) = line.trim_end().split_at_checked(1).ok_or("an empty line")?;
        match kind {
            "-" => Err(rest.into()),
            "$" | "=" => {
                let Ok(length) = usize::try_from(rest.parse::<i64>()?) else {
                    return Ok(String::new());
                };
                let mut bytes = vec![0; length + 2];
                self.0.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            "*" | "~" | "%" | ">" => {
                let each = if kind == "%" { 2 } else { 1 };
                for _ in 0..rest.parse::<i64>()?.max(0) * each {
                    self.reply()?;
                }
                Ok(String::new())
            }
            _ => Ok(String::new()),
        }
    }
}

fn written(commands: &[&[&[u8]]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for command in commands {
        bytes.extend(format!("*{}\r\n", command.len()).into_bytes());
        for word in *command {
            bytes.extend(format!("${}\r\n", word.len()).into_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
    }
    bytes
}
