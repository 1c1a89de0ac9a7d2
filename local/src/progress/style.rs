//! Colours, where there is somebody to see them.

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal},
};

/// How a piece of text looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// What is a heading.
    Bold,
    /// What matters less.
    Dim,
    /// What is as it should be.
    Good,
    /// What is not.
    Bad,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "31",
        }
    }
}

/// The text in a style, if standard error is a terminal with colours and `NO_COLOR` is not set.
pub fn paint(style: Style, text: &str) -> String {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || is_plain_terminal();
    if io::stderr().is_terminal() && !refused {
        format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
    } else {
        text.to_owned()
    }
}

/// Whether the terminal says that it understands no escape codes.
pub(super) fn is_plain_terminal() -> bool {
    env::var_os("TERM").as_deref() == Some(OsStr::new("dumb"))
}
