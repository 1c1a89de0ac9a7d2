//! What a person sees while something takes its time: one line for each thing that happens, on standard error.

use std::io::{IsTerminal, Write};

/// Tells what is being done now.
pub fn step(what: &str) {
    line(&paint("2", "…"), what);
}

/// Tells what has come out well.
pub fn done(what: &str) {
    line(&paint("32", "✓"), what);
}

/// Tells what has not.
pub fn failed(what: &str) {
    line(&paint("31", "✗"), what);
}

/// A line of its own, between others.
pub fn heading(what: &str) {
    let _ = writeln!(std::io::stderr(), "\n{}", paint("1", what));
}

fn line(mark: &str, what: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{mark} {what}");
}

fn paint(style: &str, text: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{style}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// A line, or several, without a mark.
pub fn plain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What came out, on standard output.
pub fn result(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
