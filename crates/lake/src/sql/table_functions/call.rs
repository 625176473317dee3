//! Which functions there are, what they take and what they give.
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use datafusion::common::ScalarValue;

use crate::{
    LakeError, Member, Word,
    operators::{
        Attribution, Chains, Credited, FunnelParameters, Model, Order, Path, PathsParameters,
        Reached, Retained, RetentionParameters, SessionizeParameters, TouchColumns,
    },
    reports::length,
};

const DAY_MS: i64 = 86_400_000;
/// 1970-01-05, a Monday: weeks begin on it, and so do their multiples.
const MONDAY_MS: i64 = 4 * DAY_MS;
/// Runs of a path, and how many of them.
const PATH_MAX: i64 = 8;
const MOST_MAX: i64 = 10_000;
const STEPS_MAX: usize = 32;

/// What a number with a fraction is read as: the decimals of the lake.
pub(super) const FRACTION: DataType = DataType::Decimal128(38, 9);

/// A function, for a person.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// The columns that its query gives, in their order.
    pub columns: &'static str,
    /// What stands behind the query.
    pub arguments: &'static str,
    /// What it answers.
    pub about: &'static str,
}

impl Told {
    /// How it is called.
    pub fn form(&self) -> String {
        let Told { name, columns, arguments, .. } = self;
        format!("{name}('SELECT {columns} FROM …'{arguments})")
    }
}

/// Every function.
#[rustfmt::skip]
pub fn told() -> [Told; 6] {
    [
        Told {
            name: "funnel", columns: "who, when, what", arguments: ", '7d', 'step', 'step', …",
            about: "how many get how far along steps at rising times, within a window from the first; \
                    a step may be several values with | between them",
        },
        Told {
            name: "paths", columns: "who, when, node", arguments: ", length, most",
            about: "the most frequent runs of so many nodes one behind the other",
        },
        Told {
            name: "retention", columns: "who, when", arguments: ", '7d'",
            about: "who came first in a period, and in which later ones again; weeks begin on Mondays, UTC",
        },
        Told {
            name: "attribution", columns: "who, when, channel, converted, revenue",
            arguments: ", 'last_non_direct', '30d'",
            about: "conversions and revenue by channel: first, last, last_non_direct, linear, position or \
                    time_decay; a sixth column orders touches of one moment",
        },
        Told {
            name: "transitions", columns: "who, when, channel, converted", arguments: "",
            about: "how often one channel follows another up to a conversion or the end: a Markov chain of \
                    order 1; a fifth column orders touches of one moment",
        },
        Told {
            name: "sessionize", columns: "who, when", arguments: ", '30m'",
            about: "sessions out of events: a new one after so long a gap",
        },
    ]
}

/// A call with what stands behind its query.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Funnel { window_ms: u64, steps: Vec<Vec<Word>> },
    Paths { length: usize, most: usize },
    Retention { period_ms: i64 },
    Attribution { model: Model, lookback_ms: u64 },
    Transitions,
    Sessionize { gap_ms: u64 },
}

/// A call over rows whose columns are known: they have the names of [`NAMES`].
#[derive(Clone, Debug)]
pub(super) struct Over {
    pub(super) call: Call,
    /// How many columns are read.
    pub(super) columns: usize,
    /// What a unit of revenue is divided by: a decimal is read by its units.
    pub(super) revenue_unit: f64,
}

/// Names of the columns by their places; the third is a node, a channel or what happened.
pub(super) const NAMES: [&str; 6] = ["who", "when", "what", "converted", "revenue", "rank"];

impl Call {
    /// Reads the values behind the query.
    pub(super) fn read(name: &str, values: &[ScalarValue]) -> Result<Call, String> {
        match (name, values) {
            ("funnel", [window, steps @ ..]) if !steps.is_empty() && steps.len() <= STEPS_MAX => {
                let step = |step: &ScalarValue| text(step).map(|step| alternatives(&step));
                let steps = steps.iter().map(step).collect::<Option<_>>();
                let steps = steps.ok_or("takes its steps as text")?;
                Ok(Call::Funnel { window_ms: span(window)?, steps })
            }
            ("paths", [length, most]) => {
                let length = number(length, PATH_MAX, "a length")?;
                Ok(Call::Paths { length, most: number(most, MOST_MAX, "how many")? })
            }
            ("retention", [period]) => {
                let period_ms = i64::try_from(span(period)?).unwrap_or(i64::MAX);
                Ok(Call::Retention { period_ms })
            }
            ("attribution", [model, lookback]) => {
                let model = text(model).as_deref().and_then(model_of).ok_or(
                    "takes a model: first, last, last_non_direct, linear, position or time_decay",
                )?;
                Ok(Call::Attribution { model, lookback_ms: span(lookback)? })
            }
            ("transitions", []) => Ok(Call::Transitions),
            ("sessionize", [gap]) => Ok(Call::Sessionize { gap_ms: span(gap)? }),
            _ => Err("takes other values".to_owned()),
        }
    }

    /// Makes sure that the rows have the columns it reads.
    pub(super) fn over(&self, rows: &Schema) -> Result<Over, String> {
        let (least, most) = match self {
            Call::Funnel { .. } | Call::Paths { .. } => (3, 3),
            Call::Retention { .. } | Call::Sessionize { .. } => (2, 2),
            Call::Attribution { .. } => (5, 6),
            Call::Transitions => (4, 5),
        };
        let columns = rows.fields().len();
        if !(least..=most).contains(&columns) {
            let wanted =
                if least == most { format!("{least}") } else { format!("{least} or {most}") };
            return Err(format!("reads a query of {wanted} columns, and this has {columns}"));
        }
        let revenue = rows.fields().get(4).map(|field| field.data_type());
        let revenue_unit = match revenue {
            Some(DataType::Decimal128(_, scale)) => 10_f64.powi(i32::from(*scale)),
            Some(DataType::Float32 | DataType::Float64) => 1e9,
            _ => 1.0,
        };
        Ok(Over { call: self.clone(), columns, revenue_unit })
    }

    /// The columns of the answer.
    pub(super) fn schema(&self) -> SchemaRef {
        let made = match self {
            Call::Funnel { .. } => Reached::batch(&[]),
            Call::Paths { .. } => Path::batch(&[]),
            Call::Retention { .. } => {
                let began = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
                let field = |name: &str, kind: DataType| Field::new(name, kind, false);
                return Schema::new(vec![
                    field("cohort", began),
                    field("later", DataType::UInt64),
                    field("persons", DataType::UInt64),
                ])
                .into();
            }
            Call::Attribution { .. } => Credited::batch(&[], 0),
            Call::Transitions => crate::operators::Transition::batch(&[]),
            Call::Sessionize { .. } => crate::operators::Session::batch(&[]),
        };
        made.map_or_else(|_| Schema::empty().into(), |batch: RecordBatch| batch.schema())
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => {
            text.clone()
        }
        _ => None,
    }
}

fn alternatives(step: &str) -> Vec<Word> {
    step.split('|').map(|value| Word::from(value.trim())).collect()
}

fn span(value: &ScalarValue) -> Result<u64, String> {
    let length = text(value).as_deref().and_then(length).filter(|length| *length > 0);
    length.ok_or_else(|| "takes a length of time as 30m, 12h or 7d".to_owned())
}

fn number(value: &ScalarValue, most: i64, what: &str) -> Result<usize, String> {
    let number = match value {
        ScalarValue::Int64(Some(number)) => Some(*number),
        _ => None,
    };
    let number = number.filter(|number| (1..=most).contains(number));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| format!("takes {what} from 1 to {most}"))
}

/// Position gives the first and the last 40 % each; by time, a week counts half.
fn model_of(word: &str) -> Option<Model> {
    Some(match word {
        "first" => Model::First,
        "last" => Model::Last,
        "last_non_direct" => Model::LastNonDirect,
        "linear" => Model::Linear,
        "position" => Model::Position { first_percent: 40, last_percent: 40 },
        "time_decay" => Model::TimeDecay { half_life_ms: 7 * DAY_MS.unsigned_abs() },
        _ => return None,
    })
}

/// Parameters of the operators over columns of these names.
impl Over {
    pub(super) fn funnel(window_ms: u64, steps: Vec<Vec<Word>>) -> FunnelParameters {
        FunnelParameters {
            key: "who".into(),
            at: "when".into(),
            event: "what".into(),
            steps,
            window_ms,
            order: Order::GapsAllowed,
        }
    }

    pub(super) fn paths(length: usize, most: usize) -> PathsParameters {
        PathsParameters {
            key: "who".into(),
            at: "when".into(),
            node: "what".into(),
            only: None,
            length,
            most,
            separator: " > ".into(),
        }
    }

    pub(super) fn retention(period_ms: i64) -> RetentionParameters {
        let origin_ms = if period_ms % (7 * DAY_MS) == 0 { MONDAY_MS } else { 0 };
        RetentionParameters { key: "who".into(), at: "when".into(), origin_ms, period_ms }
    }

    pub(super) fn sessions(gap_ms: u64) -> SessionizeParameters {
        SessionizeParameters {
            key: "who".into(),
            at: "when".into(),
            id: None,
            gap_ms,
            without: None,
            counted: None,
            disposition: None,
            value: None,
        }
    }

    /// The path table, of whose columns the last orders touches where it is there.
    pub(super) fn touches(&self) -> TouchColumns {
        let has_revenue = matches!(self.call, Call::Attribution { .. });
        let is_ranked = self.columns == if has_revenue { 6 } else { 5 };
        TouchColumns {
            key: "who".into(),
            at: "when".into(),
            rank: is_ranked.then(|| "rank".into()),
            channel: "what".into(),
            converted: Member::new("converted", [true]),
            revenue: has_revenue.then(|| "revenue".into()),
        }
    }

    /// The name of a column by its place.
    pub(super) fn name(&self, place: usize) -> &'static str {
        match (&self.call, place) {
            (Call::Transitions, 4) => "rank",
            _ => NAMES.get(place).copied().unwrap_or_default(),
        }
    }
}

pub(super) fn credited(model: Model, lookback_ms: u64) -> Attribution {
    Attribution { lookback_ms, direct: Some("direct".into()), models: vec![model] }
}

/// The transitions as they are told.
pub(super) fn transitions(chains: &Chains) -> Result<RecordBatch, LakeError> {
    crate::operators::Transition::batch(&chains.transitions)
}

/// Cohorts by the moment at which their period began.
pub(super) fn cohorts(
    rows: &[Retained],
    parameters: &RetentionParameters,
    schema: SchemaRef,
) -> Result<RecordBatch, LakeError> {
    use arrow::array::{TimestampMillisecondArray, UInt64Array};
    let began = |row: &Retained| {
        parameters
            .origin_ms
            .saturating_add(i64::from(row.cohort).saturating_mul(parameters.period_ms))
    };
    let began = TimestampMillisecondArray::from_iter_values(rows.iter().map(began));
    let later = UInt64Array::from_iter_values(rows.iter().map(|row| u64::from(row.later)));
    let persons = UInt64Array::from_iter_values(rows.iter().map(|row| row.persons));
    let columns: Vec<arrow::array::ArrayRef> = vec![
        std::sync::Arc::new(began.with_timezone("UTC")),
        std::sync::Arc::new(later),
        std::sync::Arc::new(persons),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}
