//! The shapes of an answer, written batch by batch.
use std::{sync::Arc, time::Duration};

use arrow::{
    array::{Array, RecordBatch},
    datatypes::{Field, Fields, Schema, SchemaRef},
    ipc::writer::StreamWriter,
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde_json::{Value, json};
use sessionary_core::time::UnixMillis;

use super::{
    cells::{json as cell, word},
    standing::Standing,
};
use crate::LakeError;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One object: columns, rows, how long it took, how fresh it is.
    Json,
    /// One object a line, one line a row.
    Ndjson,
    /// A line of names, one line a row; a list is its JSON.
    Csv,
    /// A stream of Arrow IPC.
    Arrow,
    /// A Parquet file.
    Parquet,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 5] =
        [Shape::Json, Shape::Ndjson, Shape::Csv, Shape::Arrow, Shape::Parquet];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Shape::Json => "json",
            Shape::Ndjson => "ndjson",
            Shape::Csv => "csv",
            Shape::Arrow => "arrow",
            Shape::Parquet => "parquet",
        }
    }

    /// Its media type.
    pub const fn media(self) -> &'static str {
        match self {
            Shape::Json => "application/json",
            Shape::Ndjson => "application/x-ndjson",
            Shape::Csv => "text/csv",
            Shape::Arrow => "application/vnd.apache.arrow.stream",
            Shape::Parquet => "application/vnd.apache.parquet",
        }
    }

    pub(super) fn writer(self, schema: &SchemaRef) -> Result<Writer, LakeError> {
        let schema = told_apart(schema);
        let form = match self {
            Shape::Json => Form::Json { rows: 0 },
            Shape::Ndjson => Form::Ndjson,
            Shape::Csv => Form::Csv,
            Shape::Arrow => Form::Arrow(Box::new(StreamWriter::try_new(Vec::new(), &schema)?)),
            Shape::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default());
                let how = WriterProperties::builder().set_compression(zstd).build();
                let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(how));
                Form::Parquet(Box::new(writer.map_err(arrow::error::ArrowError::from)?))
            }
        };
        Ok(Writer { schema, form })
    }
}

/// The columns with names of which no two are one: the second `id` is `id_2`.
fn told_apart(schema: &SchemaRef) -> SchemaRef {
    let mut names: Vec<String> = Vec::new();
    let fields = schema.fields().iter().map(|field| {
        let mut name = field.name().clone();
        let mut count = 1;
        while names.contains(&name) {
            count += 1;
            name = format!("{}_{count}", field.name());
        }
        names.push(name.clone());
        Field::clone(field).with_name(name)
    });
    let fields: Fields = fields.collect();
    Arc::new(Schema::new(fields))
}

/// An answer on its way out.
pub(super) struct Writer {
    schema: SchemaRef,
    form: Form,
}

enum Form {
    Json { rows: usize },
    Ndjson,
    Csv,
    Arrow(Box<StreamWriter<Vec<u8>>>),
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl Writer {
    /// What goes before the rows.
    pub(super) fn begin(&mut self) -> Result<Vec<u8>, LakeError> {
        let fields = self.schema.fields().iter();
        match &self.form {
            Form::Json { .. } => {
                let column = |field: &Arc<Field>| json!({ "name": field.name(), "type": word(field.data_type()) });
                let columns: Value = fields.map(column).collect();
                Ok(format!("{{\"columns\":{columns},\"rows\":[").into_bytes())
            }
            Form::Csv => line(fields.map(|field| field.name().clone())),
            Form::Ndjson | Form::Arrow(_) | Form::Parquet(_) => Ok(Vec::new()),
        }
    }

    /// Some rows.
    pub(super) fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, LakeError> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?;
        let mut text = Vec::new();
        match &mut self.form {
            Form::Json { rows } => {
                for row in 0..batch.num_rows() {
                    let between: &[u8] = if *rows == 0 { b"\n" } else { b",\n" };
                    text.extend_from_slice(between);
                    object(&batch, row, &mut text)?;
                    *rows += 1;
                }
            }
            Form::Ndjson => {
                for row in 0..batch.num_rows() {
                    object(&batch, row, &mut text)?;
                    text.push(b'\n');
                }
            }
            Form::Csv => {
                for row in 0..batch.num_rows() {
                    let cells = batch.columns().iter().map(|column| plain(&**column, row));
                    let cells: Vec<String> = cells.collect::<Result<_, _>>()?;
                    text.append(&mut line(cells.into_iter())?);
                }
            }
            Form::Arrow(writer) => {
                writer.write(&batch)?;
                text.append(writer.get_mut());
            }
            Form::Parquet(writer) => {
                writer.write(&batch).map_err(arrow::error::ArrowError::from)?;
                text.append(writer.inner_mut());
            }
        }
        Ok(text)
    }

    /// What goes after them.
    pub(super) fn end(
        self,
        elapsed: Duration,
        through: UnixMillis,
        standing: Option<&Standing>,
    ) -> Result<Vec<u8>, LakeError> {
        match self.form {
            Form::Json { .. } => {
                let elapsed = elapsed.as_millis();
                let freshness = freshness(through, standing);
                Ok(format!("],\n\"elapsed_ms\":{elapsed},\"freshness\":{freshness}}}\n").into())
            }
            Form::Ndjson | Form::Csv => Ok(Vec::new()),
            Form::Arrow(mut writer) => {
                writer.finish()?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Form::Parquet(writer) => {
                Ok(writer.into_inner().map_err(arrow::error::ArrowError::from)?)
            }
        }
    }
}

/// Up to when everything is told, and of how many files and live rows the sessions were.
fn freshness(through: UnixMillis, standing: Option<&Standing>) -> Value {
    json!({
        "through": through.to_string(),
        "files": standing.map_or(0, |standing| standing.files.len()),
        "live_rows": standing.map_or(0, |standing| standing.live.len()),
    })
}

/// A row as an object whose members are in the order of the columns.
fn object(batch: &RecordBatch, row: usize, text: &mut Vec<u8>) -> Result<(), LakeError> {
    text.push(b'{');
    for (at, (field, column)) in batch.schema().fields().iter().zip(batch.columns()).enumerate() {
        if at > 0 {
            text.push(b',');
        }
        let (name, cell) = (Value::from(field.name().as_str()), cell(&**column, row)?);
        text.extend_from_slice(format!("{name}:{cell}").as_bytes());
    }
    text.push(b'}');
    Ok(())
}

/// A cell as plain text: what is null is empty, what is a list is its JSON.
fn plain(column: &dyn Array, row: usize) -> Result<String, LakeError> {
    Ok(match cell(column, row)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    })
}

fn line(cells: impl Iterator<Item = String>) -> Result<Vec<u8>, LakeError> {
    let mut line = csv::Writer::from_writer(Vec::new());
    let written = line.write_record(cells).map_err(std::io::Error::from);
    let written = written.and_then(|()| line.into_inner().map_err(csv::IntoInnerError::into_error));
    written.map_err(|error| LakeError::Beside(Box::new(error)))
}
