//! Steps that give many rows for one let others run between two batches, so that a query whose time
//! is over, or whom nobody waits for, ends.
//!
//! The engine itself looks at that where rows are read, which for a product of two large tables is
//! once in hours.
use std::sync::Arc;

use datafusion::{
    common::tree_node::{Transformed, TransformedResult, TreeNode},
    config::ConfigOptions,
    error::Result,
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{ExecutionPlan, coop::CooperativeExec, unnest::UnnestExec},
};

/// Puts a point at which others may run behind each step that can multiply rows.
#[derive(Debug)]
pub(super) struct Yielding;

impl PhysicalOptimizerRule for Yielding {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let behind = |step: Arc<dyn ExecutionPlan>| {
            let multiplies =
                step.children().len() > 1 || step.downcast_ref::<UnnestExec>().is_some();
            Ok(if multiplies {
                Transformed::yes(Arc::new(CooperativeExec::new(step)) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(step)
            })
        };
        plan.transform_up(behind).data()
    }

    fn name(&self) -> &'static str {
        "yielding"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
