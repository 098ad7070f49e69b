//! The line language.
//!
//! ```text
//! alice buy 5 @ 100            limit; then any of: ioc fok day until 30s post_only display 2
//!                              named 7 stp oldest|both|decrement|allow session 2 cod in 2
//! alice buy 5 market           alice buy 5 market amount 600      alice buy for 500
//! alice sell 5 stop 90         alice sell 5 @ 89 stop 90          ("take" for take-profits)
//! alice sell 5 trail 100       alice sell 5 trail 100 from 120
//! alice oco sell 5 @ 110 | sell 5 stop 90                         also oto, otoco
//! alice cancel 3               alice cancel named 7
//! alice amend 3 price 101 quantity 4 display 2 until 30s named 8 stop 95 ifm keep
//! alice replace 3 with buy 5 @ 100                                or: replace_anyway
//! alice mass_cancel [buy|sell] [session 2] [stops] [in 1]
//! alice session_down 2 [session|member]     alice dead_man 5s     alice kill     alice revive
//! alice deposits 5 quote       withdraws settles releases adjusts; alice gives bob 5 quote
//! market [in 2] band 1000 reference 100 profile maker_by_id sweep 2 prices 1 200
//!        quantities 1 50 minimum 10 lot 10 tick 10
//! state auction [in 2]         fee maker 1000 taker 2000 [group 1] [in 1]
//! member alice group 1 stp 1 max 3
//! wait 5s   tick   is_tick_due   again   best   show alice
//! ```

use crate::Config;
use crate::events::Event;
use std::collections::BTreeMap;
use wire::codes::{
    DisconnectScope, ListKind, MarketState, OrderType, ReplaceMode, SelfTrade, Side, SideFilter,
    TimeInForce,
};
use wire::command::{
    Amend, AmendExtra, Cancel, CancelNew, Command, CurrencySet, DeadMan, FeeSet, Funds, KillSwitch,
    ListLeg, MarketSet, MarketStateSet, MassCancel, MemberSet, NewList, NewOrder, OrderExtra,
    SessionDown, Tick, flag, kind, profile,
};
use wire::limits::SLOT_BITS;
use wire::record::Header;
use wire::units::Amount;

pub(super) const BASE: u16 = 1;
pub(super) const QUOTE: u16 = 2;
const NAMES: [&str; 5] = ["house", "alice", "bob", "carol", "dave"];
const START_NS: u64 = 1_700_000_000 * 1_000_000_000;

/// What a line asks the machine.
pub(super) enum Action {
    Wait,
    Apply(Box<Command>),
    Best(u16),
    Balance(u32),
    TickDue(u64),
}

/// What a story knows while it is told.
pub(super) struct Storyteller {
    pub(super) config: Config,
    has_money: bool,
    now: u64,
    operation: u64,
    market: MarketSet,
    last: Command,
    /// The machine's own ids of the orders, by serial.
    order_ids: BTreeMap<u64, u64>,
}

impl Default for Storyteller {
    fn default() -> Self {
        let market = MarketSet {
            header: Header::new(kind::MARKET_SET, 3, 1),
            base: BASE,
            quote: QUOTE,
            state: MarketState::Continuous.code(),
            lot_units: Amount::new(1),
            tick_units: Amount::new(1),
            min_price_ticks: 1,
            max_price_ticks: 1_000_000,
            min_quantity_lots: 1,
            max_quantity_lots: 1_000_000,
            ..MarketSet::default()
        };
        Self {
            config: Config {
                orders: 4096,
                members: 16,
                accounts: 64,
                lists: 64,
                ladder_ticks: 4 * 8192,
            },
            has_money: true,
            now: START_NS,
            operation: 0,
            market,
            last: Command::ZERO,
            order_ids: BTreeMap::new(),
        }
    }
}

/// The name of a member.
pub(super) fn name_of(member: u32) -> &'static str {
    NAMES.get(member as usize).copied().unwrap_or("nobody")
}

fn member_of(name: &str) -> u32 {
    let index = NAMES.iter().position(|known| *known == name);
    index.unwrap_or_else(|| panic!("nobody is called {name}")) as u32
}

/// The words of a line, read from left to right.
struct Words<'a>(std::iter::Peekable<std::str::SplitWhitespace<'a>>);

impl<'a> Words<'a> {
    fn new(line: &'a str) -> Self {
        Self(line.split_whitespace().peekable())
    }

    fn word(&mut self) -> &'a str {
        self.0.next().expect("the line ends too early")
    }

    fn number<T: std::str::FromStr>(&mut self) -> T {
        let word = self.word();
        word.replace('_', "").parse().unwrap_or_else(|_| panic!("{word} is not a number"))
    }

    /// `500ms`, `5s`, `2h`, or 0.
    fn duration_ns(&mut self) -> u64 {
        let word = self.word();
        let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (count, unit) = word.split_at(end);
        let unit = match unit {
            "ms" | "" => 1_000_000,
            "s" => 1_000_000_000,
            "h" => 3_600_000_000_000,
            _ => panic!("{word} is not a time"),
        };
        count.parse::<u64>().expect("a number") * unit
    }

    fn is_at(&mut self, word: &str) -> bool {
        self.0.next_if_eq(&word).is_some()
    }
}

fn state_of(word: &str) -> MarketState {
    let state = MarketState::ALL.iter().find(|state| state.key() == word);
    *state.unwrap_or_else(|| panic!("{word} is not a state"))
}

fn profile_of(word: &str) -> u32 {
    match word {
        "improvement_held" => profile::IMPROVEMENT_HELD,
        "market_buy_lock" => profile::MARKET_BUY_LOCK,
        "funds_rule_24" => profile::FUNDS_RULE_24,
        "whole_level_stop" => profile::WHOLE_LEVEL_STOP,
        "self_trade_allowed" => profile::SELF_TRADE_ALLOWED,
        "maker_by_id" => profile::MAKER_BY_ID,
        "peatio" => profile::PEATIO,
        "none" => 0,
        _ => panic!("{word} is not a profile"),
    }
}

impl Storyteller {
    /// Takes in a line that prepares the machine before it exists.
    pub(super) fn prepares(&mut self, line: &str) -> bool {
        if line == "given nobody has money" {
            self.has_money = false;
            return true;
        }
        let Some(line) = line.strip_prefix("given room ") else { return false };
        let mut words = Words::new(line);
        while let Some(what) = words.0.next() {
            match what {
                "orders" => self.config.orders = words.number(),
                "lists" => self.config.lists = words.number(),
                "accounts" => self.config.accounts = words.number(),
                "members" => self.config.members = words.number(),
                "ladder" => self.config.ladder_ticks = words.number(),
                _ => panic!("there is no room for {what}"),
            }
        }
        true
    }

    /// What happens before the first line: currencies, members, money, and the usual market unless
    /// the line makes another.
    pub(super) fn setup(&mut self, first_line: &str) -> Vec<Command> {
        let mut commands = Vec::new();
        for currency in [BASE, QUOTE] {
            let header = Header::new(kind::CURRENCY_SET, 1, 0);
            let operation = self.next_operation();
            let scale = 8;
            let message = CurrencySet { header, operation, currency, scale, ..Default::default() };
            commands.push(Command::new(&message));
        }
        for member in 1..=4 {
            let header = Header::new(kind::MEMBER_SET, 1, 0);
            let operation = self.next_operation();
            let message = MemberSet { header, operation, member, ..MemberSet::default() };
            commands.push(Command::new(&message));
        }
        if self.has_money {
            for member in 1..=4 {
                commands.push(self.funds(kind::DEPOSIT, member, 0, 1_000, BASE));
                commands.push(self.funds(kind::DEPOSIT, member, 0, 100_000, QUOTE));
            }
        }
        if !first_line.starts_with("given market") {
            commands.push(self.market(&mut Words::new("")));
        }
        for command in &mut commands {
            command.set_time_ns(self.now);
        }
        commands
    }

    fn next_operation(&mut self) -> u64 {
        self.operation += 1;
        self.operation
    }

    /// Takes in what the machine answered.
    pub(super) fn learn(&mut self, events: &[Event]) {
        for event in events {
            if let Event::Accepted(accepted) = event {
                self.order_ids.insert(accepted.order_id >> SLOT_BITS, accepted.order_id);
            }
        }
    }

    /// What a line asks for.
    pub(super) fn action(&mut self, line: &str) -> Action {
        let mut words = Words::new(line);
        let first = words.word();
        let mut command = match first {
            "wait" => {
                self.now += words.duration_ns();
                return Action::Wait;
            }
            "best" => {
                return Action::Best(if words.is_at("in") { words.number() } else { 1 });
            }
            "show" => return Action::Balance(member_of(words.word())),
            "is_tick_due" => return Action::TickDue(self.now),
            "again" => self.last,
            "tick" => {
                Command::new(&Tick { header: Header::new(kind::TICK, 1, 0), ..Tick::default() })
            }
            "market" => self.market(&mut words),
            "state" => self.state(&mut words),
            "fee" => self.fee(&mut words),
            "member" => self.member(&mut words),
            name => self.deed(member_of(name), &mut words),
        };
        assert!(words.0.next().is_none(), "too many words in: {line}");
        command.set_time_ns(self.now);
        self.last = command;
        Action::Apply(Box::new(command))
    }

    fn market(&mut self, words: &mut Words<'_>) -> Command {
        let set = &mut self.market;
        set.header.market = 1;
        while let Some(what) = words.0.next() {
            match what {
                "in" => set.header.market = words.number(),
                "band" => set.band_bips = words.number(),
                "reference" => set.reference_ticks = words.number(),
                "profile" => {
                    set.profile = words.word().split(',').map(profile_of).sum();
                }
                "sweep" => set.sweep_limit = words.number(),
                "prices" => {
                    (set.min_price_ticks, set.max_price_ticks) = (words.number(), words.number());
                }
                "quantities" => {
                    (set.min_quantity_lots, set.max_quantity_lots) =
                        (words.number(), words.number());
                }
                "minimum" => set.min_notional = Amount::new(words.number()),
                "lot" => set.lot_units = Amount::new(words.number()),
                "tick" => set.tick_units = Amount::new(words.number()),
                "state" => set.state = state_of(words.word()).code(),
                _ => panic!("a market has no {what}"),
            }
        }
        self.operation += 1;
        set.operation = self.operation;
        Command::new(set)
    }

    fn state(&mut self, words: &mut Words<'_>) -> Command {
        let state = state_of(words.word()).code();
        let market = if words.is_at("in") { words.number() } else { 1 };
        let header = Header::new(kind::MARKET_STATE, 1, market);
        let operation = self.next_operation();
        Command::new(&MarketStateSet { header, operation, state, ..MarketStateSet::default() })
    }

    fn fee(&mut self, words: &mut Words<'_>) -> Command {
        let header = Header::new(kind::FEE_SET, 1, 0);
        let mut set = FeeSet { header, operation: self.next_operation(), ..FeeSet::default() };
        while let Some(what) = words.0.next() {
            match what {
                "maker" => set.maker_ppm = words.number(),
                "taker" => set.taker_ppm = words.number(),
                "group" => set.group = words.number(),
                "in" => set.header.market = words.number(),
                _ => panic!("a fee has no {what}"),
            }
        }
        Command::new(&set)
    }

    fn member(&mut self, words: &mut Words<'_>) -> Command {
        let header = Header::new(kind::MEMBER_SET, 1, 0);
        let member = member_of(words.word());
        let operation = self.next_operation();
        let mut set = MemberSet { header, operation, member, ..MemberSet::default() };
        while let Some(what) = words.0.next() {
            match what {
                "group" => set.fee_group = words.number(),
                "stp" => set.self_trade_group = words.number(),
                "max" => set.open_orders_max = words.number(),
                _ => panic!("a member has no {what}"),
            }
        }
        Command::new(&set)
    }

    /// A line that begins with somebody's name.
    fn deed(&mut self, member: u32, words: &mut Words<'_>) -> Command {
        match words.word() {
            "buy" => self.new_order(member, Side::Buy, words),
            "sell" => self.new_order(member, Side::Sell, words),
            "oco" => self.list(member, ListKind::Oco, words),
            "oto" => self.list(member, ListKind::Oto, words),
            "otoco" => self.list(member, ListKind::Otoco, words),
            "cancel" => {
                let mut header = Header::new(kind::CANCEL, 1, 0);
                let target = self.target(words, &mut header);
                Command::new(&Cancel { header, member, target, ..Cancel::default() })
            }
            "amend" => self.amend(member, words),
            "replace" => self.replace(member, ReplaceMode::StopOnFailure, words),
            "replace_anyway" => self.replace(member, ReplaceMode::AllowFailure, words),
            "mass_cancel" => mass_cancel(member, words),
            "session_down" => session_down(member, words),
            "dead_man" => {
                let header = Header::new(kind::DEAD_MAN, 1, 0);
                let timeout_ms = (words.duration_ns() / 1_000_000) as u32;
                Command::new(&DeadMan { header, member, timeout_ms, ..DeadMan::default() })
            }
            word @ ("kill" | "revive") => {
                let header = Header::new(kind::KILL_SWITCH, 1, 0);
                let active = u32::from(word == "kill");
                Command::new(&KillSwitch { header, member, active, ..KillSwitch::default() })
            }
            "deposits" => self.move_money(kind::DEPOSIT, member, words),
            "withdraws" => self.move_money(kind::WITHDRAW_HOLD, member, words),
            "settles" => self.move_money(kind::WITHDRAW_SETTLE, member, words),
            "releases" => self.move_money(kind::WITHDRAW_RELEASE, member, words),
            "adjusts" => self.move_money(kind::ADJUST, member, words),
            "gives" => self.move_money(kind::TRANSFER, member, words),
            word => panic!("nobody can {word}"),
        }
    }

    fn move_money(&mut self, kind: u8, member: u32, words: &mut Words<'_>) -> Command {
        let to_member = if kind == kind::TRANSFER { member_of(words.word()) } else { 0 };
        let amount = words.number();
        let currency = match words.word() {
            "base" => BASE,
            "quote" => QUOTE,
            number => number.parse().expect("a currency"),
        };
        self.funds(kind, member, to_member, amount, currency)
    }

    fn funds(&mut self, kind: u8, member: u32, to: u32, amount: i128, currency: u16) -> Command {
        Command::new(&Funds {
            header: Header::new(kind, 1, 0),
            amount: Amount::new(amount),
            operation: self.next_operation(),
            member,
            to_member: to,
            currency,
            ..Funds::default()
        })
    }

    fn new_order(&self, member: u32, side: Side, words: &mut Words<'_>) -> Command {
        let (mut order, extra) = self.order(member, side, words);
        order.header.kind = kind::NEW_ORDER;
        Command::with_extra(&order, &extra)
    }

    /// An order after its side, up to the end of the line or the next leg.
    fn order(&self, member: u32, side: Side, words: &mut Words<'_>) -> (NewOrder, OrderExtra) {
        let mut order = NewOrder {
            header: Header::new(0, 1, 1),
            member,
            side: side.code(),
            order_type: OrderType::Limit.code(),
            ..NewOrder::default()
        };
        let mut extra = OrderExtra::default();
        if words.is_at("for") {
            order.order_type = OrderType::MarketQuote.code();
            order.time_in_force = TimeInForce::Ioc.code();
            extra.quote_amount = Amount::new(words.number());
        } else {
            order.quantity_lots = words.number();
        }
        while let Some(word) = words.0.next_if(|word| *word != "|") {
            self.order_option(word, words, &mut order, &mut extra);
        }
        (order, extra)
    }

    fn order_option(
        &self,
        word: &str,
        words: &mut Words<'_>,
        order: &mut NewOrder,
        extra: &mut OrderExtra,
    ) {
        let has_price = order.price_ticks != 0;
        match word {
            "@" => order.price_ticks = words.number(),
            "market" => {
                order.order_type = OrderType::Market.code();
                order.time_in_force = TimeInForce::Ioc.code();
            }
            "stop" | "take" => {
                extra.stop_price_ticks = words.number();
                let order_type = match (word, has_price) {
                    ("stop", false) => OrderType::Stop,
                    ("stop", true) => OrderType::StopLimit,
                    (_, false) => OrderType::TakeProfit,
                    (_, true) => OrderType::TakeProfitLimit,
                };
                order.order_type = order_type.code();
            }
            "trail" => {
                order.order_type = OrderType::TrailingStop.code();
                extra.trail_bips = words.number();
            }
            "from" => extra.stop_price_ticks = words.number(),
            "gtc" => order.time_in_force = TimeInForce::Gtc.code(),
            "ioc" => order.time_in_force = TimeInForce::Ioc.code(),
            "fok" => order.time_in_force = TimeInForce::Fok.code(),
            "day" => order.time_in_force = TimeInForce::Day.code(),
            "until" => {
                order.time_in_force = TimeInForce::Gtd.code();
                extra.expire_ns = self.now + words.duration_ns();
            }
            "post_only" => order.header.flags |= flag::POST_ONLY,
            "cod" => order.header.flags |= flag::CANCEL_ON_DISCONNECT,
            "display" => extra.display_lots = words.number(),
            "amount" => extra.quote_amount = Amount::new(words.number()),
            "named" => order.client_order_id = words.number(),
            "session" => order.session = words.number(),
            "in" => order.header.market = words.number(),
            "stp" => {
                let mode = match words.word() {
                    "newest" => SelfTrade::CancelNewest,
                    "oldest" => SelfTrade::CancelOldest,
                    "both" => SelfTrade::CancelBoth,
                    "decrement" => SelfTrade::Decrement,
                    _ => SelfTrade::Allow,
                };
                order.self_trade = mode.code();
            }
            word => panic!("an order has no {word}"),
        }
    }

    fn list(&self, member: u32, list_kind: ListKind, words: &mut Words<'_>) -> Command {
        let mut list = NewList {
            header: Header::new(kind::NEW_LIST, 4, 1),
            member,
            list_kind: list_kind.code(),
            ..NewList::default()
        };
        for leg in &mut list.legs {
            let side = match words.0.next() {
                Some("buy") => Side::Buy,
                Some("sell") => Side::Sell,
                Some(word) => panic!("a leg begins with its side, not {word}"),
                None => break,
            };
            let (order, extra) = self.order(member, side, words);
            list.header.market = order.header.market;
            list.session = order.session;
            *leg = ListLeg {
                client_order_id: order.client_order_id,
                price_ticks: order.price_ticks,
                quantity_lots: order.quantity_lots,
                stop_price_ticks: extra.stop_price_ticks,
                display_lots: extra.display_lots,
                expire_ns: extra.expire_ns,
                trail_bips: extra.trail_bips,
                side: order.side,
                order_type: order.order_type,
                time_in_force: order.time_in_force,
                flags: order.header.flags,
                self_trade: order.self_trade,
                reserved: [0; 7],
            };
            words.is_at("|");
        }
        Command::new(&list)
    }

    /// `3` or `named 7`.
    fn target(&self, words: &mut Words<'_>, header: &mut Header) -> u64 {
        if words.is_at("named") {
            header.flags |= flag::BY_CLIENT_ID;
            return words.number();
        }
        let serial: u64 = words.number();
        self.order_ids.get(&serial).copied().unwrap_or(serial << SLOT_BITS)
    }

    fn amend(&self, member: u32, words: &mut Words<'_>) -> Command {
        let mut header = Header::new(kind::AMEND, 1, 0);
        let target = self.target(words, &mut header);
        let mut amend = Amend { header, member, target, ..Amend::default() };
        let mut extra = AmendExtra::default();
        while let Some(what) = words.0.next() {
            match what {
                "price" => amend.price_ticks = words.number(),
                "quantity" => amend.quantity_lots = words.number(),
                "display" => extra.display_lots = words.number(),
                "until" => extra.expire_ns = self.now + words.duration_ns(),
                "named" => extra.client_order_id = words.number(),
                "stop" => extra.stop_price_ticks = words.number(),
                "ifm" => amend.header.flags |= flag::IN_FLIGHT_MITIGATION,
                "keep" => amend.header.flags |= flag::KEEP_PRIORITY,
                _ => panic!("an amend has no {what}"),
            }
        }
        Command::with_extra(&amend, &extra)
    }

    fn replace(&self, member: u32, mode: ReplaceMode, words: &mut Words<'_>) -> Command {
        let mut header = Header::default();
        let target = self.target(words, &mut header);
        assert!(words.is_at("with"), "replace what with what?");
        let side = if words.word() == "buy" { Side::Buy } else { Side::Sell };
        let (mut order, extra) = self.order(member, side, words);
        order.header.kind = kind::CANCEL_NEW;
        order.header.cells = 3;
        let by_client_id = u8::from(header.flags & flag::BY_CLIENT_ID != 0);
        let mode = mode.code();
        Command::new(&CancelNew { order, extra, target, mode, by_client_id, ..Default::default() })
    }
}

fn mass_cancel(member: u32, words: &mut Words<'_>) -> Command {
    let header = Header::new(kind::MASS_CANCEL, 1, 0);
    let mut message = MassCancel { header, member, ..MassCancel::default() };
    while let Some(what) = words.0.next() {
        match what {
            "buy" => message.side = SideFilter::Buy.code(),
            "sell" => message.side = SideFilter::Sell.code(),
            "session" => message.session = words.number(),
            "stops" => message.include_stops = 1,
            "in" => message.header.market = words.number(),
            _ => panic!("a mass cancel has no {what}"),
        }
    }
    Command::new(&message)
}

fn session_down(member: u32, words: &mut Words<'_>) -> Command {
    let header = Header::new(kind::SESSION_DOWN, 1, 0);
    let session = words.number();
    let scope = match words.0.next() {
        None => DisconnectScope::Instructed,
        Some("session") => DisconnectScope::Session,
        Some(_) => DisconnectScope::Member,
    };
    let scope = scope.code();
    Command::new(&SessionDown { header, member, session, scope, ..SessionDown::default() })
}
