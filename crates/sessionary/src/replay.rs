//! `sessionary replay`: the stored sessions by the rules of another product.
use std::fmt::Write;

use anyhow::bail;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use sessionary_core::{lane::HashSecret, profile::Profile, rules::Rules};
use sessionary_engine::comparing::{Compared, Comparing, Difference, Sums, Told, compare};

use crate::{
    arguments::Replay,
    config, directory, logging,
    table::{counted, written},
};

/// Folds again, and prints what would be otherwise.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(arguments: &Replay) -> anyhow::Result<()> {
    logging::start("warn");
    let config = config::load(None)?;
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    let how = "which cannot do this yet, or stop it for as long as it takes";
    let (store, registry) = directory::open_unserved(dir, &config, how)?;
    let tenants = registry.tenants();
    let Some(tenant) = tenants.iter().find(|one| one.name == arguments.tenant) else {
        let names: Vec<&str> = tenants.iter().map(|tenant| &*tenant.name).collect();
        bail!("there is no tenant {:?}; there are: {}", arguments.tenant, names.join(", "));
    };
    let before = directory::kept_rules(&store, &config)?;
    let after = arguments.profile.over(&before);
    let engine = directory::start(store, &registry, &config, before.clone())?;
    // Brings everything into the tables.
    drop(engine.reader_blocking()?);
    let secret = HashSecret(registry.secrets().identity_hash);
    let asked = Comparing {
        store: engine.store(),
        tenant: tenant.number,
        secret: &secret,
        before: &before,
        after: &after,
        from: arguments.from,
        until: arguments.to,
    };
    let bar = ProgressBar::new_spinner();
    let (mut shown, mut differences) = (0, 0_u64);
    let compared = compare(&asked, |difference| {
        differences += 1;
        bar.set_message(format!("{differences} differences"));
        bar.tick();
        if arguments.json {
            println!("{}", json!(difference));
        } else if arguments.diff && shown < arguments.limit {
            shown += 1;
            bar.suspend(|| print!("{}", told(&difference)));
        }
    })?;
    bar.finish_and_clear();
    if arguments.json {
        println!("{}", json!({ "profile": arguments.profile.name(), "totals": compared }));
    } else {
        if arguments.diff && differences > shown as u64 {
            let rest = counted(differences - shown as u64);
            println!("… and {rest} more; --limit says how many, --json gives all\n");
        }
        print!("{}", summed(arguments.profile, &before, &after, &compared));
    }
    engine.shutdown();
    Ok(())
}

/// One difference: the sessions as they stand, and below them as they would be.
fn told(difference: &Difference) -> String {
    let mut text = format!("{}\n", difference.kind);
    let mut side = |sign: char, sessions: &[Told]| {
        for one in sessions {
            let engaged = if one.engaged { ", engaged" } else { "" };
            let _ = writeln!(
                text,
                "  {sign} {} {} .. {}  {} facts, {}{engaged}, {}",
                one.id,
                one.started_at,
                one.ended_at,
                one.event_count,
                one.disposition,
                one.split_cause,
            );
        }
    };
    side('-', &difference.before);
    side('+', &difference.after);
    text.push('\n');
    text
}

fn summed(profile: Profile, before: &Rules, after: &Rules, compared: &Compared) -> String {
    let Compared { before: was, after: is, .. } = compared;
    let name = profile.name();
    let mut rows = Vec::new();
    let mut row = |what: &str, was: u64, is: u64| {
        rows.push(vec![what.to_owned(), counted(was), counted(is), change(was, is)]);
    };
    row("sessions", was.sessions, is.sessions);
    row("engaged", was.engaged, is.engaged);
    row("one view only", was.single_view, is.single_view);
    row("mean duration, s", mean_s(was), mean_s(is));
    let outcomes = was.dispositions.keys().chain(is.dispositions.keys());
    let outcomes: std::collections::BTreeSet<&String> = outcomes.collect();
    for outcome in outcomes {
        let of = |sums: &Sums| sums.dispositions.get(outcome).copied().unwrap_or_default();
        row(outcome, of(was), of(is));
    }
    let mut text = written(&["", "as they stand", name, "change"], &rows);
    let Compared { same, changed, split, joined, spread, .. } = compared;
    let _ = writeln!(
        text,
        "\n  {} sessions are the same, {} end otherwise, {} are split, {} are joined, {} are spread otherwise",
        counted(*same),
        counted(*changed),
        counted(*split),
        counted(*joined),
        counted(*spread),
    );
    if compared.lanes_left_out > 0 {
        let _ = writeln!(
            text,
            "  {} visitors or lines are left out, because retention has removed signals of them",
            counted(compared.lanes_left_out)
        );
    }
    if was.sessions == 0 {
        let _ =
            writeln!(text, "  No session lies in that range: leave --from and --to out to see all");
    }
    let settings = settings(before, after);
    if settings.is_empty() {
        let _ = writeln!(text, "  The rules in force are those of {name} already");
    } else {
        let _ = writeln!(text, "  To fold by {name} from now on, set: {}", settings.join(", "));
    }
    text
}

fn mean_s(sums: &Sums) -> u64 {
    let total = u64::try_from(sums.duration_ms).unwrap_or_default();
    total.checked_div(sums.sessions).unwrap_or_default() / 1_000
}

fn change(was: u64, is: u64) -> String {
    let (sign, by) = if is < was { ("-", was - is) } else { ("+", is - was) };
    match (by, was) {
        (0, _) => "0".to_owned(),
        (by, 0) => format!("{sign}{}", counted(by)),
        (by, was) => {
            let tenths = by.saturating_mul(1_000) / was;
            format!("{sign}{} ({sign}{}.{} %)", counted(by), tenths / 10, tenths % 10)
        }
    }
}

/// The settings in which the rules differ, with their new values.
fn settings(before: &Rules, after: &Rules) -> Vec<String> {
    let flat = |rules: &Rules| {
        let rules = serde_json::to_value(rules).unwrap_or_default();
        let section = |name: &str| rules.get(name).and_then(Value::as_object).cloned();
        let named = |name: &'static str| {
            let section = section(name).unwrap_or_default();
            section.into_iter().map(move |(key, value)| (format!("{name}.{key}"), value))
        };
        named("boundary").chain(named("engagement")).collect::<Vec<_>>()
    };
    let (before, after) = (flat(before), flat(after));
    let differing = after.into_iter().filter(|setting| !before.contains(setting));
    differing.map(|(name, value)| format!("{name} = {value}")).collect()
}
