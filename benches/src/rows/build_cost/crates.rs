//! The crates that are built: written from the templates, with the versions of this workspace, so that nothing is
//! downloaded.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Result;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Side {
    Ours,
    Plain,
}

/// A crate in a folder.
pub(super) struct Work {
    folder: PathBuf,
    target: PathBuf,
}

impl Side {
    fn folder(self) -> PathBuf {
        let name = match self {
            Self::Ours => "ours",
            Self::Plain => "plain",
        };
        PathBuf::from(ROOT).join("target/bench/builds").join(name)
    }

    /// What all crates of this side have built so far.
    fn target(self) -> PathBuf {
        self.folder().join("target")
    }

    pub(super) fn clean(self) -> Result<()> {
        match fs::remove_dir_all(self.target()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A service with routes for so many entities.
    pub(super) fn service(self, name: &str, entities: usize) -> Result<Work> {
        let mut main = include_str!("../../../templates/main.rs").to_owned();
        main.push_str(match self {
            Self::Ours => include_str!("../../../templates/ours_main.rs"),
            Self::Plain => include_str!("../../../templates/plain_main.rs"),
        });
        let router = |entity| {
            let users = format!("users_{entity}");
            let fields = "{ db: db.clone(), cache: cache.clone() }";
            format!(
                "let router = router.merge({users}::routes::router({users}::Users{entity} {fields}));"
            )
        };
        let routers: Vec<_> = (0..entities).map(router).collect();
        let main = main.replace("// routers", &routers.join("\n    "));
        self.written(name, entities, &main, include_str!("../../../templates/routes.rs"))
    }

    /// So many repositories, and nothing else.
    pub(super) fn repositories(self, name: &str, entities: usize) -> Result<Work> {
        let calls = (0..entities).map(|entity| format!("users_{entity}::boxed"));
        let calls: Vec<_> =
            calls.map(|call| format!("    println!(\"{{:p}}\", {call} as *const ());")).collect();
        let main = format!("//! Repositories.\n\nfn main() {{\n{}\n}}\n", calls.join("\n"));
        self.written(name, entities, &main, include_str!("../../../templates/calls.rs"))
    }

    fn written(self, name: &str, entities: usize, main: &str, uses: &str) -> Result<Work> {
        let work = Work { folder: self.folder().join(name), target: self.target() };
        let sources = work.folder.join("src");
        fs::create_dir_all(&sources)?;
        fs::write(work.folder.join("Cargo.toml"), self.manifest(name))?;
        fs::copy(PathBuf::from(ROOT).join("Cargo.lock"), work.folder.join("Cargo.lock"))?;
        let template = match self {
            Self::Ours => include_str!("../../../templates/ours.rs"),
            Self::Plain => include_str!("../../../templates/plain.rs"),
        };
        let mut modules = String::new();
        for entity in 0..entities {
            let text = format!("{template}{uses}");
            let text = text.replace("users_0", &format!("users_{entity}"));
            let text = text.replace("User0", &format!("User{entity}"));
            let text = text.replace("Users0", &format!("Users{entity}"));
            fs::write(sources.join(format!("users_{entity}.rs")), text)?;
            modules.push_str(&format!("mod users_{entity};\n"));
        }
        fs::write(sources.join("main.rs"), format!("{main}\n{modules}"))?;
        Ok(work)
    }

    fn manifest(self, name: &str) -> String {
        let own = match self {
            Self::Ours => format!("cache-runtime = {{ path = \"{ROOT}/cache-runtime\" }}"),
            Self::Plain => {
                "redis = { version = \"1\", default-features = false, features = [\"tokio-comp\"] }\n\
                 serde_json = \"1\""
                    .to_owned()
            }
        };
        format!(
            "[workspace]\n\n[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             axum = {{ version = \"0.8\", default-features = false, features = [\"http1\", \"json\", \"tokio\"] }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\
             sqlx = {{ version = \"0.9\", default-features = false, features = [\"derive\", \"postgres\", \
             \"runtime-tokio\"] }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"net\", \"rt-multi-thread\"] }}\n{own}\n"
        )
    }
}

impl Work {
    /// Runs cargo in the folder, without the network.
    pub(super) fn cargo(&self, command: &str, incremental: bool) -> Result<()> {
        let mut cargo = Command::new("cargo");
        cargo.args([command, "--offline", "--quiet"]).current_dir(&self.folder);
        cargo.env("CARGO_TARGET_DIR", &self.target).stdin(Stdio::null());
        // Crates of a registry are never built so, and the one beside this would be.
        cargo.env("CARGO_INCREMENTAL", if incremental { "1" } else { "0" });
        let output = cargo.output()?;
        if output.status.success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&output.stderr);
        Err(format!("cargo {command} in {}: {told}", self.folder.display()).into())
    }

    /// Makes the next build compile the crate anew.
    pub(super) fn touch(&self) -> Result<()> {
        let main = fs::File::options().append(true).open(self.folder.join("src/main.rs"))?;
        Ok(main.set_modified(std::time::SystemTime::now())?)
    }
}
