//! Why a command was rejected: a number on the wire, a stable key at the edge.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $value:literal => $key:literal,)+) => {
        /// Why a command was rejected. Numbers and keys are never changed or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum RejectReason { $($(#[$doc])* $name = $value,)+ }

        impl RejectReason {
            /// Every reason, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The reason a number on the wire stands for.
            #[must_use]
            pub const fn decode(code: u16) -> Option<Self> {
                match code { $($value => Some(Self::$name),)+ _ => None }
            }

            /// The key shown to people and programs at the edge.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)+ }
            }

            /// The number on the wire.
            #[must_use]
            #[inline]
            pub const fn code(self) -> u16 { self as u16 }
        }
    };
}

reasons! {
    /// No command has this kind or this length.
    CommandUnknown = 1 => "command.unknown",
    /// The layout version differs.
    CommandVersion = 2 => "command.version_differs",
    /// A byte stands for nothing, or a reserved field is not zero.
    FieldInvalid = 3 => "command.field_invalid",
    /// The sequence of the ring has a gap or a repeat.
    RingSequence = 4 => "command.ring_sequence",
    /// The log's reader is too far behind; try again.
    JournalBehind = 5 => "journal.behind",
    /// The market does not exist.
    MarketUnknown = 10 => "market.unknown",
    /// The market's state does not allow this.
    MarketState = 11 => "market.state_refuses",
    /// The market exists with another base, quote or unit.
    MarketFixed = 12 => "market.parameter_fixed",
    /// A market parameter is outside its range.
    MarketParameter = 13 => "market.parameter_invalid",
    /// There is no such way from the market's state to that one.
    MarketTransition = 14 => "market.transition_refused",
    /// The currency does not exist, or exists with another scale.
    CurrencyUnknown = 15 => "currency.unknown",
    /// The currency exists with another scale.
    CurrencyFixed = 16 => "currency.scale_fixed",
    /// The member does not exist.
    MemberUnknown = 20 => "member.unknown",
    /// The member's kill switch is pulled.
    KillSwitchActive = 21 => "member.kill_switch_active",
    /// A live order of the member has this client order id.
    ClientOrderIdTaken = 30 => "order.client_id_taken",
    /// No live order of the member has this id.
    OrderUnknown = 31 => "order.unknown",
    /// This type of order cannot have this time in force.
    TimeInForceInvalid = 32 => "order.time_in_force_invalid",
    /// The expiry is not after now, or too far away.
    ExpiryInvalid = 33 => "order.expiry_invalid",
    /// The price is zero, too large, outside the market's limits, or given where none belongs.
    PriceInvalid = 34 => "order.price_invalid",
    /// The quantity is zero, too large, outside the market's limits, or given where none belongs.
    QuantityInvalid = 35 => "order.quantity_invalid",
    /// The order is worth less than the market's minimum.
    NotionalTooSmall = 36 => "order.notional_too_small",
    /// The order is worth more than any balance can be.
    NotionalTooLarge = 37 => "order.notional_too_large",
    /// The price is outside the market's band.
    PriceBand = 38 => "order.price_outside_band",
    /// The stop price is zero, too large or given where none belongs.
    StopPriceInvalid = 39 => "order.stop_price_invalid",
    /// The stop's condition is already true.
    WouldTrigger = 40 => "order.would_trigger",
    /// The trailing distance is zero, too large or given where none belongs.
    TrailInvalid = 41 => "order.trail_invalid",
    /// The displayed quantity does not make an iceberg of 2 to 50 slices that may rest.
    DisplayInvalid = 42 => "order.display_invalid",
    /// A post-only order would trade at once.
    WouldCross = 43 => "order.would_cross",
    /// The self-trade mode is not offered in this market.
    SelfTradeInvalid = 44 => "order.self_trade_invalid",
    /// The member has as many live orders as it may have.
    TooManyOrders = 45 => "order.too_many_open",
    /// The market has as many trailing stops as it may have.
    TooManyTrailing = 46 => "order.too_many_trailing",
    /// The matcher has no room for another order.
    PoolFull = 47 => "order.pool_full",
    /// Available money does not cover the order or the operation.
    InsufficientFunds = 48 => "funds.insufficient",
    /// The book has not the depth a market order needs here.
    InsufficientLiquidity = 49 => "market.insufficient_liquidity",
    /// An amend changes nothing.
    NoChange = 50 => "amend.no_change",
    /// An amend would lose the place in the queue and said not to.
    WouldLosePriority = 51 => "amend.would_lose_priority",
    /// The order's kind or state cannot be amended that way.
    AmendInvalid = 52 => "amend.invalid",
    /// The legs do not make a list of that kind.
    ListInvalid = 53 => "list.invalid",
    /// The cancel of a cancel-and-new failed, so the new order was not tried.
    CancelFailed = 54 => "replace.cancel_failed",
    /// The amount is zero, negative or too large.
    AmountInvalid = 60 => "funds.amount_invalid",
    /// More is asked from a withdrawal hold than it has.
    HoldTooSmall = 61 => "funds.hold_too_small",
    /// Sender and receiver are the same, or the receiver does not exist.
    ReceiverInvalid = 62 => "funds.receiver_invalid",
    /// The currency's supply would leave its range.
    SupplyLimit = 63 => "funds.supply_limit",
    /// There is no room for another balance.
    AccountsFull = 64 => "funds.accounts_full",
    /// The fee rate is too large.
    FeeInvalid = 65 => "fee.rate_invalid",
    /// The fee group does not exist.
    GroupInvalid = 66 => "fee.group_invalid",
    /// The source number is too large.
    SourceInvalid = 67 => "command.source_invalid",
    /// The dead-man timeout is too long.
    TimeoutInvalid = 68 => "dead_man.timeout_invalid",
    /// Too many mass cancels are unfinished; try again.
    WorkQueueFull = 69 => "mass_cancel.queue_full",
    /// There is no room for another market's price windows.
    MarketsFull = 70 => "market.capacity_full",
    /// There is no room for another order list.
    ListsFull = 71 => "list.capacity_full",
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_keys_are_unique_and_fit_a_byte() {
        let codes: BTreeSet<u16> = RejectReason::ALL.iter().map(|r| r.code()).collect();
        let keys: BTreeSet<&str> = RejectReason::ALL.iter().map(|r| r.key()).collect();
        assert_eq!(codes.len(), RejectReason::ALL.len());
        assert_eq!(keys.len(), RejectReason::ALL.len());
        // `Done::refusal` carries a reason in one byte.
        assert!(codes.iter().all(|code| (1..256).contains(code)));
        for reason in RejectReason::ALL {
            assert_eq!(RejectReason::decode(reason.code()), Some(*reason));
        }
        assert_eq!(RejectReason::decode(0), None);
    }
}
