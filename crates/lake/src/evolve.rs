//! Rows of a file that an earlier version wrote, in the columns of this one: what it did not know yet
//! is null.
use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray, new_null_array},
    compute::cast,
    datatypes::{DataType, Field, SchemaRef},
};

use crate::LakeError;

/// The rows in these columns, by their names; columns that are not among them are left out.
///
/// # Errors
/// A column is of a type that does not become the wanted one.
pub(crate) fn with_columns(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, LakeError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(column) => of_type(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// A column as one of another type; objects in lists get the members that they lack.
fn of_type(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, LakeError> {
    match (column.data_type(), wanted) {
        (known, wanted) if known == wanted => Ok(Arc::clone(column)),
        (DataType::List(_), DataType::List(item)) => {
            let list: &ListArray = column.as_list();
            let values = of_type(list.values(), item.data_type())?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let objects: &StructArray = column.as_struct();
            let member = |field: &Arc<Field>| match objects.column_by_name(field.name()) {
                Some(member) => of_type(member, field.data_type()),
                None => Ok(new_null_array(field.data_type(), objects.len())),
            };
            let members = fields.iter().map(member).collect::<Result<_, _>>()?;
            let nulls = objects.nulls().cloned();
            Ok(Arc::new(StructArray::try_new(fields.clone(), members, nulls)?))
        }
        (_, wanted) => Ok(cast(column, wanted)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::SessionRows;
    use arrow::array::StringArray;
    use sessionary_core::{lane::HashSecret, signal::TenantId};

    fn rows() -> RecordBatch {
        let mut rows = SessionRows::new();
        let record = serde_json::json!({
            "id": "0198c1f2-0000-7000-8000-000000000001", "revision": 2, "channel": "web",
            "touches": [{ "source": "news", "medium": "email" }, { "source": "direct" }],
        });
        rows.push(&record, TenantId(1), &HashSecret([7; 32])).unwrap();
        rows.finish().unwrap()
    }

    #[test]
    fn what_an_earlier_version_did_not_know_is_null() {
        let whole = rows();
        let schema = whole.schema();
        // An earlier file: no channel, and touches that have a source and nothing else.
        let touches = whole.column_by_name("touches").unwrap().as_list::<i32>();
        let objects = touches.values().as_struct();
        let source = objects.column_by_name("source").unwrap();
        let earlier = StructArray::from(vec![(
            Arc::new(Field::new("source", DataType::Utf8, true)),
            Arc::clone(source),
        )]);
        let item = Arc::new(Field::new("element", earlier.data_type().clone(), true));
        let list = ListArray::new(item, touches.offsets().clone(), Arc::new(earlier), None);
        let id = Arc::clone(whole.column_by_name("id").unwrap());
        let revision = Arc::clone(whole.column_by_name("revision").unwrap());
        let earlier = RecordBatch::try_from_iter([
            ("id", id),
            ("touches", Arc::new(list) as ArrayRef),
            ("revision", revision),
            ("gone", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
        ]);
        let now = with_columns(&earlier.unwrap(), &schema).unwrap();
        assert_eq!(now.schema(), schema);
        assert_eq!(now.column_by_name("id"), whole.column_by_name("id"));
        assert_eq!(now.column_by_name("channel").unwrap().null_count(), 1);
        let objects = now.column_by_name("touches").unwrap().as_list::<i32>().values().clone();
        let objects = objects.as_struct();
        assert_eq!(objects.column_by_name("source"), Some(source));
        assert_eq!(objects.column_by_name("medium").unwrap().null_count(), 2);
        assert_eq!(with_columns(&whole, &schema).unwrap(), whole);
    }
}
