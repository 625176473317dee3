//! Rows for tests, as batches whose columns take every form in turn.
use std::{num::NonZeroUsize, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Int32Array,
        Int64Array, LargeStringArray, StringArray, StringViewArray, TimestampMicrosecondArray,
        TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
    },
    datatypes::{Int8Type, Int32Type, UInt16Type},
    record_batch::RecordBatch,
};

use crate::operators::Operator;

pub(crate) const TEXT_FORMS: usize = 8;
pub(crate) const NUMBER_FORMS: usize = 5;
pub(crate) const MOMENT_FORMS: usize = 5;

/// Text in one of the forms in which Arrow holds it.
pub(crate) fn texts(values: &[Option<&str>], form: usize) -> ArrayRef {
    let values = values.iter().copied();
    match form % TEXT_FORMS {
        0 => Arc::new(values.collect::<StringArray>()),
        1 => Arc::new(values.collect::<LargeStringArray>()),
        2 => Arc::new(values.collect::<StringViewArray>()),
        3 => Arc::new(values.collect::<DictionaryArray<Int32Type>>()),
        4 => Arc::new(values.collect::<DictionaryArray<Int8Type>>()),
        5 => Arc::new(values.map(|text| text.map(str::as_bytes)).collect::<BinaryArray>()),
        // A slice of a longer column, and a dictionary that itself holds a null and views.
        6 => {
            let longer: StringArray = [Some("before")].into_iter().chain(values).collect();
            Arc::new(longer.slice(1, longer.len() - 1))
        }
        _ => {
            let values: Vec<Option<&str>> = values.collect();
            let keys = (0..u16::try_from(values.len()).unwrap()).map(Some);
            let keys = keys.collect::<arrow::array::PrimitiveArray<UInt16Type>>();
            let held = Arc::new(values.into_iter().collect::<StringViewArray>());
            Arc::new(DictionaryArray::new(keys, held))
        }
    }
}

/// Numbers in one of several forms.
pub(crate) fn numbers(values: &[Option<i64>], form: usize) -> ArrayRef {
    let small = || values.iter().map(|value| value.map(|value| i8::try_from(value).unwrap()));
    match form % NUMBER_FORMS {
        0 => Arc::new(values.iter().copied().collect::<Int64Array>()),
        1 => Arc::new(small().map(|value| value.map(i32::from)).collect::<Int32Array>()),
        2 => Arc::new(small().collect::<arrow::array::Int8Array>()),
        3 => {
            Arc::new(values.iter().map(|value| value.map(i128::from)).collect::<Decimal128Array>())
        }
        _ => {
            let keys = (0..i8::try_from(values.len()).unwrap()).map(Some);
            let held = Arc::new(values.iter().copied().collect::<Int64Array>());
            let keys = keys.collect::<arrow::array::Int8Array>();
            Arc::new(DictionaryArray::new(keys, held))
        }
    }
}

/// Moments, given in milliseconds, in one of several forms.
pub(crate) fn moments(values: &[Option<i64>], form: usize) -> ArrayRef {
    let times = |by: i64| values.iter().map(move |value| value.map(|value| value * by));
    match form % MOMENT_FORMS {
        0 => Arc::new(times(1).collect::<Int64Array>()),
        1 => Arc::new(times(1).collect::<TimestampMillisecondArray>().with_timezone("UTC")),
        2 => Arc::new(times(1000).collect::<TimestampMicrosecondArray>()),
        3 => Arc::new(times(1_000_000).collect::<TimestampNanosecondArray>()),
        _ => {
            let unsigned = values.iter().map(|value| value.map(|value| value.try_into().unwrap()));
            Arc::new(unsigned.collect::<UInt64Array>())
        }
    }
}

pub(crate) fn truths(values: &[Option<bool>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<BooleanArray>())
}

/// Cuts rows into batches of a few, each in other forms.
pub(crate) fn batches<R>(
    rows: &[R],
    columns: impl Fn(&[R], usize) -> Vec<(&'static str, ArrayRef)>,
) -> Vec<RecordBatch> {
    let batch = |(form, rows)| RecordBatch::try_from_iter(columns(rows, form)).unwrap();
    // With no rows at all there is still a batch.
    let chunks = if rows.is_empty() { vec![rows] } else { rows.chunks(5).collect() };
    chunks.into_iter().enumerate().map(batch).collect()
}

/// Gives the batches to so many clones in turn, and asks them with as many threads.
pub(crate) fn ask<O: Operator>(operator: &O, batches: &[RecordBatch], clones: usize) -> O::Answer {
    let mut clones = vec![operator.clone(); clones];
    let count = clones.len();
    for (at, batch) in batches.iter().enumerate() {
        clones[at % count].push(batch).unwrap();
    }
    O::together(clones, NonZeroUsize::new(count).unwrap()).unwrap()
}

/// Who is who, from pairs of a name and a person.
pub(crate) fn people(links: &[(String, String)]) -> crate::People {
    let mut own = crate::Links::new("visitor", "person", crate::Split::for_rows(50_000));
    let columns = |links: &[(String, String)], form| {
        let [from, to] = [0, 1].map(|side| {
            let side = links.iter().map(|link| if side == 0 { &link.0 } else { &link.1 });
            side.map(|text| Some(text.as_str())).collect::<Vec<_>>()
        });
        vec![("visitor", texts(&from, form)), ("person", texts(&to, form + 3))]
    };
    for batch in batches(links, columns) {
        own.push(&batch).unwrap();
    }
    crate::Links::people([own])
}
