//! The directory commands, where the plugin has them. The published text does not know them, so nothing here
//! is a must.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::case::{Group, should};
use crate::leftovers::DIRECTORIES;
use crate::need::Need;
use crate::payload;
use crate::scene::Scene;
use crate::trouble::{Trouble, Verdict, ensure};

const NEEDS: &[Need] = &[
    Need::Command("backup_directory"),
    Need::Command("restore_directory"),
    Need::Command("list_directory"),
    Need::Command("delete_directory"),
];
const PARALLEL: &[Need] = &[
    Need::Command("backup_directory_parallel"),
    Need::Command("restore_directory_parallel"),
    Need::Command("delete_directory"),
];

pub(crate) static GROUP: Group = Group {
    name: "directory",
    about: "backup_directory, restore_directory, list_directory, delete_directory",
    cases: &[
        should(
            "round-trip",
            "contract: a directory comes back with its files",
            round_trip,
        )
        .needs(NEEDS),
        should(
            "nested-same-names",
            "contract: subfolders are kept on restore",
            nested,
        )
        .needs(NEEDS),
        should(
            "parallel",
            "contract: backup_directory_parallel and restore_directory_parallel do the same",
            parallel,
        )
        .needs(PARALLEL),
        should(
            "list",
            "contract: list_directory prints one full key and its size a line",
            list,
        )
        .needs(NEEDS),
        should(
            "sibling-prefix",
            "contract: a directory whose name begins with another's is no part of it",
            sibling_prefix,
        )
        .needs(NEEDS),
        should(
            "deleted",
            "contract: delete_directory deletes the directory",
            deleted,
        )
        .needs(NEEDS),
        should(
            "parent-refused",
            "contract: delete_directory refuses any ..",
            parent_refused,
        )
        .needs(NEEDS),
        should(
            "thousand-files",
            "contract: every page of a listing is read",
            thousand_files,
        )
        .needs(NEEDS)
        .full(),
    ],
};

/// Files by their path below the directory.
type Files = BTreeMap<String, Vec<u8>>;

/// A directory in the case's own, under a prefix that nobody else uses. The commands are called in the
/// case's directory, so that its relative path is the prefix of the keys.
struct Tree<'a> {
    scene: &'a Scene<'a>,
    prefix: String,
}

impl<'a> Tree<'a> {
    fn new(scene: &'a Scene<'a>) -> Verdict<Self> {
        let timestamp = scene.bench.shared_timestamp()?;
        Ok(Self {
            scene,
            prefix: format!("{DIRECTORIES}{timestamp}_{}", scene.slug),
        })
    }

    fn dir(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    fn call(&self, command: &str, dir: &str) -> Call<'_> {
        self.scene.call(command).arg(dir).cwd(&self.scene.dir)
    }

    fn write(&self, dir: &str, files: &Files) -> Verdict {
        for (name, bytes) in files {
            let path = self.scene.dir.join(dir).join(name);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    fn back_up(&self, dir: &str, files: &Files) -> Verdict {
        self.write(dir, files)?;
        self.call("backup_directory", dir).run()?.succeeds()?;
        Ok(())
    }

    fn wipe(&self) -> Verdict {
        Ok(fs::remove_dir_all(self.scene.dir.join(&self.prefix))?)
    }

    /// Asks that the local directory holds `files` and nothing else.
    fn holds(&self, dir: &str, files: &Files) -> Verdict {
        let found = read(&self.scene.dir.join(dir))?;
        for (name, bytes) in files {
            let got = found.get(name);
            let got =
                got.ok_or_else(|| Trouble::plugin(format!("{dir}/{name} did not come back")))?;
            if let Some(difference) = payload::difference(bytes, got) {
                return Err(Trouble::Plugin(format!("{dir}/{name}: {difference}")));
            }
        }
        let more = found.keys().find(|name| !files.contains_key(*name));
        ensure(more.is_none(), || {
            format!("{dir} came back with {more:?}, which was never in it")
        })
    }

    fn comes_back(&self, dir: &str, files: &Files) -> Verdict {
        self.call("restore_directory", dir).run()?.succeeds()?;
        self.holds(dir, files)
    }
}

fn read(dir: &Path) -> Verdict<Files> {
    let mut files = Files::new();
    let mut left: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry?.path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path
                    .strip_prefix(dir)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .into_owned();
                files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

fn files(names: &[&str]) -> Files {
    names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                format!("the text of {name}").into_bytes(),
            )
        })
        .collect()
}

fn round_trip(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let mut files = files(&["one", "two.txt", "with space"]);
    files.insert("empty".into(), Vec::new());
    files.insert("binary".into(), payload::random("directory", 5000));
    let dir = tree.dir("dir");
    tree.back_up(&dir, &files)?;
    tree.wipe()?;
    tree.comes_back(&dir, &files)
}

fn nested(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let files = files(&["file", "a/file", "b/file", "a/b/file"]);
    let dir = tree.dir("dir");
    tree.back_up(&dir, &files)?;
    tree.wipe()?;
    tree.comes_back(&dir, &files)
}

fn parallel(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let files: Files = (0..20)
        .map(|number| (format!("file{number}"), format!("{number}").into_bytes()))
        .collect();
    let dir = tree.dir("dir");
    tree.write(&dir, &files)?;
    tree.call("backup_directory_parallel", &dir)
        .arg("4")
        .run()?
        .succeeds()?;
    tree.wipe()?;
    tree.call("restore_directory_parallel", &dir)
        .arg("4")
        .run()?
        .succeeds()?;
    tree.holds(&dir, &files)
}

fn list(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let files = files(&["one", "a/two"]);
    let dir = tree.dir("dir");
    tree.back_up(&dir, &files)?;
    let listed = tree.call("list_directory", &dir).run()?.succeeds()?;
    let text = String::from_utf8_lossy(&listed.stdout);
    for (name, bytes) in &files {
        let (key, size) = (format!("{dir}/{name}"), bytes.len().to_string());
        let told = text
            .lines()
            .any(|line| line.contains(&key) && line.contains(&size));
        ensure(told, || {
            format!("list_directory does not tell {key} with its size {size} on one line")
        })?;
    }
    Ok(())
}

fn sibling_prefix(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let (own, other) = (files(&["file"]), files(&["other"]));
    tree.back_up(&tree.dir("dir"), &own)?;
    tree.back_up(&tree.dir("dir2"), &other)?;
    tree.wipe()?;
    tree.comes_back(&tree.dir("dir"), &own)?;
    tree.call("delete_directory", &tree.dir("dir"))
        .run()?
        .succeeds()?;
    tree.comes_back(&tree.dir("dir2"), &other)
}

fn deleted(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let dir = tree.dir("dir");
    tree.back_up(&dir, &files(&["file", "a/file"]))?;
    tree.call("delete_directory", &dir).run()?.succeeds()?;
    tree.wipe()?;
    // Whether there being nothing is a failure is the plugin's choice.
    tree.call("restore_directory", &dir).run()?;
    tree.holds(&dir, &Files::new())
}

fn parent_refused(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let (dir, files) = (tree.dir("dir"), files(&["file"]));
    tree.back_up(&dir, &files)?;
    let roundabout = format!("{}/other/../dir", tree.prefix);
    tree.call("delete_directory", &roundabout).run()?.fails()?;
    tree.wipe()?;
    tree.comes_back(&dir, &files)
}

fn thousand_files(scene: &Scene<'_>) -> Verdict {
    let tree = Tree::new(scene)?;
    let files: Files = (0..1050)
        .map(|number| (format!("file{number:04}"), number.to_string().into_bytes()))
        .collect();
    let dir = tree.dir("dir");
    tree.back_up(&dir, &files)?;
    let listed = tree.call("list_directory", &dir).run()?.succeeds()?;
    let text = String::from_utf8_lossy(&listed.stdout);
    let told = text.lines().filter(|line| line.contains(&dir)).count();
    ensure(told == files.len(), || {
        format!("list_directory tells {told} of {} files", files.len())
    })?;
    tree.wipe()?;
    tree.comes_back(&dir, &files)?;
    tree.call("delete_directory", &dir).run()?.succeeds()?;
    tree.wipe()?;
    tree.call("restore_directory", &dir).run()?;
    tree.holds(&dir, &Files::new())
}
