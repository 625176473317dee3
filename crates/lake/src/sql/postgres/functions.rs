//! Functions that clients of `PostgreSQL` call about themselves and the server.
use std::{collections::BTreeSet, sync::Arc};

use arrow::{
    array::{AsArray, BooleanArray},
    compute::cast,
    datatypes::{DataType, Int32Type},
};
use datafusion::{
    common::exec_err,
    error::Result,
    execution::{FunctionRegistry, SessionState},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
        Volatility,
    },
    prelude::SessionContext,
    scalar::ScalarValue,
};

use super::{RELEASE, Who};

/// What is the same for everybody. Nothing here tells of the machine.
pub(super) fn of_all(context: &SessionContext) {
    let version = format!(
        "PostgreSQL {RELEASE} (Sessionary {}), read-only, 64-bit",
        env!("CARGO_PKG_VERSION")
    );
    context.register_udf(Says::udf("version", text(&version)));
    context.register_udf(Says::udf("current_catalog", text(crate::sql::context::CATALOG)));
    for name in NOTHING {
        context.register_udf(Says::udf(name, ScalarValue::Utf8(None)));
    }
    for (name, says) in FLAGS {
        context.register_udf(Says::udf(name, ScalarValue::Boolean(Some(says))));
    }
    for name in NO_NUMBER {
        context.register_udf(Says::udf(name, ScalarValue::Int32(None)));
    }
    for name in ZERO {
        context.register_udf(Says::udf(name, ScalarValue::Int64(Some(0))));
    }
}

/// What nothing here has: comments, definitions, addresses.
const NOTHING: [&str; 17] = [
    "pg_size_pretty",
    "obj_description",
    "col_description",
    "shobj_description",
    "pg_get_indexdef",
    "pg_get_viewdef",
    "pg_get_ruledef",
    "pg_get_triggerdef",
    "pg_get_functiondef",
    "pg_get_function_result",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_serial_sequence",
    "pg_tablespace_location",
    "inet_server_addr",
    "inet_client_addr",
    "json_build_object",
];

/// Numbers of things that are looked for by name, and not found: clients go on without.
const NO_NUMBER: [&str; 4] = ["to_regtype", "to_regclass", "to_regproc", "to_regnamespace"];

const FLAGS: [(&str, bool); 11] = [
    ("pg_collation_is_visible", true),
    ("pg_opclass_is_visible", true),
    ("pg_is_in_recovery", false),
    ("pg_is_other_temp_schema", false),
    ("pg_type_is_visible", true),
    ("pg_function_is_visible", true),
    ("pg_operator_is_visible", true),
    ("has_column_privilege", true),
    ("has_sequence_privilege", false),
    ("has_function_privilege", true),
    ("pg_has_role", true),
];

const ZERO: [&str; 7] = [
    "pg_table_size",
    "pg_indexes_size",
    "pg_database_size",
    "pg_my_temp_schema",
    "txid_current",
    "pg_current_xact_id",
    "inet_server_port",
];

/// `pg_table_is_visible`: whether a table needs no schema before its name. Those that tell of tables do.
pub(super) async fn visible(context: &SessionContext) -> Result<()> {
    let hidden = context
        .sql(
            "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
             ON n.oid = c.relnamespace WHERE n.nspname = 'information_schema'",
        )
        .await?;
    let mut numbers = BTreeSet::new();
    for batch in hidden.collect().await? {
        numbers.extend(batch.column(0).as_primitive::<Int32Type>().iter().flatten());
    }
    let signature = Signature::any(1, Volatility::Stable);
    context.register_udf(ScalarUDF::from(Visible { signature, hidden: numbers }));
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Visible {
    signature: Signature,
    /// Numbers of tables that are not.
    hidden: BTreeSet<i32>,
}

impl ScalarUDFImpl for Visible {
    fn name(&self) -> &'static str {
        "pg_table_is_visible"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = given.number_rows;
        let Some(numbers) = given.args.first() else { return exec_err!("it takes a number") };
        let numbers = cast(&*numbers.to_array(rows)?, &DataType::Int32)?;
        let seen = |number: Option<i32>| number.map(|number| !self.hidden.contains(&number));
        let seen: BooleanArray = numbers.as_primitive::<Int32Type>().iter().map(seen).collect();
        Ok(ColumnarValue::Array(Arc::new(seen)))
    }
}

/// What is told of one connection.
pub(super) fn of_whom(state: &mut SessionState, who: &Arc<Who>) -> Result<()> {
    for name in ["session_user", "current_user", "user", "current_role"] {
        state.register_udf(Arc::new(Says::udf(name, text(&who.user))))?;
    }
    let process = ScalarValue::Int32(Some(who.process));
    state.register_udf(Arc::new(Says::udf("pg_backend_pid", process)))?;
    for name in ["current_setting", "set_config"] {
        let setting = Setting { name, signature: any_number(), who: Arc::clone(who) };
        state.register_udf(Arc::new(ScalarUDF::from(setting)))?;
    }
    Ok(())
}

fn text(says: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(says.to_owned()))
}

fn any_number() -> Signature {
    let signatures = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
    Signature::one_of(signatures, Volatility::Stable)
}

/// A function that says one thing, whatever it is given.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Says {
    name: &'static str,
    signature: Signature,
    told: ScalarValue,
}

impl Says {
    fn udf(name: &'static str, says: ScalarValue) -> ScalarUDF {
        ScalarUDF::from(Says { name, signature: any_number(), told: says })
    }
}

impl ScalarUDFImpl for Says {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.told.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.told.clone()))
    }
}

/// `current_setting(name)`, and `set_config(name, value, …)`, which says what was to be set.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Setting {
    name: &'static str,
    signature: Signature,
    who: Arc<Who>,
}

impl ScalarUDFImpl for Setting {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts: Vec<Option<String>> = given.args.iter().map(text_of).collect();
        let says = match texts.as_slice() {
            [Some(name)] => match self.who.settings.get(&name.to_lowercase()) {
                Some(value) => Some(value.clone()),
                None => return exec_err!("there is no setting \"{name}\""),
            },
            // Whether to be silent about one that there is not.
            [Some(name), _] => self.who.settings.get(&name.to_lowercase()).cloned(),
            [Some(_), value, _] => value.clone(),
            _ => None,
        };
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(says)))
    }
}

fn text_of(given: &ColumnarValue) -> Option<String> {
    let scalar = match given {
        ColumnarValue::Scalar(scalar) => scalar.clone(),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(array, 0).ok()?,
    };
    match scalar.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(text)) => text,
        _ => None,
    }
}
