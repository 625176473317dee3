use std::{fs::File, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array},
    datatypes::Int64Type,
};
use parquet::{
    arrow::ArrowWriter,
    file::properties::{EnabledStatistics, WriterProperties},
};
use proptest::prelude::*;

use super::*;

/// A file of keys and their places, so many rows to a page and to a row group.
fn written(path: &Path, keys: &[String], statistics: EnabledStatistics, rows: (usize, usize)) {
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(keys));
    let places: ArrayRef = Arc::new(Int64Array::from_iter_values((0..).take(keys.len())));
    let batch = RecordBatch::try_from_iter([("key", column), ("place", places)]).unwrap();
    let properties = WriterProperties::builder()
        .set_statistics_enabled(statistics)
        .set_data_page_row_count_limit(rows.0)
        .set_write_batch_size(rows.0)
        .set_max_row_group_row_count(Some(rows.1))
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn opened(path: &Path, key: &str) -> Result<Lookup, LakeError> {
    let files = LakeFiles::folder(path.parent().unwrap());
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    Lookup::open(&files, &Listed { name, bytes: path.metadata().unwrap().len() }, key)
}

fn found(lookup: &Lookup, key: &str) -> Vec<i64> {
    lookup.find(key).unwrap().column(1).as_primitive::<Int64Type>().values().to_vec()
}

fn statistics() -> impl Strategy<Value = EnabledStatistics> {
    prop_oneof![
        Just(EnabledStatistics::None),
        Just(EnabledStatistics::Chunk),
        Just(EnabledStatistics::Page)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_row_of_a_key_is_found_and_no_other(
        mut keys in prop::collection::vec("[a-d]{1,3}", 0..120),
        ordered in any::<bool>(),
        statistics in statistics(),
        page in 1_usize..9,
        group in 1_usize..40,
        asked in prop::collection::vec("[a-e]{0,4}", 0..8),
    ) {
        if ordered {
            keys.sort();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        written(&path, &keys, statistics, (page, group));
        let lookup = opened(&path, "key").unwrap();
        for key in keys.iter().chain(&asked) {
            let rows = (0..).zip(&keys).filter(|(_, row)| *row == key).map(|(place, _)| place);
            prop_assert_eq!(found(&lookup, key), rows.collect::<Vec<i64>>(), "{}", key);
        }
    }
}

#[test]
fn of_an_ordered_file_one_page_may_have_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let keys: Vec<String> = (0..10_000).map(|number| format!("{number:05}")).collect();
    written(&path, &keys, EnabledStatistics::Page, (100, 1_000));
    let lookup = opened(&path, "key").unwrap();
    let places = Places::of(lookup.metadata.metadata(), lookup.leaf, b"04250");
    assert_eq!(
        places,
        Places {
            groups: vec![Group {
                number: 4,
                rows: 1_000,
                ranges: std::iter::once(200..300).collect()
            }],
        }
    );
    assert_eq!(found(&lookup, "04250"), [4_250]);
}

#[test]
fn a_column_that_is_not_there_is_named_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    written(&path, &["a".to_owned()], EnabledStatistics::Page, (1, 1));
    let error = opened(&path, "id").unwrap_err().to_string();
    assert!(error.contains("id") && error.contains("key, place"), "{error}");
}
