//! Enumerations as they stand on the wire: one byte each, checked when decoded.

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $value:literal => $key:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $value,)+ }

        impl $name {
            /// Every value, in wire order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value a wire byte stands for; `None` for a byte that stands for nothing.
            #[must_use]
            #[inline]
            pub const fn decode(byte: u8) -> Option<Self> {
                match byte { $($value => Some(Self::$variant),)+ _ => None }
            }

            /// The wire byte.
            #[must_use]
            #[inline]
            pub const fn code(self) -> u8 { self as u8 }

            /// The name used in dumps and reports.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)+ }
            }
        }
    };
}

codes! {
    /// Side of an order.
    Side {
        /// Buys base with quote.
        Buy = 0 => "buy",
        /// Sells base for quote.
        Sell = 1 => "sell",
    }
}

impl Side {
    /// The other side.
    #[must_use]
    #[inline]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

codes! {
    /// What an order asks for.
    OrderType {
        /// Trades at its price or better.
        Limit = 1 => "limit",
        /// Trades a base quantity at any price inside the collar.
        Market = 2 => "market",
        /// Trades up to a quote amount at any price inside the collar.
        MarketQuote = 3 => "market_quote",
        /// Becomes a market order when the last trade reaches its stop price against it.
        Stop = 4 => "stop",
        /// Becomes a limit order when the last trade reaches its stop price against it.
        StopLimit = 5 => "stop_limit",
        /// Becomes a market order when the last trade reaches its stop price in its favour.
        TakeProfit = 6 => "take_profit",
        /// Becomes a limit order when the last trade reaches its stop price in its favour.
        TakeProfitLimit = 7 => "take_profit_limit",
        /// A stop whose trigger follows the best last trade since entry at a distance in bips.
        TrailingStop = 8 => "trailing_stop",
    }
}

impl OrderType {
    /// Whether the order waits for a trigger before it may match.
    #[must_use]
    #[inline]
    pub const fn is_triggered(self) -> bool {
        self.code() >= Self::Stop.code()
    }

    /// Whether the order has a limit price.
    #[must_use]
    #[inline]
    pub const fn has_price(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit | Self::TakeProfitLimit)
    }
}

codes! {
    /// How long an order lives.
    TimeInForce {
        /// Good till cancelled.
        Gtc = 0 => "gtc",
        /// Immediate or cancel.
        Ioc = 1 => "ioc",
        /// Fill or kill.
        Fok = 2 => "fok",
        /// Good till a time.
        Gtd = 3 => "gtd",
        /// Good till the next midnight UTC.
        Day = 4 => "day",
    }
}

codes! {
    /// What happens when an order meets one of its own account or group.
    SelfTrade {
        /// The incoming order's remainder is cancelled.
        CancelNewest = 0 => "cancel_newest",
        /// The resting order is cancelled; the incoming one goes on.
        CancelOldest = 1 => "cancel_oldest",
        /// Both are cancelled.
        CancelBoth = 2 => "cancel_both",
        /// Both are reduced by the smaller; the smaller is cancelled.
        Decrement = 3 => "decrement",
        /// They trade. Only in markets whose profile allows it.
        Allow = 4 => "allow",
    }
}

codes! {
    /// State of a market.
    MarketState {
        /// Orders are collected, nothing matches, no auction is announced.
        PreOpen = 1 => "pre_open",
        /// Orders are collected for an uncross.
        Auction = 2 => "auction",
        /// Normal trading.
        Continuous = 3 => "continuous",
        /// Cancels only, nothing executes.
        Halted = 4 => "halted",
        /// Only post-only orders may enter.
        PostOnly = 5 => "post_only",
        /// Cancels only.
        CancelOnly = 6 => "cancel_only",
        /// Cancels only, end of the session.
        Closed = 7 => "closed",
        /// Final: every order is cancelled.
        Delisted = 8 => "delisted",
    }
}

codes! {
    /// Shape of an order list.
    ListKind {
        /// One cancels the other: legs 0 and 1.
        Oco = 1 => "oco",
        /// One triggers the other: leg 0 works, leg 1 is released when leg 0 is filled.
        Oto = 2 => "oto",
        /// Leg 0 works; legs 1 and 2 are released as an OCO pair when leg 0 is filled.
        Otoco = 3 => "otoco",
    }
}

codes! {
    /// Which orders a dropped session takes with it.
    DisconnectScope {
        /// The session's orders that carry the cancel-on-disconnect instruction.
        Instructed = 0 => "instructed",
        /// Every order of the session.
        Session = 1 => "session",
        /// Every order of the member.
        Member = 2 => "member",
    }
}

codes! {
    /// Which sides a mass cancel covers.
    SideFilter {
        /// Both sides.
        Both = 0 => "both",
        /// Buy orders.
        Buy = 1 => "buy",
        /// Sell orders.
        Sell = 2 => "sell",
    }
}

codes! {
    /// Why an order left.
    DoneReason {
        /// Filled; sent only when money was still held for it.
        Filled = 1 => "filled",
        /// Its owner cancelled it.
        Requested = 2 => "requested",
        /// What an immediate order could not fill.
        ImmediateRemainder = 3 => "immediate_remainder",
        /// A fill-or-kill that could not be filled whole.
        FillOrKill = 4 => "fill_or_kill",
        /// A market order met no more orders.
        NoLiquidity = 5 => "no_liquidity",
        /// A market order reached its protection price.
        PriceBand = 6 => "price_band",
        /// A market order's money ran out.
        OutOfFunds = 7 => "out_of_funds",
        /// Self-trade prevention.
        SelfTrade = 8 => "self_trade",
        /// Its time came.
        Expired = 9 => "expired",
        /// Its sibling in an order list traded or triggered.
        OneCancelsOther = 10 => "one_cancels_other",
        /// The list it was part of ended.
        ListEnded = 11 => "list_ended",
        /// Cancelled by a mass cancel.
        MassCancel = 12 => "mass_cancel",
        /// Its session went down.
        Disconnect = 13 => "disconnect",
        /// The member's dead-man timer fired.
        DeadMan = 14 => "dead_man",
        /// The member's kill switch was pulled.
        KillSwitch = 15 => "kill_switch",
        /// It would have met more orders than the market's sweep limit.
        SweepLimit = 16 => "sweep_limit",
        /// Replaced by a cancel-and-new.
        Replaced = 17 => "replaced",
        /// The market was delisted.
        Delisted = 18 => "delisted",
        /// Released from a list or by a trigger, and refused at that moment.
        Refused = 19 => "refused",
        /// An amend left nothing open.
        AmendedToDone = 20 => "amended_to_done",
    }
}

codes! {
    /// Why an order changed while it stayed.
    RestateReason {
        /// Its owner amended it.
        Amended = 1 => "amended",
        /// An iceberg showed its next slice.
        IcebergRefresh = 2 => "iceberg_refresh",
        /// Self-trade prevention took quantity off it.
        SelfTradeDecrement = 3 => "self_trade_decrement",
        /// A list it belongs to ended or was amended, and the money held for it changed.
        ListChanged = 4 => "list_changed",
    }
}

codes! {
    /// Where an accepted order went.
    Placement {
        /// To the matcher: it trades, rests or ends inside this command.
        Matching = 0 => "matching",
        /// To the trigger book.
        Waiting = 1 => "waiting",
        /// Waits for another order of its list.
        Pending = 2 => "pending",
    }
}

codes! {
    /// Whether a cancel-and-new goes on when the cancel fails.
    ReplaceMode {
        /// A failed cancel rejects the new order too.
        StopOnFailure = 0 => "stop_on_failure",
        /// The new order is attempted anyway.
        AllowFailure = 1 => "allow_failure",
    }
}
