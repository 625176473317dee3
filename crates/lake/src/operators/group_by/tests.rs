#![expect(clippy::cast_precision_loss, reason = "the numbers are small")]

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::forms::{ask, batches, moments, numbers, texts};

type Said = (Option<&'static str>, Option<i64>, Option<i64>, Option<i64>);

fn columns(rows: &[Said], form: usize) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("campaign", texts(&rows.iter().map(|row| row.0).collect::<Vec<_>>(), form)),
        ("when", moments(&rows.iter().map(|row| row.1).collect::<Vec<_>>(), form)),
        ("disposition", numbers(&rows.iter().map(|row| row.2).collect::<Vec<_>>(), form)),
        ("cents", numbers(&rows.iter().map(|row| row.3).collect::<Vec<_>>(), form + 1)),
    ]
}

fn parameters() -> GroupByParameters {
    let period = Dimension::Period { column: "when".into(), origin_ms: 10, period_ms: 7 };
    GroupByParameters {
        by: vec![
            Dimension::Value("campaign".into()),
            period,
            Dimension::Value("disposition".into()),
        ],
        counted: Some(Member::new("disposition", [10])),
        value: Some("cents".into()),
    }
}

/// By plain loops.
fn expected(rows: &[Said], dimensions: usize) -> Vec<(Vec<Word>, [i128; 4], Vec<f64>)> {
    let mut groups: BTreeMap<Vec<Word>, (i128, i128, Vec<i64>)> = BTreeMap::new();
    for (campaign, when, disposition, cents) in rows {
        let by = [
            campaign.map_or(Word::Null, Word::from),
            when.map_or(Word::Null, |when| Word::Number((when - 10_i64).div_euclid(7))),
            disposition.map_or(Word::Null, Word::Number),
        ];
        let group = groups.entry(by[..dimensions].to_vec()).or_default();
        group.0 += 1;
        group.1 += i128::from(*disposition == Some(10));
        group.2.extend(cents);
    }
    let group = |(by, (rows, counted, cents)): (Vec<Word>, (i128, i128, Vec<i64>))| {
        let (values, sum) = (cents.len(), cents.iter().sum::<i64>());
        let mean = sum as f64 / values as f64;
        let squares: f64 = cents.iter().map(|cents| (*cents as f64 - mean).powi(2)).sum();
        let means = if values > 0 { vec![mean] } else { vec![] };
        let variance = (values > 1).then(|| squares / (values - 1) as f64);
        (
            by,
            [rows, counted, values as i128, sum.into()],
            means.into_iter().chain(variance).collect(),
        )
    };
    groups.into_iter().map(group).collect()
}

fn said() -> impl Strategy<Value = Said> {
    (
        option::weighted(0.8, prop_oneof![Just("spring"), Just("summer"), Just("")]),
        option::weighted(0.9, 0_i64..40),
        option::weighted(0.9, prop_oneof![Just(10_i64), Just(-1), Just(127)]),
        option::weighted(0.7, -100_i64..100),
    )
}

proptest! {
    #[test]
    fn groups_are_those_of_plain_loops(
        rows in vec(said(), 0..50), dimensions in 0_usize..4, clones in 1_usize..4,
    ) {
        let mut parameters = parameters();
        parameters.by.truncate(dimensions);
        let answer = ask(&GroupBy::new(&parameters).unwrap(), &batches(&rows, columns), clones);
        let expected = expected(&rows, dimensions);
        prop_assert_eq!(answer.len(), expected.len());
        for (own, (by, counts, floats)) in answer.iter().zip(expected) {
            let numbers = [own.rows.into(), own.counted.into(), own.values.into(), own.sum];
            prop_assert_eq!((&own.by, numbers), (&by, counts));
            let own: Vec<f64> = own.mean().into_iter().chain(own.variance()).collect();
            prop_assert_eq!(own.len(), floats.len());
            for (own, float) in own.iter().zip(floats) {
                prop_assert!((own - float).abs() <= 1e-9 * float.abs().max(1.0), "{own} {float}");
            }
        }
    }
}

#[test]
fn a_variance_of_large_numbers_loses_no_digit() {
    // Naively, the squares of these differ in the 18th digit only.
    let rows = [1_000_000_000_001_i64, 1_000_000_000_002, 1_000_000_000_003];
    let columns = [("cents", Arc::new(arrow::array::Int64Array::from(rows.to_vec())) as ArrayRef)];
    let parameters = GroupByParameters { by: vec![], counted: None, value: Some("cents".into()) };
    let mut operator = GroupBy::new(&parameters).unwrap();
    operator.push(&RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    let groups = operator.finish().unwrap();
    assert_eq!((groups[0].variance(), groups[0].mean()), (Some(1.0), Some(1_000_000_000_002.0)));
    let batch = Group::batch(&groups).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (1, 6));
    assert_eq!(Group::batch(&[]).unwrap().num_rows(), 0);
}

#[test]
fn a_column_that_is_missing_or_no_number_is_told() {
    let batch = |name| RecordBatch::try_from_iter([(name, texts(&[Some("a")], 0))]).unwrap();
    let parameters = GroupByParameters { by: vec![], counted: None, value: Some("cents".into()) };
    let error =
        |name| GroupBy::new(&parameters).unwrap().push(&batch(name)).unwrap_err().to_string();
    assert_eq!(error("other"), "there is no column `cents`; there are: other");
    assert_eq!(
        error("cents"),
        "column `cents` is of type Utf8, which cannot be read as whole numbers or moments"
    );
    let period = Dimension::Period { column: "when".into(), origin_ms: 0, period_ms: 0 };
    assert!(GroupBy::new(&GroupByParameters { by: vec![period], ..parameters }).is_err());
}
