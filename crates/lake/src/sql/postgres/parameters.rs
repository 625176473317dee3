//! Parameters of a query: of which type they are, and their values off the wire.
use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use arrow::datatypes::{DataType, TimeUnit};
use arrow_pg::datatypes::{df, into_pg_type};
use bytes::Bytes;
use datafusion::{
    common::{ParamValues, metadata::ScalarAndMetadata},
    logical_expr::LogicalPlan,
    scalar::ScalarValue,
};
use pgwire::{
    api::{
        Type,
        portal::{Format, Portal},
        stmt::StoredStatement,
    },
    messages::extendedquery::Bind,
};

use super::Prepared;
use crate::sql::QueryError;

/// Parameters of one query.
const MOST: usize = 1_000;

/// One parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    /// What the client sends.
    pub(super) wire: Type,
    /// What stands in the plan.
    pub(super) target: DataType,
}

/// Values for the parameters of a query, and the format of its answer.
#[derive(Clone, Debug)]
pub struct Bound {
    pub(super) values: ParamValues,
    /// How the columns are written.
    pub format: Format,
}

impl Bound {
    /// No parameters, and an answer in text.
    pub fn plain() -> Bound {
        Bound { values: ParamValues::List(Vec::new()), format: Format::UnifiedText }
    }
}

impl Parameter {
    /// The parameters of a plan: what the client declares goes before what the plan suggests.
    pub(super) fn all(
        plan: &LogicalPlan,
        declared: &[Option<Type>],
    ) -> Result<Vec<Parameter>, QueryError> {
        let found = plan
            .get_parameter_types()
            .map_err(|error| QueryError::Wrong(error.strip_backtrace()))?;
        let mut inferred: BTreeMap<usize, Option<DataType>> = BTreeMap::new();
        for (name, kind) in found {
            let number = name.trim_start_matches('$').parse::<usize>().ok();
            let number = number.filter(|number| (1..=MOST).contains(number)).ok_or_else(|| {
                QueryError::Wrong(format!("there is no parameter {name}: send $1 to ${MOST}"))
            })?;
            inferred.insert(number, kind);
        }
        let count = inferred.keys().last().copied().unwrap_or(0).max(declared.len().min(MOST));
        let one = |number: usize| {
            let declared = declared.get(number - 1).cloned().flatten();
            let inferred = inferred.remove(&number).flatten();
            Parameter::of(declared.filter(|kind| *kind != Type::UNKNOWN), inferred)
        };
        Ok((1..=count).map(one).collect())
    }

    fn of(declared: Option<Type>, inferred: Option<DataType>) -> Parameter {
        let inferred = inferred.filter(|kind| *kind != DataType::Null);
        let Some(declared) = declared else {
            let target = inferred.unwrap_or(DataType::Utf8);
            let wire = match target {
                // Digits, as the answers tell it.
                DataType::FixedSizeBinary(_) => Type::TEXT,
                ref target => into_pg_type(target).unwrap_or(Type::TEXT),
            };
            return Parameter { wire, target };
        };
        let target = match (native(&declared), inferred) {
            (own, Some(inferred)) if own.is_integer() && inferred.is_integer() => inferred,
            (own, _) if own.is_integer() => DataType::Int64,
            (DataType::Utf8, Some(inferred)) => inferred,
            (own, _) => own,
        };
        Parameter { wire: declared, target }
    }
}

/// The type that a declared one has in the engine.
fn native(declared: &Type) -> DataType {
    let list = |item: DataType| DataType::new_list(item, true);
    match *declared {
        Type::BOOL => DataType::Boolean,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC => DataType::Decimal128(38, 9),
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => list(DataType::Utf8),
        Type::INT2_ARRAY => list(DataType::Int16),
        Type::INT4_ARRAY => list(DataType::Int32),
        Type::INT8_ARRAY => list(DataType::Int64),
        Type::FLOAT8_ARRAY => list(DataType::Float64),
        _ => DataType::Utf8,
    }
}

impl Prepared {
    /// The values of a `Bind` message.
    ///
    /// # Errors
    /// [`QueryError::Wrong`]: there are more or fewer than parameters, or one is none of its type.
    pub fn bind(&self, mut bind: Bind) -> Result<Bound, QueryError> {
        let (given, wanted) = (bind.parameters.len(), self.parameters.len());
        if given != wanted {
            let says = format!("the query has {wanted} parameters, and {given} values came");
            return Err(QueryError::Wrong(says));
        }
        let columns = self.schema.fields().len();
        for (codes, of) in
            [(&bind.parameter_format_codes, wanted), (&bind.result_column_format_codes, columns)]
        {
            if codes.len() > 1 && codes.len() != of {
                let says = format!("{} format codes came for {of} values", codes.len());
                return Err(QueryError::Wrong(says));
            }
        }
        let wire: Vec<Option<Type>> = self
            .parameters
            .iter()
            .enumerate()
            .map(|(at, it)| Some(text(&mut bind, at, it)))
            .collect();
        let statement = StoredStatement::new(String::new(), (), wire);
        let portal = Portal::try_new(&bind, Arc::new(statement));
        let portal = portal.map_err(|error| QueryError::Wrong(error.to_string()))?;
        let format = portal.result_column_format.clone();
        let values = df::deserialize_parameters(&portal, &[]);
        let values =
            values.map_err(|error| QueryError::BadValue(format!("a parameter: {error}")))?;
        Ok(Bound { values: self.settle(values)?, format })
    }

    /// The values as they stand in the plan.
    fn settle(&self, values: ParamValues) -> Result<ParamValues, QueryError> {
        let ParamValues::List(values) = values else { return Ok(values) };
        let numbered = values.into_iter().zip(self.parameters.iter()).zip(1..);
        let one = |((value, parameter), number): ((ScalarAndMetadata, &Parameter), usize)| {
            let cast = cast(value.value(), &parameter.target);
            cast.map(ScalarAndMetadata::from).map_err(|why| {
                QueryError::BadValue(format!("${number} is none of its type: {why}"))
            })
        };
        Ok(ParamValues::List(numbered.map(one).collect::<Result<_, _>>()?))
    }
}

/// The type to read a parameter as. What the reader does not know is text, and an id in 16 bytes is
/// made its text.
fn text(bind: &mut Bind, at: usize, parameter: &Parameter) -> Type {
    let codes = &bind.parameter_format_codes;
    let is_binary = codes.get(at).or(codes.first()).is_some_and(|code| *code == 1);
    match parameter.wire {
        Type::UUID => {
            if let (true, Some(Some(bytes))) = (is_binary, bind.parameters.get_mut(at)) {
                *bytes = hyphens(bytes);
            }
            Type::TEXT
        }
        Type::UNKNOWN | Type::BPCHAR | Type::NAME | Type::JSON => Type::TEXT,
        ref other => other.clone(),
    }
}

fn hyphens(bytes: &Bytes) -> Bytes {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

fn cast(value: &ScalarValue, target: &DataType) -> Result<ScalarValue, String> {
    if let (DataType::FixedSizeBinary(width), ScalarValue::Utf8(text)) = (target, value) {
        let bytes = text.as_deref().map(|text| digits(text, *width));
        let bytes = match bytes {
            Some(None) => return Err(format!("{width} bytes are twice as many hex digits")),
            other => other.flatten(),
        };
        return Ok(ScalarValue::FixedSizeBinary(*width, bytes));
    }
    value.cast_to(target).map_err(|error| error.strip_backtrace())
}

fn digits(text: &str, width: i32) -> Option<Vec<u8>> {
    let bytes = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = bytes.map(byte).collect::<Option<_>>()?;
    (text.is_ascii() && usize::try_from(width).ok() == Some(bytes.len())).then_some(bytes)
}
