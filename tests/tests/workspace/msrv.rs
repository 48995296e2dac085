//! The Rust version that the published crates promise is one that their dependencies build with.

use std::collections::{BTreeSet, HashMap};
use std::env;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

#[test]
fn no_dependency_of_a_published_crate_asks_for_a_newer_rust() {
    assert_eq!(too_new(&metadata()), [""; 0]);
}

#[test]
fn a_dependency_that_asks_for_a_newer_rust_is_found_through_another() {
    let package = |id: &str, rust: Value, publish: Value| json!({ "id": id, "name": id, "version": "1.2.3", "rust_version": rust, "publish": publish });
    let needs = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
    let workspace = json!({
        "workspace_members": ["lib", "private"],
        "packages": [
            package("lib", json!("1.80"), Value::Null),
            package("private", json!("1.80"), json!([])),
            package("fine", json!("1.80.0"), Value::Null),
            package("silent", Value::Null, Value::Null),
            package("newer", json!("1.80.1"), Value::Null),
            package("only-tested-with", json!("1.99"), Value::Null),
        ],
        "resolve": { "nodes": [
            { "id": "lib", "deps": [needs("fine", Value::Null), needs("only-tested-with", json!("dev"))] },
            { "id": "private", "deps": [needs("only-tested-with", Value::Null)] },
            { "id": "fine", "deps": [needs("silent", json!("build"))] },
            { "id": "silent", "deps": [needs("newer", Value::Null)] },
            { "id": "newer", "deps": [needs("fine", Value::Null)] },
            { "id": "only-tested-with", "deps": [] },
        ] },
    });
    assert_eq!(too_new(&workspace), ["lib promises Rust 1.80, but newer 1.2.3 asks for 1.80.1"]);
}

/// What cargo knows of the workspace, every feature on.
fn metadata() -> Value {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--all-features"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One line for each dependency, direct or not, that breaks a published crate's promise.
fn too_new(workspace: &Value) -> Vec<String> {
    let packages: HashMap<&str, &Value> =
        list(workspace, "packages").iter().map(|package| (text(package, "id"), package)).collect();
    let nodes: HashMap<&str, &Value> =
        list(&workspace["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();

    let mut found = Vec::new();
    for member in list(workspace, "workspace_members") {
        let id = member.as_str().unwrap();
        let crate_ = packages[id];
        if !crate_["publish"].is_null() {
            continue;
        }
        let promised = crate_["rust_version"]
            .as_str()
            .unwrap_or_else(|| panic!("{} states no rust-version", text(crate_, "name")));
        for dependency in needed(id, &nodes) {
            let package = packages[dependency];
            if let Some(asked) = package["rust_version"].as_str()
                && version(asked) > version(promised)
            {
                found.push(format!(
                    "{} promises Rust {promised}, but {} {} asks for {asked}",
                    text(crate_, "name"),
                    text(package, "name"),
                    text(package, "version"),
                ));
            }
        }
    }
    found
}

/// Everything that a build of the crate compiles; what only its tests need is left out.
fn needed<'a>(id: &'a str, nodes: &HashMap<&'a str, &'a Value>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        for dependency in list(nodes[id], "deps") {
            let kinds = list(dependency, "dep_kinds");
            let id = text(dependency, "pkg");
            if kinds.iter().any(|kind| kind["kind"] != "dev") && seen.insert(id) {
                open.push(id);
            }
        }
    }
    seen
}

/// `1.80` is `1.80.0`.
fn version(rust: &str) -> [u32; 3] {
    let mut parts = rust.split('.').map(|part| part.parse().unwrap());
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}
