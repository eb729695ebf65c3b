//! `plugin_api_version` and `--version`.

use semver::Version;

use crate::case::{Group, must, should};
use crate::scene::Scene;
use crate::trouble::{Trouble, Verdict, ensure};

/// The lowest API version that the published bench accepts.
const MINIMUM: Version = Version::new(0, 4, 0);

pub(crate) static GROUP: Group = Group {
    name: "version",
    about: "what the plugin says of itself",
    cases: &[
        must(
            "api-version-form",
            "API: plugin_api_version, \"Stdout: X.Y.Z\"; gpbackup parses it as a semantic version",
            api_version_form,
        ),
        must(
            "api-version-minimum",
            "script: the API version is at least 0.4.0, compared by number (0.10.0 is above it)",
            api_version_minimum,
        ),
        must(
            "native-version",
            "API: --version, \"Stdout: [plugin_name] version [git_version]\"",
            native_version,
        ),
        must(
            "native-version-three-words",
            "gpbackup: exactly three words with single spaces, else the version is not understood",
            three_words,
        ),
        must(
            "same-every-time",
            "gpbackup: both answers must be the same text on every host",
            same_every_time,
        ),
        should(
            "quiet",
            "contract: stderr is empty when a command succeeds",
            quiet,
        ),
    ],
};

fn api_version(scene: &Scene<'_>) -> Verdict<String> {
    let answer = scene.bare("plugin_api_version").run()?.succeeds()?;
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

fn native(scene: &Scene<'_>) -> Verdict<String> {
    let answer = scene.bare("--version").run()?.succeeds()?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

fn api_version_form(scene: &Scene<'_>) -> Verdict {
    let text = api_version(scene)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    ensure(Version::parse(line).is_ok(), || {
        format!("{text:?} is no version of the form X.Y.Z alone on a line")
    })
}

fn api_version_minimum(scene: &Scene<'_>) -> Verdict {
    let text = api_version(scene)?;
    match Version::parse(text.trim()) {
        Ok(version) if version >= MINIMUM => Ok(()),
        Ok(version) => Err(Trouble::plugin(format!(
            "API version {version} is below {MINIMUM}"
        ))),
        Err(_) => Err(Trouble::plugin(format!(
            "{text:?} cannot be compared with {MINIMUM}"
        ))),
    }
}

fn native_version(scene: &Scene<'_>) -> Verdict {
    let text = native(scene)?;
    ensure(text.contains(" version "), || {
        format!("{text:?} is not of the form NAME version VERSION")
    })
}

fn three_words(scene: &Scene<'_>) -> Verdict {
    let text = native(scene)?;
    let words: Vec<&str> = text.split(' ').collect();
    let good =
        matches!(words[..], [name, "version", version] if !name.is_empty() && !version.is_empty());
    ensure(good && !text.contains('\n'), || {
        format!(
            "{text:?} is not three words, NAME version VERSION, with single spaces between them"
        )
    })
}

fn same_every_time(scene: &Scene<'_>) -> Verdict {
    for command in ["plugin_api_version", "--version"] {
        let first = scene.bare(command).run()?;
        let second = scene.bare(command).run()?;
        ensure(
            first.stdout == second.stdout && first.ended == second.ended,
            || format!("{command} gave two different answers"),
        )?;
    }
    Ok(())
}

fn quiet(scene: &Scene<'_>) -> Verdict {
    for command in ["plugin_api_version", "--version"] {
        scene.bare(command).run()?.with_empty_stderr()?;
    }
    Ok(())
}
