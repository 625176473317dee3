//! A look at the engine's log before the engine sees it.
use crate::error::StoreError;
use std::path::Path;

pub(crate) fn verify(_dir: &Path, _acknowledged: u64) -> Result<(), StoreError> {
    Ok(())
}
