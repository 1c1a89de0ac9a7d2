//! What a person sees of an execution: a line for each step when it is finished, and what goes on meanwhile.

mod attempts;
mod finding;
mod held;
mod step;
mod work;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use self::{held::Held, step::Step, work::Work};
use crate::{
    execution::{Happening, Kind, State, What},
    progress::{self, Now},
};

/// No event says that a state inside a Map waits: it does if no task has run for longer than the way to the next one
/// takes.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes lines of what happens in one execution.
#[derive(Debug, Default)]
pub struct Watch {
    /// The state whose tasks run.
    work: Option<Work>,
    /// The step that finished last, as long as the state machine may look at its subject again.
    held: Option<Held>,
    /// What is waited for. It stays while the step is repeated, so that one wait is shown as one.
    wait: Option<Now>,
    /// The status of each region, so that it is shown when it changes and not at every look.
    statuses: BTreeMap<String, String>,
}

/// A line to show.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Step(Step),
    /// Shown on demand only.
    Detail(String),
}

impl Watch {
    /// Shows what has happened, if anything has, and what goes on now.
    pub fn show(&mut self, news: &[Happening]) {
        for happening in news {
            for line in self.see(happening) {
                match line {
                    Line::Step(step) => progress::plain(&step.line(progress::paint)),
                    Line::Detail(text) => progress::detail(&text),
                }
            }
            // A wait that was over before anybody looked is shown, too.
            if self.wait.is_some() {
                progress::now(self.wait.as_ref());
            }
        }
        progress::now(self.now(SystemTime::now()).as_ref());
    }

    fn see(&mut self, happening: &Happening) -> Vec<Line> {
        let at = happening.at;
        match &happening.what {
            What::Entered(state) => self.enter(at, state),
            What::Scheduled => {
                if let Some(work) = &mut self.work {
                    work.attempts.begin(at);
                }
                Vec::new()
            }
            What::Succeeded(answer) => {
                let mut lines = self.changed_statuses(answer);
                lines.extend(self.succeed(at, answer).map(Line::Step));
                lines
            }
            What::Failed { error, reason } => {
                if let Some(work) = &mut self.work {
                    work.attempts.fail(at, error);
                }
                vec![Line::Detail(format!("    not yet ({error}): {reason}"))]
            }
            What::Exited => self.leave(at),
            What::Ended => {
                let mut lines = self.leave(at);
                lines.extend(self.finish().map(Line::Step));
                lines
            }
        }
    }

    fn enter(&mut self, at: SystemTime, state: &State) -> Vec<Line> {
        let mut lines = Vec::new();
        match state.kind {
            Kind::Task | Kind::Group => {
                if self.held.as_ref().is_some_and(|held| held.state != state.name) {
                    lines.extend(self.finish().map(Line::Step));
                }
                if self.held.is_none() {
                    self.wait = None;
                }
                self.work = Some(Work::of(state));
            }
            Kind::Wait => self.wait = Some(self.wait_in(at, &state.name)),
            Kind::Route => {}
        }
        lines.push(Line::Detail(format!("… {}", state.name)));
        lines
    }

    /// The wait that a Wait state is.
    fn wait_in(&self, at: SystemTime, state: &str) -> Now {
        let words = finding::words(state);
        let what =
            words.strip_prefix("wait ").map_or_else(|| format!("waiting to {words}"), |rest| format!("waiting {rest}"));
        let status = self.held.as_ref().and_then(|held| held.status.as_ref());
        let what = status.map_or(what.clone(), |status| format!("{what}: {status}"));
        Now { what, detail: None, since: self.held.as_ref().map_or(at, |held| held.step.since), is_wait: true }
    }

    /// A task succeeded: the step that is finished with that.
    fn succeed(&mut self, at: SystemTime, answer: &Value) -> Option<Step> {
        let work = self.work.as_mut()?;
        let attempt = work.attempts.succeed(at);
        let (kind, steps) = (work.state.kind, work.state.steps.len());
        let changed = answer["changes"][0]["summary"].as_str().map(str::to_owned);
        let step = Step {
            name: answer["changes"][0]["step"].as_str().map_or_else(|| work.name(), str::to_owned),
            succeeded: !finding::objects(answer),
            found: finding::phrase(answer, kind == Kind::Group && steps <= 1),
            since: attempt.since,
            until: at,
            attempts: attempt.number,
            looks: 1,
        };
        let held = Held { step, state: work.state.name.clone(), changed, status: finding::status(answer) };
        let before = self.held.take();
        match kind {
            Kind::Group if steps > 1 => self.hold_in_group(before, held),
            Kind::Group => {
                self.wait = None;
                Some(held.step)
            }
            _ => {
                self.held = Some(match before {
                    Some(before) => held.looking_again_after(&before),
                    None => held,
                });
                None
            }
        }
    }

    /// Several steps for each item, as of a cluster: a check that follows a change belongs to it, and else the last
    /// check counts.
    fn hold_in_group(&mut self, before: Option<Held>, held: Held) -> Option<Step> {
        if held.changed.is_some() {
            self.held = Some(held);
            self.wait = None;
            return before.filter(|before| before.changed.is_some()).map(|before| before.step);
        }
        self.held = Some(match before {
            Some(before) if before.changed.is_some() => before.until(held),
            Some(before) => held.since(&before),
            None => held,
        });
        None
    }

    fn leave(&mut self, at: SystemTime) -> Vec<Line> {
        let failures = self.work.take().map(|work| work.failures(at)).unwrap_or_default();
        if failures.is_empty() {
            return Vec::new();
        }
        self.finish().into_iter().chain(failures).map(Line::Step).collect()
    }

    /// Nothing continues the step that finished last.
    fn finish(&mut self) -> Option<Step> {
        self.wait = None;
        self.held.take().map(|held| held.step)
    }

    /// The line of details for each region whose status is another than before.
    fn changed_statuses(&mut self, answer: &Value) -> Vec<Line> {
        let mut lines = Vec::new();
        for endpoint in answer["endpoints"].as_array().into_iter().flatten() {
            let (Some(region), Some(status)) = (endpoint["region"].as_str(), endpoint["status"].as_str()) else {
                continue;
            };
            if self.statuses.insert(region.to_owned(), status.to_owned()).as_deref() != Some(status) {
                lines.push(Line::Detail(format!("    {region}: {status}")));
            }
        }
        lines
    }

    /// What goes on at this time, after all that has happened until then.
    fn now(&mut self, at: SystemTime) -> Option<Now> {
        if let Some(wait) = self.idle(at) {
            self.wait = Some(wait);
        }
        self.wait.clone().or_else(|| self.work.as_ref()?.running())
    }

    /// The wait that it is if no task runs in a state whose tasks are not finished.
    fn idle(&self, at: SystemTime) -> Option<Now> {
        let work = self.work.as_ref().filter(|work| work.attempts.running().is_none())?;
        if let Some(failed) = work.attempts.failed().next() {
            let error = failed.error.as_deref().unwrap_or_default();
            let what = format!("waiting to retry {} ({error})", work.name());
            let detail = Some(format!("attempt {}", failed.number + 1));
            return Some(Now { what, detail, since: failed.since, is_wait: true });
        }
        let held = self.held.as_ref().filter(|held| held.is_in_pause(&work.state, at))?;
        let what = match (&held.status, &held.changed) {
            (Some(status), _) => format!("waiting: {status}"),
            (None, Some(change)) => format!("waiting after {}: {change}", held.step.name),
            (None, None) => return None,
        };
        Some(Now { what, detail: None, since: held.step.since, is_wait: true })
    }
}

#[cfg(test)]
mod tests;
