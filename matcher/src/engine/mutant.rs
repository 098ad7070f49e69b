//! Planted faults, to prove that the judges bite. Only with `--cfg mutants`; otherwise
//! [`is`] is a constant and nothing of it is left in the code.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutant {
    /// A level is a stack.
    LastInFirstOut = 1,
    /// Fees round towards the payer.
    FeeRoundedDown,
    /// Maker and taker rates are swapped.
    RatesSwapped,
    /// A member trades with itself.
    SelfTradeSkipped,
    /// A taker's price improvement stays held.
    ImprovementKept,
    /// An iceberg's next slice keeps its place.
    IcebergKeepsPlace,
    /// A cancelled order's money stays held.
    HoldNotReleased,
    /// A post-only order takes.
    PostOnlyTakes,
    /// Stops fire in a halted market.
    StopIgnoresHalt,
    /// A timer fires ten milliseconds late.
    ExpiryLate,
    /// A fill-or-kill order fills in part.
    FillOrKillFillsInPart,
    /// An amend with more quantity keeps its place.
    AmendKeepsPlace,
    /// An OCO leg trades and its sibling stays.
    SiblingStays,
    /// A repeated operation is applied again.
    RepeatApplied,
    /// A rejected order uses up a serial.
    RejectedUsesSerial,
    /// The uncross takes the buyers' price.
    UncrossAtBid,
}

impl Mutant {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::LastInFirstOut,
        Self::FeeRoundedDown,
        Self::RatesSwapped,
        Self::SelfTradeSkipped,
        Self::ImprovementKept,
        Self::IcebergKeepsPlace,
        Self::HoldNotReleased,
        Self::PostOnlyTakes,
        Self::StopIgnoresHalt,
        Self::ExpiryLate,
        Self::FillOrKillFillsInPart,
        Self::AmendKeepsPlace,
        Self::SiblingStays,
        Self::RepeatApplied,
        Self::RejectedUsesSerial,
        Self::UncrossAtBid,
    ];
}

#[cfg(mutants)]
std::thread_local! {
    static PLANTED: core::cell::Cell<u8> = const { core::cell::Cell::new(0) };
}

/// Plants a fault for the calling thread; `None` takes it out.
#[cfg(mutants)]
pub fn plant(mutant: Option<Mutant>) {
    PLANTED.set(mutant.map_or(0, |mutant| mutant as u8));
}

/// Whether this fault is planted.
#[cfg(mutants)]
#[must_use]
pub fn is(mutant: Mutant) -> bool {
    PLANTED.get() == mutant as u8
}

/// Whether this fault is planted: never in this build.
#[cfg(not(mutants))]
#[must_use]
#[inline(always)]
pub const fn is(_: Mutant) -> bool {
    false
}
