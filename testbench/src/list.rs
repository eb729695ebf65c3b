//! The cases as lists for people.

use crate::case::Case;
use crate::catalog::{GROUPS, check_filter, full_name, in_order, matches};
use crate::settings::SettingsError;

/// One line a case: name, obligation, level, needs, clause. `filters` as in [`crate::Settings::filters`].
///
/// # Errors
/// A filter that chooses nothing.
pub fn list(filters: &[String]) -> Result<String, SettingsError> {
    filters
        .iter()
        .try_for_each(|pattern| check_filter(pattern))?;
    let mut text = String::new();
    for (group, case) in in_order() {
        let name = full_name(group, case);
        if filters.is_empty() || filters.iter().any(|pattern| matches(pattern, &name)) {
            let needs = match needs(case).as_str() {
                "" => String::new(),
                needs => format!(" [{needs}]"),
            };
            let (obligation, level) = (case.obligation.name(), case.level.name());
            text += &format!(
                "{name:40} {obligation:6} {level:4} {}{needs}\n",
                case.clause
            );
        }
    }
    Ok(text)
}

/// The same as tables in Markdown, one for each group, for the README.
pub fn markdown() -> String {
    let mut text = String::new();
    for group in GROUPS {
        text += &format!("\n### `{}`: {}\n\n", group.name, group.about);
        text += "| case | obligation | clause | needs |\n| --- | --- | --- | --- |\n";
        for case in group.cases {
            let (name, obligation, clause) = (case.name, case.obligation.name(), case.clause);
            let clause = clause.replace('|', "\\|");
            text += &format!("| `{name}` | {obligation} | {clause} | {} |\n", needs(case));
        }
    }
    text
}

fn needs(case: &Case) -> String {
    let level = (case.level == crate::case::Level::Full).then(|| "level full".to_owned());
    let needs: Vec<String> = level
        .into_iter()
        .chain(case.needs.iter().map(|need| need.name()))
        .collect();
    needs.join(", ")
}
