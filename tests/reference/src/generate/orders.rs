//! Orders, lists and amends of a stream.

use super::{Feature, Generator, KnownMarket, Live, Prices, SECOND_NS};
use wire::codes::{ListKind, OrderType, ReplaceMode, SelfTrade, Side, TimeInForce};
use wire::command::{
    Amend, AmendExtra, CancelNew, Command, ListLeg, NewList, NewOrder, OrderExtra, flag, kind,
    profile,
};
use wire::limits::{AMOUNT_MAX, GTD_MAX_NS, PRICE_MAX, QUANTITY_MAX};
use wire::record::Header;
use wire::units::Amount;

impl Generator {
    pub(super) fn new_order(&mut self) -> Command {
        let market = self.market();
        let member = self.member();
        let (mut order, extra) = self.order(&market, member);
        order.header.kind = kind::NEW_ORDER;
        order.header.cells = 1;
        self.ask(&order, &extra);
        if extra == OrderExtra::default() && self.rng.percent(90) {
            Command::new(&order)
        } else {
            Command::with_extra(&order, &extra)
        }
    }

    pub(super) fn cancel_new(&mut self) -> Command {
        let (member, target, by_client_id) = self.target();
        let market = self.market();
        let (mut order, extra) = self.order(&market, member);
        order.header.kind = kind::CANCEL_NEW;
        order.header.cells = 3;
        if by_client_id && self.rng.percent(30) {
            order.client_order_id = target;
        }
        self.ask(&order, &extra);
        Command::new(&CancelNew {
            order,
            extra,
            target,
            mode: self.rng.pick(ReplaceMode::ALL).code(),
            by_client_id: u8::from(by_client_id),
            ..CancelNew::default()
        })
    }

    /// Remembers what the next `Accepted` is about.
    fn ask(&mut self, order: &NewOrder, extra: &OrderExtra) {
        let side = if order.side == 0 { Side::Buy } else { Side::Sell };
        self.asked.push_back(Live {
            member: order.member,
            client_order_id: order.client_order_id,
            market: order.header.market,
            side,
            order_type: OrderType::decode(order.order_type).unwrap_or(OrderType::Limit),
            time_in_force: TimeInForce::decode(order.time_in_force).unwrap_or(TimeInForce::Gtc),
            price: order.price_ticks,
            stop_price: extra.stop_price_ticks,
            quantity: order.quantity_lots,
            display: extra.display_lots,
        });
    }

    fn client_order_id(&mut self) -> u64 {
        match self.rng.below(20) {
            0..6 => 0,
            6 => self.rng.below(self.last_client_order_id + 1),
            7 => self.last_client_order_id.saturating_sub(self.rng.below(5)),
            _ => {
                self.last_client_order_id += 1;
                // Not always growing, for the rule that the smaller id makes.
                self.last_client_order_id * 8 + self.rng.below(64)
            }
        }
    }

    /// A price around where the market is.
    pub(super) fn price(&mut self, market: &KnownMarket) -> u64 {
        let (low, centre, width) = self.swarm.price_range();
        if self.swarm.prices == Prices::Wide {
            let bits = self.rng.below(63);
            return (self.rng.next() & ((1 << bits) - 1) | 1 << bits).min(PRICE_MAX);
        }
        // The market may wander, but is drawn back to its centre.
        let around = if self.rng.percent(70) { market.price } else { centre };
        let offset = if self.has(Feature::Crowd) && self.rng.percent(80) {
            self.rng.below(40 * width)
        } else {
            self.rng.below(2 * width + 1)
        };
        (around + offset).saturating_sub(width).clamp(low, PRICE_MAX)
    }

    fn quantity(&mut self) -> u64 {
        match self.rng.below(100) {
            0 => 0,
            1 => self.swarm.quantity_max + 1,
            2 => QUANTITY_MAX,
            3..20 => self.swarm.quantity_max,
            _ => self.rng.between(1, self.swarm.quantity_max.min(20)),
        }
    }

    fn order_type(&mut self) -> OrderType {
        let special = [
            (Feature::Market, OrderType::Market),
            (Feature::MarketQuote, OrderType::MarketQuote),
            (Feature::Stop, OrderType::Stop),
            (Feature::StopLimit, OrderType::StopLimit),
            (Feature::TakeProfit, OrderType::TakeProfit),
            (Feature::TakeProfitLimit, OrderType::TakeProfitLimit),
            (Feature::Trailing, OrderType::TrailingStop),
        ];
        let mut known = vec![OrderType::Limit; 6];
        let enabled = special.iter().filter(|(feature, _)| self.has(*feature));
        known.extend(enabled.map(|(_, order_type)| *order_type));
        self.rng.pick(&known)
    }

    fn time_in_force(&mut self, order_type: OrderType) -> TimeInForce {
        if self.rng.below(100) == 0 {
            return self.rng.pick(TimeInForce::ALL);
        }
        let is_market = matches!(order_type, OrderType::Market | OrderType::MarketQuote);
        if is_market {
            return TimeInForce::Ioc;
        }
        let mut known = vec![TimeInForce::Gtc; 5];
        if order_type == OrderType::Limit {
            known.extend(self.has(Feature::Ioc).then_some(TimeInForce::Ioc));
            known.extend(self.has(Feature::Fok).then_some(TimeInForce::Fok));
        }
        known.extend(self.has(Feature::Gtd).then_some(TimeInForce::Gtd));
        known.extend(self.has(Feature::Day).then_some(TimeInForce::Day));
        self.rng.pick(&known)
    }

    fn self_trade(&mut self, market: &KnownMarket) -> SelfTrade {
        let mut known = vec![SelfTrade::CancelNewest];
        let special = [
            (Feature::SelfTradeOldest, SelfTrade::CancelOldest),
            (Feature::SelfTradeBoth, SelfTrade::CancelBoth),
            (Feature::SelfTradeDecrement, SelfTrade::Decrement),
        ];
        let enabled = special.iter().filter(|(feature, _)| self.has(*feature));
        known.extend(enabled.map(|(_, mode)| *mode));
        let allows = market.profile & profile::SELF_TRADE_ALLOWED != 0;
        if allows || self.rng.below(50) == 0 {
            known.push(SelfTrade::Allow);
        }
        self.rng.pick(&known)
    }

    fn expire_ns(&mut self, time_in_force: TimeInForce) -> u64 {
        if time_in_force != TimeInForce::Gtd {
            return if self.rng.below(300) == 0 { self.now } else { 0 };
        }
        match self.rng.below(30) {
            0 => self.now,
            1 => self.now + GTD_MAX_NS + 3600 * SECOND_NS,
            2..20 => self.now + self.rng.between(3_000_000, 300_000_000),
            _ => self.now + self.rng.between(SECOND_NS, 40 * 3600 * SECOND_NS),
        }
    }

    /// Mostly a stop price that has not come yet.
    fn stop_price(&mut self, market: &KnownMarket, side: Side, order_type: OrderType) -> u64 {
        let (low, _, width) = self.swarm.price_range();
        let takes_profit = matches!(order_type, OrderType::TakeProfit | OrderType::TakeProfitLimit);
        let upward = (side == Side::Buy) != takes_profit;
        let width = if self.has(Feature::Crowd) { 40 * width } else { width };
        let distance = if self.swarm.prices == Prices::Wide {
            self.price(market)
        } else {
            self.rng.between(1, width)
        };
        if upward != (self.rng.below(20) == 0) {
            (market.price + distance).min(PRICE_MAX)
        } else {
            market.price.saturating_sub(distance).max(low)
        }
    }

    /// An order without the kind in its header.
    fn order(&mut self, market: &KnownMarket, member: u32) -> (NewOrder, OrderExtra) {
        let order_type = self.order_type();
        let side = self.rng.pick(Side::ALL);
        let time_in_force = self.time_in_force(order_type);
        let mut order = NewOrder {
            header: Header::new(0, 1, market.id),
            member,
            session: self.session(),
            client_order_id: self.client_order_id(),
            quantity_lots: self.quantity(),
            side: side.code(),
            order_type: order_type.code(),
            time_in_force: time_in_force.code(),
            self_trade: self.self_trade(market).code(),
            request: self.request(),
            ..NewOrder::default()
        };
        let mut extra =
            OrderExtra { expire_ns: self.expire_ns(time_in_force), ..OrderExtra::default() };
        if order_type.is_triggered() {
            extra.stop_price_ticks = self.stop_price(market, side, order_type);
        }
        if order_type.has_price() {
            order.price_ticks = self.price(market);
        }
        match order_type {
            OrderType::TrailingStop => {
                extra.trail_bips = self.rng.pick(&[1, 100, 1_000, 5_000, 9_999]);
                if self.rng.percent(60) {
                    extra.stop_price_ticks = 0;
                }
            }
            OrderType::MarketQuote => {
                let lots = i128::from(order.quantity_lots.max(1));
                let worth = lots.saturating_mul(i128::from(market.price));
                let worth = worth.saturating_mul(self.swarm.tick_units).min(AMOUNT_MAX);
                let odd = i128::from(self.rng.below(1 << 10)) * worth / 1024;
                extra.quote_amount = Amount::new(self.rng.pick(&[worth, odd, worth + odd, 1]));
                order.quantity_lots = 0;
            }
            OrderType::Market if side == Side::Buy => {
                let takes_amount = market.profile & profile::WHOLE_LEVEL_STOP != 0;
                if takes_amount && self.rng.percent(50) || self.rng.below(50) == 0 {
                    let worth = i128::from(order.quantity_lots) * i128::from(market.price);
                    extra.quote_amount = Amount::new(worth.saturating_mul(self.swarm.tick_units));
                }
            }
            OrderType::Limit => self.decorate(&mut order, &mut extra),
            _ => {}
        }
        if self.rng.below(100) == 0 {
            self.distort(&mut order, &mut extra);
        }
        (order, extra)
    }

    /// Flags and display of a limit order.
    fn decorate(&mut self, order: &mut NewOrder, extra: &mut OrderExtra) {
        if self.has(Feature::PostOnly) && self.rng.percent(20) {
            order.header.flags |= flag::POST_ONLY;
        }
        if self.has(Feature::Disconnect) && self.rng.percent(30) {
            order.header.flags |= flag::CANCEL_ON_DISCONNECT;
        }
        let rests = order.time_in_force != TimeInForce::Ioc.code()
            && order.time_in_force != TimeInForce::Fok.code();
        if self.has(Feature::Iceberg) && (rests && self.rng.percent(30) || self.rng.percent(1)) {
            extra.display_lots = self.rng.between(1, order.quantity_lots.clamp(1, 1 << 32));
        }
    }

    /// One field that does not belong, or lies at an edge.
    fn distort(&mut self, order: &mut NewOrder, extra: &mut OrderExtra) {
        match self.rng.below(9) {
            0 => order.price_ticks = self.rng.pick(&[0, 1, PRICE_MAX, PRICE_MAX + 1, u64::MAX]),
            1 => order.quantity_lots = self.rng.pick(&[0, QUANTITY_MAX + 1, u64::MAX]),
            2 => extra.stop_price_ticks = self.rng.pick(&[0, 1, PRICE_MAX, u64::MAX]),
            3 => extra.trail_bips = self.rng.pick(&[0, 1, 10_000]),
            4 => extra.display_lots = self.rng.pick(&[1, u64::MAX]),
            5 => extra.quote_amount = Amount::new(self.rng.pick(&[-1, 0, i128::MAX, i128::MIN])),
            6 => order.header.market = self.rng.pick(&[0, 77, 4096]),
            7 => order.header.flags ^= flag::POST_ONLY,
            _ => extra.expire_ns = self.now + 1,
        }
    }

    pub(super) fn new_list(&mut self) -> Command {
        let market = self.market();
        let kinds = [
            (Feature::Oco, ListKind::Oco),
            (Feature::Oto, ListKind::Oto),
            (Feature::Otoco, ListKind::Otoco),
        ];
        let enabled: Vec<ListKind> =
            kinds.iter().filter(|(feature, _)| self.has(*feature)).map(|(_, kind)| *kind).collect();
        let list_kind = self.rng.pick(&enabled);
        let member = self.member();
        let legs = match list_kind {
            ListKind::Oco => {
                let [first, second] = self.pair(&market, member);
                vec![first, second]
            }
            ListKind::Oto => {
                vec![self.working_leg(&market, member), self.order(&market, member)]
            }
            ListKind::Otoco => {
                let working = self.working_leg(&market, member);
                let [first, second] = self.pair(&market, member);
                vec![working, first, second]
            }
        };
        let mut message = NewList {
            header: Header::new(kind::NEW_LIST, 4, market.id),
            member,
            session: self.session(),
            list_kind: list_kind.code(),
            request: self.request(),
            ..NewList::default()
        };
        for (leg, (order, extra)) in message.legs.iter_mut().zip(&legs) {
            *leg = list_leg(order, extra);
            self.ask(order, extra);
        }
        Command::new(&message)
    }

    /// A limit order that may rest.
    fn working_leg(&mut self, market: &KnownMarket, member: u32) -> (NewOrder, OrderExtra) {
        let (mut order, mut extra) = self.order(market, member);
        order.order_type = OrderType::Limit.code();
        order.time_in_force = TimeInForce::Gtc.code();
        order.price_ticks = self.price(market);
        order.quantity_lots = self.quantity();
        extra = OrderExtra { display_lots: extra.display_lots, ..OrderExtra::default() };
        (order, extra)
    }

    /// A limit order or take-profit, and a stop, of one side and quantity.
    fn pair(&mut self, market: &KnownMarket, member: u32) -> [(NewOrder, OrderExtra); 2] {
        let (mut first, mut extra) = self.working_leg(market, member);
        extra.display_lots = 0;
        let side = if first.side == 0 { Side::Buy } else { Side::Sell };
        if self.rng.percent(25) {
            let order_type = self.rng.pick(&[OrderType::TakeProfit, OrderType::TakeProfitLimit]);
            first.header.flags = 0;
            first.order_type = order_type.code();
            first.price_ticks = if order_type.has_price() { self.price(market) } else { 0 };
            extra.stop_price_ticks = self.stop_price(market, side, order_type);
        }
        let order_type = self.rng.pick(&[OrderType::Stop, OrderType::StopLimit]);
        let mut second = first;
        second.header.flags = 0;
        second.client_order_id = self.client_order_id();
        second.order_type = order_type.code();
        second.price_ticks = if order_type.has_price() { self.price(market) } else { 0 };
        let mut second_extra = OrderExtra {
            stop_price_ticks: self.stop_price(market, side, order_type),
            ..OrderExtra::default()
        };
        if self.rng.below(40) == 0 {
            second.quantity_lots += 1;
        }
        if self.has(Feature::Gtd) && self.rng.percent(20) {
            second.time_in_force = TimeInForce::Gtd.code();
            second_extra.expire_ns = self.expire_ns(TimeInForce::Gtd);
        }
        [(first, extra), (second, second_extra)]
    }

    pub(super) fn amend(&mut self) -> Command {
        let (member, target, by_client_id) = self.target();
        let found = self.live.get(&target).copied().or_else(|| {
            let named = |live: &&Live| live.member == member && live.client_order_id == target;
            if by_client_id { self.live.values().find(named).copied() } else { None }
        });
        let mut message = Amend {
            header: Header::new(kind::AMEND, 1, 0),
            member,
            session: self.session(),
            target,
            request: self.request(),
            ..Amend::default()
        };
        let mut extra = AmendExtra::default();
        for (bit, percent) in
            [(flag::IN_FLIGHT_MITIGATION, 40), (flag::KEEP_PRIORITY, 10), (flag::BY_CLIENT_ID, 0)]
        {
            let is_set = self.rng.percent(percent) || bit == flag::BY_CLIENT_ID && by_client_id;
            message.header.flags |= if is_set { bit } else { 0 };
        }
        if let Some(live) = found {
            self.change(&live, &mut message, &mut extra);
            let is_empty = message.price_ticks == 0 && message.quantity_lots == 0;
            if is_empty && extra == AmendExtra::default() && self.rng.percent(90) {
                message.quantity_lots = live.quantity.saturating_sub(1);
            }
        }
        if extra == AmendExtra::default() {
            Command::new(&message)
        } else {
            Command::with_extra(&message, &extra)
        }
    }

    /// Chooses what to change of a live order.
    fn change(&mut self, live: &Live, message: &mut Amend, extra: &mut AmendExtra) {
        let market = self.markets.iter().find(|market| market.id == live.market).cloned();
        let Some(market) = market else { return };
        let odd = self.rng.below(30) == 0;
        if self.has(Feature::AmendPrice) && self.rng.percent(50) && (live.price != 0 || odd) {
            message.price_ticks = self.price(&market);
        }
        if self.has(Feature::AmendQuantity) && self.rng.percent(50) {
            let less = self.rng.between(1, live.quantity.max(1));
            let more = live.quantity + self.rng.below(5);
            message.quantity_lots = self.rng.pick(&[less, less, more]);
        }
        if !self.has(Feature::AmendOther) {
            return;
        }
        if self.rng.percent(15) {
            extra.client_order_id = self.client_order_id();
        }
        if (live.display != 0 && self.rng.percent(40)) || odd {
            extra.display_lots = self.rng.between(1, live.quantity.clamp(1, 1 << 32));
        }
        let is_gtd = live.time_in_force == TimeInForce::Gtd;
        if (is_gtd && self.rng.percent(30)) || self.rng.below(40) == 0 {
            extra.expire_ns = self.expire_ns(TimeInForce::Gtd);
        }
        if (live.stop_price != 0 && self.rng.percent(40)) || self.rng.below(40) == 0 {
            extra.stop_price_ticks = self.stop_price(&market, live.side, live.order_type);
        }
    }
}

fn list_leg(order: &NewOrder, extra: &OrderExtra) -> ListLeg {
    ListLeg {
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
    }
}
