//! What a text must contain for an expression to match it: plain pieces that one automaton finds
//! for all rules at once, so that only a few of the expressions are tried.
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// So many texts at most that an expression may be; more are looked at piece by piece.
const TEXTS: usize = 48;
/// Shorter pieces are in every agent.
const SHORTEST: usize = 2;

/// Pieces in lower case, one of which is in every text that matches; none: nothing is known.
pub(super) fn of(expression: &Hir) -> Vec<Vec<u8>> {
    needed(expression).pieces().unwrap_or_default()
}

/// What is known of the texts that match.
enum Needed {
    /// The match is one of these.
    Exactly(Vec<Vec<u8>>),
    /// The match contains one of these.
    OneOf(Vec<Vec<u8>>),
    Unknown,
}

impl Needed {
    fn pieces(self) -> Option<Vec<Vec<u8>>> {
        match self {
            Needed::Exactly(texts) | Needed::OneOf(texts) => {
                texts.iter().all(|text| text.len() >= SHORTEST).then_some(texts)
            }
            Needed::Unknown => None,
        }
    }
}

fn needed(expression: &Hir) -> Needed {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => Needed::Exactly(vec![Vec::new()]),
        HirKind::Literal(literal) => Needed::Exactly(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => letters(class).map_or(Needed::Unknown, Needed::Exactly),
        HirKind::Capture(group) => needed(&group.sub),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Concat(parts) => joined(parts),
        HirKind::Alternation(branches) => one_of(branches),
    }
}

/// The letters of a small class, each as a text.
fn letters(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Bytes(class) = class else { return None };
    let few: usize = class.ranges().iter().map(regex_syntax::hir::ClassBytesRange::len).sum();
    if few > TEXTS {
        return None;
    }
    let all = class.ranges().iter().flat_map(|range| range.start()..=range.end());
    let mut letters: Vec<_> = all.map(|letter| vec![letter.to_ascii_lowercase()]).collect();
    letters.sort_unstable();
    letters.dedup();
    Some(letters)
}

fn repeated(repetition: &Repetition) -> Needed {
    let once = needed(&repetition.sub);
    match (repetition.min, repetition.max, once) {
        (1, Some(1), once) => once,
        (0, Some(1), Needed::Exactly(mut texts)) => {
            texts.push(Vec::new());
            Needed::Exactly(texts)
        }
        (0, ..) => Needed::Unknown,
        (_, _, once) => once.pieces().map_or(Needed::Unknown, Needed::OneOf),
    }
}

/// Parts in a row: neighbours that are known exactly are joined, and of all that is needed the
/// longest counts.
fn joined(parts: &[Hir]) -> Needed {
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut run = vec![Vec::new()];
    let mut whole = true;
    let mut offer = |pieces: Option<Vec<Vec<u8>>>| {
        let Some(pieces) = pieces else { return };
        if best.as_ref().is_none_or(|best| worth(&pieces) > worth(best)) {
            best = Some(pieces);
        }
    };
    for part in parts {
        match needed(part) {
            Needed::Exactly(texts) if run.len() * texts.len() <= TEXTS => {
                run = product(&run, &texts);
            }
            Needed::Exactly(texts) => {
                whole = false;
                offer(Needed::Exactly(std::mem::replace(&mut run, texts)).pieces());
            }
            other => {
                whole = false;
                offer(Needed::Exactly(std::mem::replace(&mut run, vec![Vec::new()])).pieces());
                offer(other.pieces());
            }
        }
    }
    if whole {
        return Needed::Exactly(run);
    }
    offer(Needed::Exactly(run).pieces());
    best.map_or(Needed::Unknown, Needed::OneOf)
}

/// Long pieces are rare in texts, and few are better than many.
fn worth(pieces: &[Vec<u8>]) -> (usize, usize) {
    let shortest = pieces.iter().map(Vec::len).min().unwrap_or_default();
    (shortest, usize::MAX - pieces.len())
}

fn product(firsts: &[Vec<u8>], seconds: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let pairs = firsts.iter().flat_map(|first| seconds.iter().map(move |second| (first, second)));
    pairs.map(|(first, second)| [first.as_slice(), second].concat()).collect()
}

fn one_of(branches: &[Hir]) -> Needed {
    let mut texts = Vec::new();
    let mut exactly = true;
    for branch in branches {
        match needed(branch) {
            Needed::Exactly(branch) => texts.extend(branch),
            Needed::OneOf(branch) => {
                exactly = false;
                texts.extend(branch);
            }
            Needed::Unknown => return Needed::Unknown,
        }
    }
    if exactly { Needed::Exactly(texts) } else { Needed::OneOf(texts) }
}
