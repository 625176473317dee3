//! A function of values, computed once for each value of a dictionary.
use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, GenericByteViewArray},
    buffer::NullBuffer,
    datatypes::{ByteArrayType, ByteViewType, DataType, Int8Type, Int32Type},
};

use super::{Numbers, Unit, Value, numbers::keys_of};
use crate::LakeError;

/// The function must give the same for the same value as long as this lives.
#[derive(Clone, Debug)]
pub(crate) struct Memo<V> {
    /// The dictionary of `table`; held, so that no other can come to lie at its address.
    dictionary: Option<ArrayRef>,
    table: Vec<V>,
    /// Of the numbers -128 to 383, as far as they were met: codes are small numbers.
    small: Vec<Option<V>>,
    numbers: Numbers,
    rows: Vec<V>,
}

impl<V> Default for Memo<V> {
    fn default() -> Memo<V> {
        Memo {
            dictionary: None,
            table: Vec::new(),
            small: Vec::new(),
            numbers: Numbers::default(),
            rows: Vec::new(),
        }
    }
}

impl<V: Copy> Memo<V> {
    /// What the function gives for each row.
    pub(crate) fn read(
        &mut self,
        name: &str,
        array: &ArrayRef,
        mut of: impl FnMut(Value<'_>) -> V,
    ) -> Result<&[V], LakeError> {
        if matches!(array.data_type(), DataType::Dictionary(..)) {
            self.by_dictionary(name, array, of)?;
            return Ok(&self.rows);
        }
        self.rows.clear();
        // The rows are lent out so that numbers can be remembered beside them.
        let mut rows = std::mem::take(&mut self.rows);
        let done = self.each(name, array, &mut of, &mut rows);
        self.rows = rows;
        done.map(|()| self.rows.as_slice())
    }

    fn by_dictionary(
        &mut self,
        name: &str,
        array: &ArrayRef,
        mut of: impl FnMut(Value<'_>) -> V,
    ) -> Result<(), LakeError> {
        let any = array.as_any_dictionary();
        let none = of(Value::Null);
        let known = self.dictionary.as_ref().is_some_and(|held| same(held, any.values()));
        if !known {
            let mut table = std::mem::take(&mut self.table);
            table.clear();
            self.dictionary = None;
            self.each(name, any.values(), &mut of, &mut table)?;
            self.table = table;
            self.dictionary = Some(any.values().clone());
        }
        let at = |key: usize| self.table.get(key).copied().unwrap_or(none);
        self.rows.clear();
        if let Some(array) = array.as_dictionary_opt::<Int32Type>() {
            let keys = array.keys().values().iter();
            let keys = keys.map(|key| usize::try_from(*key).unwrap_or(usize::MAX));
            extend(&mut self.rows, keys.map(at), array.keys().nulls(), none);
        } else {
            extend(&mut self.rows, keys_of(any).into_iter().map(at), any.keys().nulls(), none);
        }
        Ok(())
    }

    fn each(
        &mut self,
        name: &str,
        array: &ArrayRef,
        of: &mut impl FnMut(Value<'_>) -> V,
        rows: &mut Vec<V>,
    ) -> Result<(), LakeError> {
        rows.reserve(array.len());
        match array.data_type() {
            DataType::Utf8 => texts(array.as_string::<i32>(), of, rows),
            DataType::LargeUtf8 => texts(array.as_string::<i64>(), of, rows),
            DataType::Utf8View => views(array.as_string_view(), of, rows),
            DataType::Binary => texts(array.as_binary::<i32>(), of, rows),
            DataType::LargeBinary => texts(array.as_binary::<i64>(), of, rows),
            DataType::BinaryView => views(array.as_binary_view(), of, rows),
            DataType::FixedSizeBinary(_) => {
                let values = array.as_fixed_size_binary().iter();
                rows.extend(values.map(|value| of(value.map_or(Value::Null, Value::Bytes))));
            }
            DataType::Boolean => truths(array.as_boolean(), of, rows),
            DataType::Null => rows.extend((0..array.len()).map(|_| of(Value::Null))),
            _ => self.all_numbers(name, array, of, rows)?,
        }
        Ok(())
    }

    fn all_numbers(
        &mut self,
        name: &str,
        array: &ArrayRef,
        of: &mut impl FnMut(Value<'_>) -> V,
        rows: &mut Vec<V>,
    ) -> Result<(), LakeError> {
        let none = of(Value::Null);
        self.small.resize(512, None);
        let small = &mut self.small;
        if let Some(bytes) = array.as_primitive_opt::<Int8Type>() {
            let values = bytes.values().iter().map(|byte| at(small, i64::from(*byte), of));
            extend(rows, values, bytes.nulls(), none);
            return Ok(());
        }
        let (numbers, nulls) = self.numbers.read(name, array, Unit::AsItIs)?;
        let values = numbers.iter().map(|number| at(small, *number, of));
        extend(rows, values, nulls.as_ref(), none);
        Ok(())
    }
}

/// Of a number: remembered, if it is a small one.
#[inline]
fn at<V: Copy>(small: &mut [Option<V>], number: i64, of: &mut impl FnMut(Value<'_>) -> V) -> V {
    let place = usize::try_from(number.wrapping_add(128)).ok();
    match place.and_then(|place| small.get_mut(place)) {
        Some(Some(known)) => *known,
        Some(place) => *place.insert(of(Value::Number(number))),
        None => of(Value::Number(number)),
    }
}

/// Whether two dictionaries are the same piece of memory.
fn same(held: &ArrayRef, other: &ArrayRef) -> bool {
    held.len() == other.len() && held.to_data().ptr_eq(&other.to_data())
}

fn extend<V: Copy>(
    rows: &mut Vec<V>,
    values: impl Iterator<Item = V>,
    nulls: Option<&NullBuffer>,
    none: V,
) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => rows.extend(values),
        Some(nulls) => {
            rows.extend(values.zip(nulls).map(|(value, there)| if there { value } else { none }));
        }
    }
}

/// A value of the arrays that Arrow keeps bytes in.
trait InBytes {
    fn value(&self) -> Value<'_>;
}

impl InBytes for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

/// Many writers do not say that a column is text.
impl InBytes for [u8] {
    fn value(&self) -> Value<'_> {
        std::str::from_utf8(self).map_or(Value::Bytes(self), Value::Text)
    }
}

fn texts<T: ByteArrayType<Native: InBytes>, V>(
    array: &GenericByteArray<T>,
    of: &mut impl FnMut(Value<'_>) -> V,
    rows: &mut Vec<V>,
) {
    rows.extend(array.iter().map(|value| of(value.map_or(Value::Null, InBytes::value))));
}

fn views<T: ByteViewType<Native: InBytes> + ?Sized, V>(
    array: &GenericByteViewArray<T>,
    of: &mut impl FnMut(Value<'_>) -> V,
    rows: &mut Vec<V>,
) {
    rows.extend(array.iter().map(|value| of(value.map_or(Value::Null, InBytes::value))));
}

fn truths<V: Copy>(array: &BooleanArray, of: &mut impl FnMut(Value<'_>) -> V, rows: &mut Vec<V>) {
    let [none, no, yes] = [Value::Null, Value::Truth(false), Value::Truth(true)].map(of);
    let values = array.values().iter().map(|value| if value { yes } else { no });
    extend(rows, values, array.nulls(), none);
}
