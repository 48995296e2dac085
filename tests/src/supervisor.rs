//! A server that can't outlive the process that started it.
//!
//! A small shell stands between the two. It starts the server, tells its process id and reads
//! from a pipe whose other end only the test process holds. However that process ends (it
//! returned, a test panicked, it was killed with signal 9), the kernel closes the pipe; the shell
//! ends the server by its process id and removes the server's folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::programs::User;

/// Arguments: the signal that ends the server, its folder, a command to run first (may be
/// empty), then the server's own words.
///
/// The trap keeps the shell alive when the test process is gone before it heard the process id.
/// A server that is still starting may miss the signal, so it is repeated; a frozen one could not
/// end, so it is continued.
const SCRIPT: &str = r#"
trap : HUP INT PIPE TERM
end=$1 folder=$2 prepare=$3
shift 3
mkdir -p -m 700 "$folder" && cd "$folder" || exit
if eval "$prepare" >>"$folder/log" 2>&1 </dev/null; then
    "$@" >>"$folder/log" 2>&1 </dev/null &
    server=$!
    echo "$server"
else
    echo failed
fi
read -r keep
if [ -n "$server" ]; then
    while kill -s "$end" "$server" && kill -s CONT "$server"; do sleep 0.1 || sleep 1; done &
    wait "$server"
    kill "$!"
fi
[ -n "$keep" ] || rm -rf -- "$folder"
"#;

/// What to start, and how to end it.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) user: Option<User>,
    pub(crate) end: &'static str,
    pub(crate) prepare: String,
    pub(crate) command: Vec<String>,
}

/// A running server and the shell that watches over it.
#[derive(Debug)]
pub(crate) struct Supervised {
    pid: u32,
    shell: Child,
    orders: Option<ChildStdin>,
}

impl Supervised {
    /// Starts the server; `Err` carries the end of its log when not even its preparation worked.
    pub(crate) fn start(launch: &Launch<'_>) -> Result<Self, String> {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", SCRIPT, "supervisor", launch.end])
            .arg(launch.folder)
            .arg(&launch.prepare)
            .args(&launch.command)
            // Out of reach of a Ctrl-C in the terminal: the shell has to survive the test process.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(user) = launch.user {
            shell.uid(user.uid).gid(user.gid);
        }
        let mut shell = shell.spawn().map_err(|error| format!("/bin/sh: {error}"))?;
        let orders = shell.stdin.take();
        let mut line = String::new();
        if let Some(told) = shell.stdout.take() {
            BufReader::new(told).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        let mut started = Self { pid: 0, shell, orders };
        match line.trim().parse() {
            Ok(pid) => {
                started.pid = pid;
                Ok(started)
            }
            Err(_) => Err(log_tail(launch.folder)
                .unwrap_or_else(|| format!("can't write to {}", launch.folder.display()))),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn is_running(&self) -> bool {
        is_running(self.pid)
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid, name);
    }

    /// Ends the server and waits for it, but leaves its folder.
    pub(crate) fn end_and_keep(mut self) {
        self.end(b"keep\n");
    }

    fn end(&mut self, order: &[u8]) {
        if let Some(mut orders) = self.orders.take() {
            // A shell that is gone already has nothing left to be told.
            let _ = orders.write_all(order);
            drop(orders);
            let _ = self.shell.wait();
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.end(b"");
    }
}

/// True while the process with this id runs; a zombie, dead but not yet waited for, does not.
#[must_use]
pub fn is_running(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
            !matches!(state, None | Some('Z' | 'X'))
        }
        Err(_) if Path::new("/proc/self").exists() => false,
        Err(_) => Command::new("ps")
            .args(["-o", "stat=", "-p", &pid.to_string()])
            .output()
            .is_ok_and(|output| !matches!(output.stdout.first(), None | Some(b'Z'))),
    }
}

/// Sends a signal by its short name, such as `KILL`, with the shell's own `kill`.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("/bin/sh")
        .args(["-c", r#"kill -s "$1" "$2""#, "kill", name, &pid.to_string()])
        .status()
        .expect("/bin/sh");
    assert!(status.success(), "kill -s {name} {pid}: {status}");
}

/// The path of a new folder below the system's one for temporary files.
///
/// The shell makes it, as the server's user: from its first moment on, somebody removes it.
pub(crate) fn new_folder(of: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("cache-tests-{of}-{}-{next}-{:08x}", std::process::id(), fastrand::u32(..));
    std::env::temp_dir().join(name)
}

/// The last lines that a server wrote, for the message of a failed start.
pub(crate) fn log_tail(folder: &Path) -> Option<String> {
    let log = fs::read(folder.join("log")).ok()?;
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    Some(lines[lines.len().saturating_sub(12)..].join("\n"))
}

/// One word for the shell, whatever stands in it.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
