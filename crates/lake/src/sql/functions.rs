//! Functions that queries have beside the engine's, and those of the engine that they have not.
use std::sync::Arc;

use arrow::{
    array::{AsArray, Int64Builder, ListBuilder},
    datatypes::DataType,
};
use datafusion::{
    common::plan_err,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
    prelude::SessionContext,
};

use super::table_functions;

/// One call of these makes a value as large as a number in it says, in memory that no budget counts.
/// The table function `generate_series` makes its rows as they are read, and stays.
const TAKEN_OUT: [&str; 8] =
    ["repeat", "lpad", "rpad", "range", "generate_series", "array_repeat", "array_resize", "space"];

/// Gives a session its functions.
pub(super) fn settle(context: &SessionContext) {
    for name in TAKEN_OUT {
        // Its other names go with it.
        context.deregister_udf(name);
    }
    table_functions::settle(context);
    context.register_udf(ScalarUDF::from(Ordinals {
        signature: Signature::any(1, Volatility::Immutable),
    }));
}

/// `ordinals(list)`: the places in a list, from 1.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Ordinals {
    signature: Signature,
}

impl ScalarUDFImpl for Ordinals {
    fn name(&self) -> &'static str {
        "ordinals"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [DataType::List(_)] => Ok(DataType::new_list(DataType::Int64, true)),
            other => plan_err!("ordinals takes a list, not {other:?}"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let lists = arguments.args.first().map(|list| list.to_array(rows)).transpose()?;
        let lists = lists.as_ref().and_then(|lists| lists.as_list_opt::<i32>());
        let lists =
            lists.ok_or_else(|| DataFusionError::Plan("ordinals takes a list".to_owned()))?;
        let mut ordinals = ListBuilder::new(Int64Builder::new());
        for list in lists.iter() {
            ordinals.append_option(list.map(|list| (1..).take(list.len()).map(Some)));
        }
        Ok(ColumnarValue::Array(Arc::new(ordinals.finish())))
    }
}
