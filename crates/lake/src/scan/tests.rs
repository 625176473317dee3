use std::sync::Mutex;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, StringArray};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use super::*;
use crate::columns::{Digest, Digests, NumberColumn, Unit};

const ROWS: i64 = 20_000;

/// Ten thousand rows a row group; ids without a dictionary, kinds with one, and nulls.
fn file(dir: &tempfile::TempDir) -> PathBuf {
    let numbers: Int64Array = (0..ROWS).map(|row| (row % 7 > 0).then_some(row)).collect();
    let ids: StringArray = (0..ROWS).map(|row| Some(format!("{row:032x}"))).collect();
    let kinds: StringArray =
        (0..ROWS).map(|row| (row % 5 > 0).then(|| format!("k{}", row % 3))).collect();
    let bytes: BinaryArray = (0..ROWS).map(|row| Some(row.to_be_bytes().to_vec())).collect();
    let batch = RecordBatch::try_from_iter([
        ("number", Arc::new(numbers) as ArrayRef),
        ("id", Arc::new(ids)),
        ("kind", Arc::new(kinds)),
        ("bytes", Arc::new(bytes)),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(10_000))
        .set_column_dictionary_enabled("id".into(), false)
        .build();
    let path = dir.path().join("rows.parquet");
    let to = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(to, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn every_row_comes_once_by_whatever_threads() {
    let dir = tempfile::tempdir().unwrap();
    let scan = Scan::open(&file(&dir), &["id", "number", "kind"]).unwrap();
    assert_eq!(scan.rows(), ROWS as u64);
    for threads in 1..4 {
        let rows = Mutex::new(Vec::new());
        let fresh = [Digests::of_column("id"), Digests::of_column("kind")];
        let fresh = (fresh, NumberColumn::new("number", Unit::AsItIs));
        let threads = NonZeroUsize::new(threads).unwrap();
        let take = |columns: &mut ([Digests; 2], NumberColumn), batch: &RecordBatch| {
            let ([ids, kinds], numbers) = columns;
            let (ids, kinds, numbers) =
                (ids.read(batch)?, kinds.read(batch)?, numbers.read(batch)?);
            let all = ids.iter().zip(kinds).zip(numbers);
            let all = all.map(|((id, kind), number)| (*id, *kind, number));
            rows.lock().unwrap().extend(all);
            Ok(())
        };
        scan.each(threads, &fresh, take).unwrap();
        let mut rows = rows.into_inner().unwrap();
        rows.sort_unstable();
        let row = |row: i64| {
            let kind = format!("k{}", row % 3);
            let kind = if row % 5 > 0 { Digest::of_text(&kind) } else { Digest::NULL };
            (Digest::of_text(&format!("{row:032x}")), kind, (row % 7 > 0).then_some(row))
        };
        let mut expected: Vec<_> = (0..ROWS).map(row).collect();
        expected.sort_unstable();
        assert_eq!(rows, expected);
    }
}

#[test]
fn dictionaries_are_handed_on_and_other_text_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let scan = Scan::open(&file(&dir), &["id", "kind", "bytes"]).unwrap();
    let types = Mutex::new(Vec::new());
    let take = |(): &mut (), batch: &RecordBatch| {
        let schema = batch.schema();
        assert!(batch.num_rows() <= BATCH_ROWS && batch.column_by_name("number").is_none());
        let types_of = schema.fields().iter().map(|field| field.data_type().to_string());
        types.lock().unwrap().push(types_of.collect::<Vec<_>>().join(" "));
        assert!(batch.column_by_name("id").unwrap().as_string_view_opt().is_some());
        Ok(())
    };
    scan.each(NonZeroUsize::MIN, &(), take).unwrap();
    let types = types.into_inner().unwrap();
    assert!(types.iter().all(|types| types.contains("Dictionary(Int32, Utf8)")), "{types:?}");
    assert_eq!(types.len(), 4);
}

#[test]
fn failures_say_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let error = Scan::open(&path, &["nothing"]).unwrap_err().to_string();
    assert_eq!(error, "there is no column `nothing`; there are: number, id, kind, bytes");
    assert!(matches!(
        Scan::open(&dir.path().join("none"), &[]).unwrap_err(),
        LakeError::File { .. }
    ));
    std::fs::write(dir.path().join("text"), "no parquet").unwrap();
    let error = Scan::open(&dir.path().join("text"), &[]).unwrap_err();
    assert!(matches!(error, LakeError::Parquet { .. }), "{error:?}");
    let refuse = |(): &mut (), _: &RecordBatch| Err(LakeError::Parameter("enough".to_owned()));
    let error = Scan::open(&path, &["id"]).unwrap().each(NonZeroUsize::MIN, &(), refuse);
    assert_eq!(error.unwrap_err().to_string(), "enough");
    // Bytes in the middle of a page.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5000..9000].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let damaged = Scan::open(&path, &["number", "id"]).unwrap();
    assert!(damaged.each(NonZeroUsize::MIN, &(), |(), _| Ok(())).is_err());
}
