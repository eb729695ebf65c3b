//! All groups, in the order in which they are played, and the names of their cases.

use std::collections::BTreeSet;

use crate::case::{Case, Group};
use crate::cases;
use crate::need::Need;
use crate::runner::is_final;
use crate::settings::SettingsError;

/// All groups.
pub static GROUPS: &[&Group] = &[
    &cases::version::GROUP,
    &cases::usage::GROUP,
    &cases::hooks::GROUP,
    &cases::file::GROUP,
    &cases::data::GROUP,
    &cases::subset::GROUP,
    &cases::delete::GROUP,
    &cases::secondary::GROUP,
    &cases::replicate::GROUP,
    &cases::directory::GROUP,
    &cases::cluster::GROUP,
    &cases::recorded::GROUP,
    &cases::truth::GROUP,
    &cases::concurrency::GROUP,
    &cases::signals::GROUP,
    &cases::gpbackup::GROUP,
    &cases::scale::GROUP,
];

/// `group/case`.
pub fn full_name(group: &Group, case: &Case) -> String {
    format!("{}/{}", group.name, case.name)
}

/// All cases in the order in which they are played: what does away with a destination comes last.
pub fn in_order() -> Vec<(&'static Group, &'static Case)> {
    let all = || {
        GROUPS
            .iter()
            .flat_map(|group| group.cases.iter().map(move |case| (*group, case)))
    };
    let usual = all().filter(|(_, case)| !is_final(case));
    usual
        .chain(all().filter(|(_, case)| is_final(case)))
        .collect()
}

/// Whether `name` is what `pattern` asks for: its group, itself, or what `*` stands for.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let group = name.split('/').next().unwrap_or(name);
    glob(pattern, name) || glob(pattern, group)
}

/// Refuses a name that no case has.
pub(crate) fn check_name(name: &str) -> Result<(), SettingsError> {
    if in_order()
        .iter()
        .any(|(group, case)| full_name(group, case) == name)
    {
        Ok(())
    } else {
        Err(SettingsError::UnknownCase(name.to_owned()))
    }
}

/// Refuses a filter that chooses no case.
pub(crate) fn check_filter(pattern: &str) -> Result<(), SettingsError> {
    if in_order()
        .iter()
        .any(|(group, case)| matches(pattern, &full_name(group, case)))
    {
        Ok(())
    } else {
        Err(SettingsError::IdleFilter(pattern.to_owned()))
    }
}

/// Refuses a name that is not among the optional commands that cases need.
pub(crate) fn check_command(name: &str) -> Result<(), SettingsError> {
    let cases = in_order();
    let needs = cases.iter().flat_map(|(_, case)| case.needs);
    let known: BTreeSet<&str> = needs
        .filter_map(|need| match need {
            Need::Command(command) => Some(*command),
            _ => None,
        })
        .collect();
    if known.contains(name) {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().collect();
    Err(SettingsError::UnknownCommand(
        name.to_owned(),
        known.join(", "),
    ))
}

/// `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|skip| rest.get(skip..).is_some_and(|rest| glob(after, rest)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Obligation;

    #[test]
    fn patterns_name_groups_and_cases() {
        for pattern in ["data", "data/empty", "*empty", "data/*", "d*a/e*", "*"] {
            assert!(matches(pattern, "data/empty"), "{pattern}");
        }
        for pattern in ["dat", "data/empt", "empty", "*empt", "file"] {
            assert!(!matches(pattern, "data/empty"), "{pattern}");
        }
    }

    #[test]
    fn case_names_are_unique_and_in_lower_case() {
        let mut seen = BTreeSet::new();
        for (group, case) in in_order() {
            let name = full_name(group, case);
            let plain = |char: char| {
                char.is_ascii_lowercase() || char.is_ascii_digit() || "-/".contains(char)
            };
            assert!(name.chars().all(plain), "{name}");
            assert!(seen.insert(name.clone()), "{name} twice");
        }
    }

    #[test]
    fn every_clause_tells_its_source_and_only_practice_is_no_must() {
        for (group, case) in in_order() {
            let (source, rest) = case.clause.split_once(": ").unwrap_or_default();
            let name = full_name(group, case);
            let known = ["API", "script", "gpbackup", "contract", "practice"];
            assert!(
                known.contains(&source) && !rest.is_empty(),
                "{name}: {}",
                case.clause
            );
            let practice = source == "practice";
            assert!(
                !(practice && case.obligation == Obligation::Must),
                "{name}: {}",
                case.clause
            );
        }
    }
}
