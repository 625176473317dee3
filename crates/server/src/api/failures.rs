//! The engine's errors as problem documents.
use sessionary_engine::{EngineError, registry::RegistryError};

use crate::problem::{Code, Problem};

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Problem {
        let code = match &error {
            EngineError::Busy => Code::Overloaded,
            EngineError::Stopped => Code::NotReady,
            EngineError::Outdated => Code::DefinitionChanged,
            EngineError::DiskFull { .. } => Code::DiskFull,
            EngineError::Store(_) | EngineError::Interrupted => Code::StoreUnavailable,
            EngineError::Entry(_) | EngineError::Row { .. } | EngineError::Missing { .. } => {
                Code::Internal
            }
        };
        if code == Code::Internal {
            tracing::error!(%error, "a request met damage");
            return code.into();
        }
        let problem = code.because(error.to_string());
        match code {
            Code::DiskFull => problem.retry_after(10),
            Code::DefinitionChanged => problem,
            _ => problem.retry_after(1),
        }
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Problem {
        let code = match &error {
            RegistryError::NoSuchKey { .. } => Code::NotFound,
            RegistryError::Store(_) => Code::StoreUnavailable,
            RegistryError::ActionKey(_)
            | RegistryError::KeyIsDead { .. }
            | RegistryError::TenantName { .. } => Code::Unprocessable,
            _ => {
                tracing::error!(%error, "the registry met damage");
                return Code::Internal.into();
            }
        };
        code.because(error.to_string())
    }
}
