//! Pinning a thread to a core.

/// Why a thread could not be pinned.
#[derive(Debug, thiserror::Error)]
#[error("pin the thread to core {core}; this process may use cores {allowed:?}")]
pub struct PinError {
    core: usize,
    allowed: Vec<usize>,
}

/// Pins the calling thread to `core`.
///
/// # Errors
/// If the process may not use that core.
pub fn pin(core: usize) -> Result<(), PinError> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let wanted = cores.iter().find(|id| id.id == core);
    match wanted {
        Some(id) if core_affinity::set_for_current(*id) => Ok(()),
        _ => Err(PinError { core, allowed: cores.iter().map(|id| id.id).collect() }),
    }
}
