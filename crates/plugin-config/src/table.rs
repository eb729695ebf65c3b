//! The table of options for the documentation.

use crate::options::{OPTIONS, Origin};

/// The options of this build as a Markdown table.
pub fn options_table() -> String {
    let mut table =
        String::from("| option | from | meaning | default |\n| --- | --- | --- | --- |\n");
    for spec in OPTIONS.iter().filter(|spec| spec.built) {
        let default = if spec.default.is_empty() {
            "–"
        } else {
            spec.default
        };
        let origin = spec.origin.label();
        table.push_str(&format!(
            "| `{}` | {origin} | {} | {default} |\n",
            spec.name, spec.meaning
        ));
    }
    let later: Vec<_> = OPTIONS
        .iter()
        .filter(|spec| !spec.built)
        .map(|spec| format!("`{}`", spec.name))
        .collect();
    table.push_str(&format!(
        "\nPlanned, and until then refused by name: {}.\n",
        later.join(", ")
    ));
    table
}

impl Origin {
    fn label(self) -> &'static str {
        match self {
            Self::Go => "Go plugin",
            Self::Greengage => "Greengage",
            Self::Gpbackup => "gpbackup",
            Self::New => "new",
        }
    }
}
