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
        let problem = code.because(error.to_string());
        if code == Code::StoreUnavailable { problem.retry_after(1) } else { problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_pass_says_when_to_come_again() {
        let told = |error: EngineError| {
            let problem = Problem::from(error);
            (problem.code.status().as_u16(), problem.code.word(), problem.retry_after_s)
        };
        assert_eq!(told(EngineError::Busy), (503, "overloaded", Some(1)));
        assert_eq!(told(EngineError::Stopped), (503, "not_ready", Some(1)));
        assert_eq!(told(EngineError::Interrupted), (503, "store_unavailable", Some(1)));
        assert_eq!(
            told(EngineError::DiskFull { free: 1, needed: 2 }),
            (507, "disk_full", Some(10))
        );
        assert_eq!(told(EngineError::Outdated), (409, "definition_changed", None));
    }
}
