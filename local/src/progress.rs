//! What a person sees while something takes its time: one line for each thing that happens, on standard error.

mod live;
mod style;

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

pub use live::Now;
use live::{Live, Medium};
pub use style::{Style, paint};

/// The line about what goes on now.
static LIVE: Mutex<Live> = Mutex::new(Live::new());

static DETAILS: AtomicBool = AtomicBool::new(false);

/// From now on, [`detail`] shows its lines.
pub fn show_details() {
    DETAILS.store(true, Ordering::Relaxed);
}

/// What is being done now.
pub fn step(what: &str) {
    marked(Style::Dim, "…", what);
}

/// What has come out well.
pub fn done(what: &str) {
    marked(Style::Good, "✓", what);
}

/// What has not.
pub fn failed(what: &str) {
    marked(Style::Bad, "✗", what);
}

/// A line of its own, between others.
pub fn heading(what: &str) {
    plain(&format!("\n{}", paint(Style::Bold, what)));
}

/// A line that is shown on demand only.
pub fn detail(text: &str) {
    if DETAILS.load(Ordering::Relaxed) {
        plain(&paint(Style::Dim, text));
    }
}

/// A line, or several, without a mark.
pub fn plain(text: &str) {
    let erased = live().erase();
    write(&format!("{erased}{text}\n"));
}

/// What came out, on standard output.
pub fn result(text: &str) {
    write(&live().erase());
    let _ = writeln!(io::stdout(), "{text}");
}

/// What goes on now, or that nothing does any more. A terminal shows it in a line that each call replaces; elsewhere it
/// is a line when something begins to be waited for, and when that changes.
pub fn now(now: Option<&Now>) {
    let medium = if style::is_plain_terminal() || !io::stderr().is_terminal() { Medium::Lines } else { Medium::Screen };
    let shown = live().show(now, medium, SystemTime::now(), paint);
    write(&shown);
}

fn marked(style: Style, mark: &str, what: &str) {
    plain(&format!("{} {what}", paint(style, mark)));
}

fn write(text: &str) {
    if !text.is_empty() {
        // A closed standard error is no reason to stop.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

fn live() -> MutexGuard<'static, Live> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
