//! The gate: up to which sequence anybody may act on what the log says.
//!
//! Nothing leaves the box (ack, fill, book update, SQL row) before `gate >= sequence`. The rule is
//! in one place, `stage::open_to`; this is its public face, for the stage's own process and for
//! others.

use crate::stage::{Stage, StageView};
use std::sync::Arc;

pub use crate::stage::GateMode;

/// Watches one stage. Cheap: a look is three loads.
pub struct Gate(Of);

enum Of {
    Own(Arc<Stage>),
    Other(StageView),
}

impl Gate {
    /// The gate of a stage of this process.
    #[must_use]
    pub fn new(stage: Arc<Stage>) -> Self {
        Self(Of::Own(stage))
    }

    /// The gate of a stage of another process.
    #[must_use]
    pub fn of_view(view: StageView) -> Self {
        Self(Of::Other(view))
    }

    /// The last sequence that may leave the box. Never goes back; stands still after a halt.
    #[must_use]
    #[inline]
    pub fn open_to(&self) -> u64 {
        match &self.0 {
            Of::Own(stage) => stage.open_to().1,
            Of::Other(view) => view.open_to().1,
        }
    }
}
