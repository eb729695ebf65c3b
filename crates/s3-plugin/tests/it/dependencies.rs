//! The invariants of ARCHITECTURE.md about which crate depends on which.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The workspace as cargo resolves it for Linux.
struct Workspace {
    /// Name and manifest's path, by package id.
    packages: BTreeMap<String, (String, String)>,
    /// What a package is built of, by package id; with what only its tests and build scripts need.
    built_of: BTreeMap<String, Vec<String>>,
    depends_on: BTreeMap<String, Vec<String>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Workspace {
    fn load() -> Self {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--format-version=1", "--locked", "--offline"]);
        cargo.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
        let output = cargo
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let list = |value: &Value| value.as_array().unwrap().clone();
        let package = |package: &Value| {
            let names = (text(&package["name"]), text(&package["manifest_path"]));
            (text(&package["id"]), names)
        };
        let nodes = list(&metadata["resolve"]["nodes"]);
        let edges = |wanted: fn(&Value) -> bool| {
            let node = |node: &Value| {
                let edges = list(&node["deps"]);
                let edges = edges
                    .iter()
                    .filter(|edge| list(&edge["dep_kinds"]).iter().any(wanted));
                let edges = edges.map(|edge| text(&edge["pkg"])).collect();
                (text(&node["id"]), edges)
            };
            nodes.iter().map(node).collect()
        };
        Self {
            packages: list(&metadata["packages"]).iter().map(package).collect(),
            built_of: edges(|kind| kind["kind"].is_null()),
            depends_on: edges(|_| true),
        }
    }

    fn id(&self, name: &str) -> &str {
        let found = self.packages.iter().find(|(_, package)| package.0 == name);
        found.unwrap().0
    }

    /// The packages that `name` is built of, over any number of steps, each with its version.
    fn closure(&self, name: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut next = vec![self.id(name)];
        while let Some(id) = next.pop() {
            if found.insert(id) {
                next.extend(self.built_of[id].iter().map(String::as_str));
            }
        }
        found
    }

    /// How often packages of this name are among `ids`.
    fn count(&self, ids: &BTreeSet<&str>, name: &str) -> usize {
        let named = |id: &&&str| self.packages[**id].0 == name;
        ids.iter().filter(named).count()
    }
}

#[test]
fn the_bench_shares_no_code_with_what_it_certifies() {
    let workspace = Workspace::load();
    for id in &workspace.depends_on[workspace.id("gpbackup-plugin-test")] {
        let (name, manifest) = &workspace.packages[id];
        assert!(
            !manifest.contains("/crates/"),
            "the bench depends on {name}"
        );
    }
}

#[test]
fn the_plugin_api_knows_neither_yaml_nor_s3() {
    let workspace = Workspace::load();
    for id in workspace.closure("plugin-api") {
        let name = &workspace.packages[id].0;
        for foreign in ["yaml", "aws", "s3", "hyper", "tokio", "plugin-config"] {
            assert!(!name.contains(foreign), "plugin-api is built of {name}");
        }
    }
}

#[test]
fn one_tls_library_and_one_provider_are_compiled() {
    let workspace = Workspace::load();
    let plugin = workspace.closure("s3-plugin");
    assert_eq!(workspace.count(&plugin, "rustls"), 1);
    assert_eq!(workspace.count(&plugin, "ring"), 1);
    for other in [
        "aws-lc-rs",
        "aws-lc-sys",
        "openssl-sys",
        "native-tls",
        "s2n-tls",
    ] {
        assert_eq!(workspace.count(&plugin, other), 0, "{other}");
    }
}
