//! `opex vectors`: runs a file of conformance vectors.

use super::{Arguments, show};
use crate::failure::{EXIT_DIFFERS, EXIT_MATCH, Failure};
use crate::vectors::{VectorFile, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

/// Help of this command.
pub const HELP: &str = "\
opex vectors FILE.json [--kind KIND] [--json]

Runs the conformance vectors of FILE through the real engine, one fresh engine for each, under the
market profile that keeps OPEX's rules. Kinds: matching, exchange, settlement_check,
market_estimate, avg_price, account_op. Vectors of other kinds are skipped: their feature belongs to
a later issue.

  --kind KIND  only vectors of this kind
  --json       one JSON object a vector; the summary goes to stderr

The last line says: N passed, M failed, K skipped.
Exit codes: 0 none failed; 1 some failed; 2 bad arguments or bad input.
";

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    kind: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    differences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Passed, failed, skipped.
type Counts = [u64; 3];

/// Runs the command.
pub fn run(parser: lexopt::Parser) -> Result<ExitCode, Failure> {
    let arguments = Arguments::read(parser, &["kind"])?;
    if arguments.is_help {
        return show(HELP);
    }
    let path = arguments.only("file of vectors")?;
    let file = VectorFile::read(path)?;
    let only = arguments.option("kind");
    let mut out = io::stdout().lock();
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for vector in &file.vectors {
        if only.is_some_and(|kind| kind != vector.kind) {
            continue;
        }
        let verdict = file.run(vector);
        let (result, differences, reason) = match &verdict {
            Verdict::Passed => (0, &[][..], None),
            Verdict::Failed(differences) => (1, differences.as_slice(), None),
            Verdict::Skipped(reason) => (2, &[][..], Some(*reason)),
        };
        counts.entry(&vector.kind).or_default()[result] += 1;
        let result = ["passed", "failed", "skipped"][result];
        if arguments.is_json {
            let line = Line { id: &vector.id, kind: &vector.kind, result, differences, reason };
            serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
            writeln!(out)?;
        } else if !differences.is_empty() {
            writeln!(out, "FAILED {} {}: {}", vector.kind, vector.id, vector.title)?;
            differences.iter().try_for_each(|text| writeln!(out, "    {text}"))?;
        }
    }
    if let (Some(kind), true) = (only, counts.is_empty()) {
        return Err(Failure::input(format!("{} has no vector of kind {kind}", path.display())));
    }
    summary(&mut out, &counts, arguments.is_json)?;
    let failed: u64 = counts.values().map(|counts| counts[1]).sum();
    Ok(ExitCode::from(if failed == 0 { EXIT_MATCH } else { EXIT_DIFFERS }))
}

fn summary(
    out: &mut impl Write,
    counts: &BTreeMap<&str, Counts>,
    is_json: bool,
) -> Result<(), Failure> {
    let mut totals = [0; 3];
    for (kind, counts) in counts {
        for (total, count) in totals.iter_mut().zip(counts) {
            *total += count;
        }
        let [passed, failed, skipped] = counts;
        match (is_json, skipped) {
            (true, _) => {}
            (_, 0) => writeln!(out, "{kind:<24}{passed:>4} passed {failed:>4} failed")?,
            _ => writeln!(out, "{kind:<24}{skipped:>4} skipped: belongs to a later issue")?,
        }
    }
    let [passed, failed, skipped] = totals;
    let line = format!("{passed} passed, {failed} failed, {skipped} skipped");
    if is_json {
        eprintln!("{line}")
    } else {
        writeln!(out, "{line}")?
    }
    Ok(())
}
