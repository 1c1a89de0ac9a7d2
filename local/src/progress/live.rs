//! The line about what goes on now, which is replaced in its place on a terminal.

use std::time::{Duration, SystemTime};

use super::Style;

/// Deletes the line that the cursor is in.
const ERASE: &str = "\r\u{1b}[2K";

/// What goes on now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// What it is.
    pub what: String,
    /// What changes while it goes on.
    pub detail: Option<String>,
    /// Since when it does.
    pub since: SystemTime,
    /// Whether it is a wait, which is worth a line of its own where no line can be replaced.
    pub is_wait: bool,
}

/// Where the line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// On a terminal, in one place.
    Screen,
    /// In a pipe or file, one line after the other.
    Lines,
}

/// What is shown, so that it is shown once.
#[derive(Debug)]
pub(super) struct Live {
    /// The text that is on the screen.
    drawn: Option<String>,
    /// The wait that has a line.
    announced: Option<String>,
}

impl Live {
    pub(super) const fn new() -> Self {
        Self { drawn: None, announced: None }
    }

    /// What to write so that this is shown.
    pub(super) fn show(
        &mut self,
        now: Option<&Now>,
        medium: Medium,
        at: SystemTime,
        paint: impl Fn(Style, &str) -> String,
    ) -> String {
        match (now, medium) {
            (Some(now), Medium::Screen) => self.draw(now.text(at), paint),
            (None, Medium::Screen) => self.erase(),
            (now, Medium::Lines) => self.announce(now.filter(|now| now.is_wait)),
        }
    }

    fn draw(&mut self, text: String, paint: impl Fn(Style, &str) -> String) -> String {
        if self.drawn.as_ref() == Some(&text) {
            return String::new();
        }
        // Without automatic wrapping, a line that is too long ends at the margin, and erasing it leaves nothing in the
        // row above.
        let line = format!("{ERASE}\u{1b}[?7l{} {}\u{1b}[?7h", paint(Style::Dim, "…"), paint(Style::Dim, &text));
        self.drawn = Some(text);
        line
    }

    fn announce(&mut self, wait: Option<&Now>) -> String {
        let what = wait.map(|wait| wait.what.clone());
        let is_news = what.is_some() && self.announced != what;
        self.announced.clone_from(&what);
        what.filter(|_| is_news).map(|what| format!("… {what}\n")).unwrap_or_default()
    }

    /// What to write before anything else is, which ends on a line of its own.
    pub(super) fn erase(&mut self) -> String {
        self.drawn.take().map(|_| ERASE.to_owned()).unwrap_or_default()
    }
}

impl Now {
    fn text(&self, at: SystemTime) -> String {
        let seconds = at.duration_since(self.since).unwrap_or(Duration::ZERO).as_secs();
        let detail = self.detail.as_ref().map(|detail| format!(", {detail}")).unwrap_or_default();
        format!("{}{detail} · {seconds} s", self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn now(what: &str, detail: Option<&str>, is_wait: bool) -> Now {
        Now { what: what.to_owned(), detail: detail.map(str::to_owned), since: at(0), is_wait }
    }

    fn shown(medium: Medium, looks: &[(u64, Option<Now>)]) -> Vec<String> {
        let mut live = Live::new();
        looks
            .iter()
            .map(|(second, now)| live.show(now.as_ref(), medium, at(*second), |_, text| text.to_owned()))
            .collect()
    }

    #[test]
    fn a_terminal_shows_it_in_one_line_that_is_written_when_it_is_another() {
        let running = || Some(now("verify", None, false));
        let waiting = |attempt| Some(now("waiting", Some(attempt), true));
        let line = |text: &str| format!("\r\u{1b}[2K\u{1b}[?7l… {text}\u{1b}[?7h");
        let looks = [
            (0, running()),
            (0, running()),
            (1, running()),
            (1, waiting("attempt 2")),
            (1, waiting("attempt 3")),
            (2, None),
            (3, None),
        ];
        assert_eq!(
            shown(Medium::Screen, &looks),
            [
                line("verify · 0 s"),
                String::new(),
                line("verify · 1 s"),
                line("waiting, attempt 2 · 1 s"),
                line("waiting, attempt 3 · 1 s"),
                "\r\u{1b}[2K".to_owned(),
                String::new(),
            ]
        );
    }

    #[test]
    fn elsewhere_there_is_a_line_for_each_wait_and_each_change_of_it() {
        let waiting = |what, attempt| Some(now(what, Some(attempt), true));
        let looks = [
            (0, Some(now("verify", None, false))),
            (1, waiting("a", "attempt 2")),
            (2, waiting("a", "attempt 3")),
            (3, waiting("b", "attempt 3")),
            (4, None),
            (5, waiting("b", "attempt 1")),
        ];
        assert_eq!(shown(Medium::Lines, &looks), ["", "… a\n", "", "… b\n", "", "… b\n"]);
    }

    #[test]
    fn what_is_erased_is_drawn_again() {
        let mut live = Live::new();
        let verify = now("verify", None, false);
        let draw = |live: &mut Live| live.show(Some(&verify), Medium::Screen, at(0), |_, text| text.to_owned());
        assert_eq!(live.erase(), "");
        let drawn = draw(&mut live);
        assert_eq!(live.erase(), ERASE);
        assert_eq!(draw(&mut live), drawn);
    }
}
