//! Small stories in a line language, each with what the machine must answer.
//!
//! ```text
//! ## the remainder of an immediate order is cancelled, not rested
//! alice buy 5 @ 100
//!     accepted 1, held 500
//! bob sell 8 @ 100 ioc
//!     accepted 2, held 8
//!     trade 5 @ 100 maker 1 taker 2, maker_filled
//!     done 2 immediate_remainder, filled 5, unfilled 3, back 3
//! ```
//!
//! A line at the margin is a command, indented lines are the events it causes, in order. Orders are
//! called by their serials. `alice bob carol dave` are members 1 to 4 with 1,000 `base` and 100,000
//! `quote` each, and market 1 is open without band or fees, one unit a lot and one a tick. Lines
//! with `given` in front change that and are not answered:
//! `given room orders 2 lists 1 accounts 9` and `given nobody has money` come first;
//! `given market band 1000 profile maker_by_id` sets parameters. `count tick` tells how many events
//! of each kind there were instead of each; `repeat 70 alice buy 1 @ 100` says a line many times
//! and counts all their events.
//!
//! The commands are listed in `lines`. The stories are data, so that any [`Machine`] can be held
//! to the same ones: [`check`] compares, [`answer`] writes down what a machine says.

mod lines;
mod say;

use crate::Config;
use crate::events::{Event, Events};
use crate::judge::Machine;
use core::fmt::Write as _;
use lines::{Action, Storyteller};
use std::collections::BTreeMap;

/// Every file of stories: its name and its text.
pub const FILES: &[(&str, &str)] = &[
    ("entry", include_str!("../../scenarios/entry.txt")),
    ("settings", include_str!("../../scenarios/settings.txt")),
    ("funds", include_str!("../../scenarios/funds.txt")),
    ("matching", include_str!("../../scenarios/matching.txt")),
    ("self_trade", include_str!("../../scenarios/self_trade.txt")),
    ("triggers", include_str!("../../scenarios/triggers.txt")),
    ("lists", include_str!("../../scenarios/lists.txt")),
    ("amend", include_str!("../../scenarios/amend.txt")),
    ("works", include_str!("../../scenarios/works.txt")),
    ("auction", include_str!("../../scenarios/auction.txt")),
    ("limits", include_str!("../../scenarios/limits.txt")),
    ("peatio", include_str!("../../scenarios/peatio.txt")),
];

/// Runs every story of `text` on a machine of its own.
///
/// # Errors
/// The stories that went another way, each as it should be and as it was.
pub fn check<M: Machine>(text: &str, machine: impl Fn(Config) -> M) -> Result<usize, String> {
    let mut failures = String::new();
    let stories = stories(text);
    for story in &stories {
        let told = tell(story, &machine);
        if told.trim_end() != story.trim_end() {
            let _ = writeln!(failures, "should be:\n{story}\nbut was:\n{told}");
        }
    }
    if failures.is_empty() { Ok(stories.len()) } else { Err(failures) }
}

/// The text with the machine's answers in place of the ones it has.
#[must_use]
pub fn answer<M: Machine>(text: &str, machine: impl Fn(Config) -> M) -> String {
    let told: Vec<String> =
        stories(text).iter().map(|story| tell(story, &machine).trim_end().to_owned()).collect();
    told.join("\n\n") + "\n"
}

/// Each from its `## title` to the next.
fn stories(text: &str) -> Vec<String> {
    let mut stories: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.starts_with("## ") {
            stories.push(String::new());
        }
        if let Some(story) = stories.last_mut() {
            story.push_str(line);
            story.push('\n');
        }
    }
    stories
}

/// How the events of a line are told.
#[derive(Clone, Copy)]
enum Telling {
    All,
    Counts,
    Nothing,
}

/// The line itself, how its events are told and how often it is said.
fn manner(line: &str) -> (&str, Telling, u64) {
    if let Some(line) = line.strip_prefix("given ") {
        return (line, Telling::Nothing, 1);
    }
    if let Some(line) = line.strip_prefix("count ") {
        return (line, Telling::Counts, 1);
    }
    if let Some((times, line)) = line.strip_prefix("repeat ").and_then(|l| l.split_once(' ')) {
        return (line, Telling::Counts, times.parse().expect("how often to repeat"));
    }
    (line, Telling::All, 1)
}

fn indented(line: &str) -> String {
    format!("    {line}\n")
}

/// How many events there were of each kind.
fn counts(events: &[Event]) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for event in events {
        let sentence = say::event(event);
        let kind = sentence.split([' ', ',']).next().unwrap_or_default();
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts.iter().map(|(kind, count)| indented(&format!("{count} {kind}"))).collect()
}

/// A story with the machine's answers.
fn tell<M: Machine>(story: &str, machine: &impl Fn(Config) -> M) -> String {
    let mut teller = Storyteller::default();
    let mut told = String::new();
    let mut machine_of_story: Option<M> = None;
    for line in story.lines() {
        if line.starts_with(' ') {
            continue;
        }
        let _ = writeln!(told, "{line}");
        if line.starts_with('#') || line.trim().is_empty() || teller.prepares(line) {
            continue;
        }
        let machine = machine_of_story.get_or_insert_with(|| {
            let mut machine = machine(teller.config);
            for command in teller.setup(line) {
                let mut events = Events::default();
                machine.apply(&command, &mut events);
            }
            machine
        });
        let (line, telling, times) = manner(line);
        match teller.action(line) {
            Action::Wait => {}
            Action::Apply(command) => {
                let mut events = Events::default();
                machine.apply(&command, &mut events);
                for _ in 1..times {
                    // Said again, so that operations have numbers of their own.
                    if let Action::Apply(command) = teller.action(line) {
                        machine.apply(&command, &mut events);
                    }
                }
                teller.learn(&events.0);
                match telling {
                    Telling::All => told.extend(events.0.iter().map(|e| indented(&say::event(e)))),
                    Telling::Counts => told.push_str(&counts(&events.0)),
                    Telling::Nothing => {}
                }
            }
            Action::Best(market) => {
                told.push_str(&indented(&say::best(machine.best(market))));
            }
            Action::Balance(member) => {
                for currency in [lines::BASE, lines::QUOTE] {
                    let balance = machine.balance(member, currency);
                    told.push_str(&indented(&say::balance(currency, balance)));
                }
            }
            Action::TickDue(time_ns) => {
                let answer = if machine.tick_due(time_ns) { "due" } else { "not due" };
                told.push_str(&indented(answer));
            }
        }
    }
    told
}
