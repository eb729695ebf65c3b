//! Tells the program its version: that of git in a checkout, else the package's.

use std::path::Path;
use std::process::Command;

fn main() {
    let package = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let version = git_version(&package).unwrap_or(package);
    println!("cargo:rustc-env=PLUGIN_VERSION={version}");
    println!("cargo:rerun-if-changed=build.rs");
    // What changes with every commit, checkout and tag.
    for file in ["logs/HEAD", "HEAD", "packed-refs", "refs/tags"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

/// The version in the form that gpbackup publishes: `1.1.0` at a tag, `1.1.0+dev.2.g16b18a1` two
/// commits after it; without any tag, the commits are counted from the first one.
fn git_version(package: &str) -> Option<String> {
    // Sources that were unpacked inside somebody else's checkout are not that checkout.
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let workspace = Path::new("../..").canonicalize().ok()?;
    if Path::new(&top).canonicalize().ok()? != workspace {
        return None;
    }
    let (tag, commits, commit) = match git(&["describe", "--tags", "--long"]) {
        Some(described) => {
            let mut fields = described.rsplitn(3, '-').map(str::to_owned);
            let (commit, commits) = (fields.next()?, fields.next()?);
            (fields.next()?, commits, commit)
        }
        None => {
            let commits = git(&["rev-list", "--count", "HEAD"])?;
            let commit = git(&["rev-parse", "--short", "HEAD"])?;
            (package.to_owned(), commits, format!("g{commit}"))
        }
    };
    let tag = tag.trim_start_matches('v');
    Some(match commits.as_str() {
        "0" => tag.to_owned(),
        _ => format!("{tag}+dev.{commits}.{commit}"),
    })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
