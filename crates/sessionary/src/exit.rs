//! Exit codes: which failure ends the program with which number.
use sessionary_engine::{EngineError, lake::LakeFault, registry::RegistryError};
use sessionary_store::StoreError;

/// A failure that names its own code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Exit {
    /// The code.
    pub(crate) code: u8,
    /// What happened and what to do next.
    pub(crate) message: String,
}

/// The code of an error: of the innermost failure that has one of its own, else 1.
pub(crate) fn code_of(error: &anyhow::Error) -> u8 {
    error.chain().filter_map(own_code).last().unwrap_or(1)
}

fn own_code(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    let registry = || match error.downcast_ref::<RegistryError>()? {
        RegistryError::Store(store) => Some(store.exit_code()),
        RegistryError::Unreadable { .. } | RegistryError::SecretLost { .. } => Some(65),
        _ => None,
    };
    error
        .downcast_ref::<Exit>()
        .map(|exit| exit.code)
        .or_else(|| error.downcast_ref::<StoreError>().map(StoreError::exit_code))
        .or_else(|| error.downcast_ref::<EngineError>().map(EngineError::exit_code))
        .or_else(|| error.downcast_ref::<LakeFault>().map(LakeFault::exit_code))
        .or_else(registry)
}
