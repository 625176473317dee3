//! What is read is what was written, or an error that names the file.
use std::fs;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use proptest::{collection::vec, prelude::*};
use tempfile::TempDir;

use super::*;
use crate::parquet_file::ParquetFile;

const NAME: &str = "sessions/tenant=shop/dt=2026-01-05/0000000001-00000.parquet";

/// Rows whose texts compress badly, so that a file of few has several blocks.
fn rows(count: u64) -> RecordBatch {
    let text = |n: u64| format!("{:x}{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n * n);
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..count).map(text)));
    let revisions = (0..count).map(|n| i64::try_from(n).unwrap());
    let revisions: ArrayRef = Arc::new(Int64Array::from_iter_values(revisions));
    RecordBatch::try_from_iter([("id", ids), ("revision", revisions)]).unwrap()
}

struct World {
    dir: TempDir,
    bytes: Vec<u8>,
}

impl World {
    fn new(count: u64) -> World {
        let dir = tempfile::tempdir().unwrap();
        let rows = rows(count);
        let files = LakeFiles::folder(dir.path());
        let mut file = ParquetFile::create(files.place(), NAME, rows.schema()).unwrap();
        file.write(&rows).unwrap();
        file.finish().unwrap();
        let bytes = fs::read(dir.path().join(NAME)).unwrap();
        World { dir, bytes }
    }

    fn opened(&self) -> Result<Opened, LakeError> {
        let files = LakeFiles::folder(self.dir.path());
        let listed = files.place().list("sessions").unwrap();
        let [Listed { name, bytes }] = &listed[..] else { panic!("{listed:?}") };
        files.open(name, *bytes)
    }

    /// The rows of a file with these bytes, read column by column.
    fn read(&self, bytes: &[u8]) -> Result<Vec<RecordBatch>, LakeError> {
        fs::write(self.dir.path().join(NAME), bytes).unwrap();
        let opened = self.opened()?;
        let mut batches = Vec::new();
        for group in 0..opened.metadata().num_row_groups() {
            for batch in opened.rows(group, &["id", "revision"])? {
                batches.push(batch.map_err(|error| opened.damaged(error.to_string()))?);
            }
        }
        Ok(batches)
    }
}

#[test]
fn a_flipped_byte_is_found_before_a_row_is_told() {
    let world = World::new(300);
    let whole = world.read(&world.bytes).unwrap();
    assert_eq!(whole.iter().map(RecordBatch::num_rows).sum::<usize>(), 300);
    let length = world.bytes.len();
    for at in (0..length).step_by(3).chain(length - 40..length) {
        let mut bytes = world.bytes.clone();
        bytes[at] ^= 0x10;
        match world.read(&bytes) {
            Ok(read) => assert_eq!(read, whole, "byte {at}"),
            Err(error) => {
                assert!(matches!(error, LakeError::Damaged { .. }), "byte {at}: {error:?}");
                assert!(error.to_string().contains(NAME), "{error}");
            }
        }
        // Whoever reads it as a whole finds any of them.
        let fetched = Fetched::Itself(world.dir.path().join(NAME));
        let is_whole = world.opened().and_then(|opened| opened.must_be_whole(&fetched));
        assert!(is_whole.is_err(), "byte {at}");
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_none() {
    let world = World::new(300);
    let length = world.bytes.len();
    for cut in (0..length).step_by(11).chain(length - 20..length) {
        let error = world.read(&world.bytes[..cut]).unwrap_err();
        assert!(error.to_string().contains(NAME), "{cut}: {error}");
    }
}

/// The same rows as another program writes them.
fn without_sums(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let zstd = parquet::basic::Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties =
        parquet::file::properties::WriterProperties::builder().set_compression(zstd).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn a_file_of_another_program_is_read_as_it_is() {
    let (world, rows) = (World::new(1), rows(50));
    assert_eq!(world.read(&without_sums(&rows)).unwrap(), [rows]);
}

/// Why there are sums.
#[test]
fn without_sums_a_flipped_byte_is_told_as_another_value() {
    let (world, rows) = (World::new(1), rows(300));
    let whole = without_sums(&rows);
    let tried = (4..whole.len()).step_by(3);
    let told_wrong = |at: &usize| {
        let mut bytes = whole.clone();
        bytes[*at] ^= 0x10;
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.read(&bytes)));
        read.is_ok_and(|read| read.is_ok_and(|read| read != [rows.clone()]))
    };
    let wrong = tried.clone().filter(told_wrong).count();
    println!("{wrong} of {} flipped bytes are told as other rows", tried.count());
    assert!(wrong > 0);
}

#[test]
fn a_file_that_is_not_finished_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let files = LakeFiles::folder(dir.path());
    let rows = rows(10);
    let folder = dir.path().join(NAME);
    let folder = folder.parent().unwrap();
    let there = || fs::read_dir(folder).unwrap().count();
    let mut file = ParquetFile::create(files.place(), NAME, rows.schema()).unwrap();
    file.write(&rows).unwrap();
    assert_eq!(there(), 1);
    drop(file);
    assert_eq!(there(), 0);
    // And one that is finished stays.
    let file = ParquetFile::create(files.place(), NAME, rows.schema()).unwrap();
    file.finish().unwrap();
    assert_eq!(files.place().list("sessions").unwrap().len(), 1);
    // What a crash has left goes when it is said to.
    fs::write(folder.join("0000000002-00000.unfinished"), b"half").unwrap();
    files.place().clear_drafts().unwrap();
    assert_eq!(there(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn ranges_are_read_as_they_were_written(drawn in vec((0.0..1.0_f64, 0.0..1.0_f64), 1..6)) {
        let world = World::new(20_000);
        let length = world.bytes.len();
        prop_assert!(length > 3 << 16, "several blocks: {}", length);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place in the file")]
        let place = |share: f64| (share * length as f64) as usize;
        let ranges: Vec<Range<usize>> = drawn.iter().map(|(a, b)| {
            let (a, b) = (place(*a), place(*b));
            a.min(b)..a.max(b)
        }).collect();
        let wide: Vec<Range<u64>> =
            ranges.iter().map(|range| range.start as u64..range.end as u64).collect();
        let read = world.opened().unwrap().read(&wide).unwrap();
        for (range, read) in ranges.into_iter().zip(read) {
            prop_assert_eq!(&read[..], &world.bytes[range]);
        }
    }
}
