//! `sessionary bench questions`: the common questions over Parquet files, by the operators that
//! reports and SQL use.
//!
//! One question a process, and one line of JSON: the answer, the time it took, the processor time
//! that the work took on all threads without the start of the program, and the most memory.
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use sessionary_engine::clock::monotonic;

use super::{
    counters::{Counters, process_cpu_us, real},
    flags::{Question, Questions},
};

mod files;
mod answers;
mod lookups;

use files::Files;

/// Answers one question.
#[expect(clippy::print_stdout, reason = "the line is what the command is for")]
pub(super) fn run(arguments: &Questions) -> anyhow::Result<()> {
    // Large pages are filled with zeros two megabytes at a time for buffers that live a moment: on a
    // virtual machine that took a third of the longest question. An old kernel may refuse.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let files = Files::new(arguments.dir.clone(), arguments.threads);
    let (began, cpu_before) = (monotonic(), process_cpu_us());
    let (answer, of_one) = arguments.question.answer(&files).context("no answer")?;
    let cpu_s = (process_cpu_us() - cpu_before) / 1e6;
    let wall_s = of_one.unwrap_or_else(|| monotonic().duration_since(began)).as_secs_f64();
    let peak_mb = real(Counters::own()?.peak_rss >> 20);
    let question = arguments.question.name();
    println!(
        "{}",
        json!({
            "question": question, "answer": answer, "wall_s": wall_s, "cpu_s": cpu_s,
            "peak_mb": peak_mb,
        })
    );
    Ok(())
}

impl Question {
    /// The answer, and the time of one where there were several.
    fn answer(self, files: &Files) -> anyhow::Result<(Vec<Value>, Option<Duration>)> {
        let rows = match self {
            Question::Q1 => answers::sessions(files)?,
            Question::Q2 => answers::dispositions(files)?,
            Question::Q3 => answers::attribution(files)?,
            Question::Q4 => answers::funnel(files)?,
            Question::Q5 => answers::paths(files)?,
            Question::Q6 => answers::retention(files)?,
            Question::Q7 => answers::variants(files)?,
            Question::Q8 => answers::markov(files)?,
            Question::Q9 => {
                let found = lookups::sessions(&files.dir)?;
                return Ok((found.rows, Some(found.median)));
            }
        };
        Ok((rows, None))
    }

    fn name(self) -> &'static str {
        match self {
            Question::Q1 => "q1",
            Question::Q2 => "q2",
            Question::Q3 => "q3",
            Question::Q4 => "q4",
            Question::Q5 => "q5",
            Question::Q6 => "q6",
            Question::Q7 => "q7",
            Question::Q8 => "q8",
            Question::Q9 => "q9",
        }
    }
}
