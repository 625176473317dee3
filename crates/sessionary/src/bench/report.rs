//! The report: the table of lines, and the figures beside their goals.
use std::fmt::Write;

use serde::Serialize;

use super::{
    counters::real,
    machine::Machine,
    round::{Line, Waits},
};
use crate::table::written;

/// What was measured, all of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) sections: Vec<Section>,
}

/// One scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Section {
    pub(super) scenario: String,
    pub(super) about: String,
    pub(super) lines: Vec<Line>,
    pub(super) figures: Vec<Figure>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing is promised; it is there to be looked at.
    None,
}

/// A figure beside its goal.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) goal: Goal,
    pub(super) met: Option<bool>,
}

impl Figure {
    /// A figure; `None` where something that it is made of is missing.
    pub(super) fn new(name: &str, value: Option<f64>, unit: &'static str, goal: Goal) -> Figure {
        let met = value.and_then(|value| match goal {
            Goal::AtMost(most) => Some(value <= most),
            Goal::AtLeast(least) => Some(value >= least),
            Goal::None => None,
        });
        Figure { name: name.to_owned(), value, unit, goal, met }
    }
}

impl Report {
    /// For a person.
    pub(super) fn text(&self) -> String {
        let mut text = self.machine.text();
        for section in &self.sections {
            let _ = writeln!(text, "\n{}: {}\n", section.scenario, section.about);
            if !section.lines.is_empty() {
                text.push_str(&table(&section.lines));
            }
            for line in &section.lines {
                if let Some(why) = &line.missing {
                    let _ = writeln!(text, "  {}: {why}", line.name);
                }
            }
            text.push('\n');
            text.push_str(&figures(&section.figures));
        }
        text
    }
}

#[rustfmt::skip]
const HEADS: &[&str] = &[
    "line", "signals/s", "least", "most", "CPU us", "maker us", "written", "disk B", "RSS MiB",
    "p50 ms", "p99", "p99.9", "max",
];

fn table(lines: &[Line]) -> String {
    let row = |line: &Line| {
        let range = line.signals_per_second_range;
        let wait = |of: fn(&Waits) -> f64| number(line.waits_at_half.as_ref().map(of));
        vec![
            line.name.clone(),
            number(line.signals_per_second),
            number(range.map(|(least, _)| least)),
            number(range.map(|(_, most)| most)),
            number(line.cpu_us_per_signal),
            number(line.generator_cpu_us_per_signal),
            number(line.written_per_received),
            number(line.disk_bytes_per_signal),
            number(line.peak_rss_bytes.map(|bytes| real(bytes >> 20))),
            wait(|waits| waits.p50_ms),
            wait(|waits| waits.p99_ms),
            wait(|waits| waits.p999_ms),
            wait(|waits| waits.max_ms),
        ]
    };
    written(HEADS, &lines.iter().map(row).collect::<Vec<_>>())
}

fn figures(figures: &[Figure]) -> String {
    let row = |figure: &Figure| {
        let goal = match figure.goal {
            Goal::AtMost(most) => format!("goal <= {most}"),
            Goal::AtLeast(least) => format!("goal >= {least}"),
            Goal::None => String::new(),
        };
        let met = match figure.met {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "",
        };
        let value = number(figure.value);
        vec![figure.name.clone(), value, figure.unit.to_owned(), goal, met.to_owned()]
    };
    written(&["figure", "value", "", "", ""], &figures.iter().map(row).collect::<Vec<_>>())
}

/// Three digits, or as many as stand before the point.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_not_or_unknown() {
        let met = |value, goal| Figure::new("x", value, "us", goal).met;
        assert_eq!(met(Some(5.0), Goal::AtMost(5.0)), Some(true));
        assert_eq!(met(Some(0.4), Goal::AtLeast(0.45)), Some(false));
        assert_eq!((met(None, Goal::AtMost(1.0)), met(Some(1.0), Goal::None)), (None, None));
        let text = figures(&[Figure::new("CPU", Some(31.23), "us", Goal::AtMost(5.0))]);
        assert!(text.contains("31.2") && text.contains("goal <= 5") && text.contains("NOT MET"));
    }
}
