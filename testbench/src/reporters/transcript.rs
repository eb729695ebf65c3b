//! A call of a transcript as text.

use crate::transcript::Exchange;

/// The call as a line that a shell takes, and what came of it, one line each.
pub(crate) fn lines(call: &Exchange) -> Vec<String> {
    let argv: Vec<String> = call.argv.iter().map(|arg| shell_quoted(arg)).collect();
    let Exchange {
        ended,
        seconds,
        stdin_bytes,
        stdout_bytes,
        stdout_head,
        ..
    } = call;
    let head = if stdout_head.is_empty() {
        String::new()
    } else {
        format!(": {stdout_head}")
    };
    let mut lines = vec![
        format!("$ {}", argv.join(" ")),
        format!(
            "  {ended} after {seconds:.2} s; stdin {stdin_bytes} bytes, stdout {stdout_bytes} bytes{head}"
        ),
    ];
    lines.extend(call.stderr.lines().map(|line| format!("  stderr: {line}")));
    lines
}

/// The same as one text.
pub(crate) fn text(call: &Exchange) -> String {
    lines(call).join("\n") + "\n"
}

/// The argument as a shell would take it, so that a line of a transcript can be tried by hand.
fn shell_quoted(arg: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+:=,@%".contains(char);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_as_a_shell_takes_them() {
        let check = |arg, expected| assert_eq!(shell_quoted(arg), expected);
        check("/tmp/a.yaml", "/tmp/a.yaml");
        check("\"-1\"", "'\"-1\"'");
        check("", "''");
        check("it's", "'it'\\''s'");
    }
}
