//! The table of tested stores, in Markdown, and its place in `STORES.md`.

use std::path::Path;

use anyhow::{Context, Result};

use super::probe::Found;
use crate::summary::Summary;

/// The lines between which the table stands.
const BEGIN: &str = "<!-- stores: written by cargo xtask stores --write -->";
const END: &str = "<!-- /stores -->";

const HEAD: &str = "\
| store | version | scheme | passed | failed | skipped | checksums | batch delete | open uploads | what does not work |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// What one run of the matrix has shown.
pub(super) struct Row {
    /// Store and scheme, by which a row replaces an older one.
    key: String,
    line: String,
    sound: bool,
}

impl Row {
    pub(super) fn new(
        store: &str,
        version: &str,
        scheme: &str,
        summary: &Summary,
        found: &Found,
    ) -> Self {
        let checksums = match found {
            Found {
                refuses_checksums: true,
                ..
            } => "refused",
            Found {
                checksum_of_parts: true,
                checksum_of_puts: true,
                ..
            } => "all objects",
            Found {
                checksum_of_puts: true,
                ..
            } => "objects of one part",
            Found {
                checksum_of_parts: true,
                ..
            } => "objects of several parts",
            _ => "none kept",
        };
        let batch = if found.batch_delete {
            "yes"
        } else {
            "one by one"
        };
        let uploads = if found.lists_uploads {
            "listed"
        } else {
            "not listed"
        };
        let failures = summary.failures().map(|case| format!("`{case}`"));
        let problems: Vec<_> = failures
            .chain(found.problems.iter().map(|text| cell(text)))
            .collect();
        let (passed, failed, skipped) = summary.counts();
        let key = format!("| {store} | {scheme} |");
        let line = format!(
            "| {store} | {version} | {scheme} | {passed} | {failed} | {skipped} | {checksums} | {batch} | {uploads} | {} |",
            if problems.is_empty() {
                "–".to_owned()
            } else {
                problems.join("; ")
            }
        );
        Self {
            key,
            line,
            sound: summary.has_passed() && found.problems.is_empty(),
        }
    }

    /// Whether nothing failed that was not expected to.
    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The table of these rows.
pub(super) fn markdown(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| format!("{}\n", row.line));
    format!("{HEAD}{}", lines.collect::<String>())
}

/// Puts the rows into the table of the page, each in place of the older one of its store and scheme.
pub(super) fn write(page: &Path, rows: Vec<Row>) -> Result<()> {
    let context = || format!("cannot write the table of {}", page.display());
    let text = std::fs::read_to_string(page).with_context(context)?;
    let text = replace(&text, rows).with_context(context)?;
    std::fs::write(page, text).with_context(context)
}

fn replace(page: &str, rows: Vec<Row>) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("it has no place for one")?;
    let (old, after) = rest.split_once(END).context("its place has no end")?;
    let mut all: Vec<Row> = old.lines().skip(3).filter_map(row).collect();
    all.retain(|old| !rows.iter().any(|new| new.key == old.key));
    all.extend(rows);
    all.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(format!("{before}{BEGIN}\n{}{END}{after}", markdown(&all)))
}

/// A row as it stands in the page.
fn row(line: &str) -> Option<Row> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let (store, scheme) = (cells.next()?, cells.nth(1)?);
    Some(Row {
        key: format!("| {store} | {scheme} |"),
        line: line.to_owned(),
        sound: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(store: &str, scheme: &str, text: &str) -> Row {
        let line = format!("| {store} | 1 | {scheme} | {text} |");
        let Some(row) = row(&line) else {
            panic!("{line} is no row")
        };
        row
    }

    #[test]
    fn a_row_takes_the_place_of_the_older_one() {
        let page = format!("before\n{BEGIN}\n{END}\nafter\n");
        let page = replace(
            &page,
            vec![new("b", "http", "old"), new("a", "https", "old")],
        )
        .unwrap();
        let page = replace(
            &page,
            vec![new("b", "http", "new"), new("a", "http", "new")],
        )
        .unwrap();
        let rows = "| a | 1 | http | new |\n| a | 1 | https | old |\n| b | 1 | http | new |\n";
        assert_eq!(page, format!("before\n{BEGIN}\n{HEAD}{rows}{END}\nafter\n"));
        assert!(replace("no place", Vec::new()).is_err());
    }
}
