//! A record as one line of JSON: header first, then its fields in their order on the wire.
//!
//! Codes are their keys (a byte that stands for nothing is its number), amounts are decimal strings
//! in smallest units, and reserved fields are left out.

use wire::codes::{
    DisconnectScope, DoneReason, ListKind, MarketState, OrderType, Placement, ReplaceMode,
    RestateReason, SelfTrade, Side, SideFilter, TimeInForce,
};
use wire::command::{
    Amend, AmendExtra, Cancel, CancelNew, Command, CurrencySet, DeadMan, FeeSet, Funds, KillSwitch,
    ListLeg, MarketSet, MarketStateSet, MassCancel, MemberSet, NewList, NewOrder, OrderExtra,
    SessionDown, Tick, kind as command_kind,
};
use wire::event::{
    Accepted, Applied, Balance, Done, MarketChanged, MassCancelled, PRIORITY_LOST,
    RESTATE_REASON_MASK, Rejected, Repeated, Restated, Trade, Triggered, Uncrossed,
    kind as event_kind, read,
};
use wire::reason::RejectReason;
use wire::record::{Cell, Header, LAST_OF_GROUP};
use wire::units::Amount;

/// The line for a record, without its end.
pub fn json(cells: &[Cell]) -> String {
    let header = cells.first().map(|cell| *cell.header()).unwrap_or_default();
    let mut line = Line(String::from("{"));
    line.header(&header);
    if header.kind < event_kind::FIRST {
        line.time(&Command::from_cells(cells));
        line.command(cells, header.kind);
    } else {
        line.event(cells, &header);
    }
    line.0.push('}');
    line.0
}

/// A line under way.
struct Line(String);

/// A field's value.
trait Put {
    fn put(&self, text: &mut String);
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Put for $number {
            fn put(&self, text: &mut String) {
                text.push_str(&self.to_string());
            }
        })+
    };
}

numbers!(u8, u16, u32, u64, bool);

impl Put for Amount {
    fn put(&self, text: &mut String) {
        text.push_str(&format!("\"{}\"", self.get()));
    }
}

impl Put for str {
    fn put(&self, text: &mut String) {
        text.push_str(&serde_json::Value::from(self).to_string());
    }
}

impl Put for [u8; 16] {
    fn put(&self, text: &mut String) {
        let end = self.iter().position(|byte| *byte == 0).unwrap_or(self.len());
        String::from_utf8_lossy(self.get(..end).unwrap_or_default()).put(text);
    }
}

/// Puts fields of a message by their names.
macro_rules! fields {
    ($line:expr, $message:expr; $($field:ident),+) => {
        $($line.field(stringify!($field), &$message.$field);)+
    };
}

/// Puts fields that are codes by their keys.
macro_rules! codes {
    ($line:expr, $message:expr; $($field:ident: $code:ident),+) => {
        $({
            let byte = $message.$field;
            $line.code(stringify!($field), byte, $code::decode(byte).map($code::key));
        })+
    };
}

impl Line {
    fn field<T: Put + ?Sized>(&mut self, name: &str, value: &T) {
        if self.0.len() > 1 && !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
        self.0.push_str(&format!("\"{name}\":"));
        value.put(&mut self.0);
    }

    fn code(&mut self, name: &str, byte: u8, key: Option<&str>) {
        match key {
            Some(key) => self.field(name, key),
            None => self.field(name, &byte),
        }
    }

    fn header(&mut self, header: &Header) {
        fields!(self, header; sequence);
        match kind_name(header.kind) {
            Some(name) => self.field("kind", name),
            None => self.field("kind", &header.kind),
        }
        fields!(self, header; source, market);
        if header.flags & LAST_OF_GROUP != 0 {
            self.field("last_of_group", &true);
        }
    }

    fn time(&mut self, command: &Command) {
        self.field("time_ns", &command.time_ns());
        let flags = command.header().flags & !LAST_OF_GROUP;
        if flags != 0 {
            self.field("flags", &flags);
        }
    }

    fn command(&mut self, cells: &[Cell], kind: u8) {
        let command = Command::from_cells(cells);
        match kind {
            command_kind::NEW_ORDER => {
                self.order(command.view::<NewOrder>());
                if cells.len() > 1 {
                    self.order_extra(&command.extra::<OrderExtra>());
                }
            }
            command_kind::CANCEL => {
                fields!(self, command.view::<Cancel>(); member, session, target, request);
            }
            command_kind::AMEND => self.amend(&command, cells.len() > 1),
            command_kind::MASS_CANCEL => {
                let message = command.view::<MassCancel>();
                fields!(self, message; member, session);
                codes!(self, message; side: SideFilter);
                fields!(self, message; include_stops, request);
            }
            command_kind::CANCEL_NEW => {
                let message = command.view::<CancelNew>();
                self.order(&message.order);
                self.order_extra(&message.extra);
                fields!(self, message; target, by_client_id);
                codes!(self, message; mode: ReplaceMode);
            }
            command_kind::NEW_LIST => self.list(command.view::<NewList>()),
            command_kind::SESSION_DOWN => {
                let message = command.view::<SessionDown>();
                fields!(self, message; member, session);
                codes!(self, message; scope: DisconnectScope);
                fields!(self, message; request);
            }
            command_kind::DEAD_MAN => {
                fields!(self, command.view::<DeadMan>(); member, timeout_ms, request);
            }
            command_kind::KILL_SWITCH => {
                fields!(self, command.view::<KillSwitch>(); member, active, request);
            }
            command_kind::TICK => debug_assert_eq!(size_of::<Tick>(), size_of::<Cell>()),
            command_kind::DEPOSIT..=command_kind::ADJUST => {
                let message = command.view::<Funds>();
                fields!(self, message; operation, member, to_member, currency, amount, request);
            }
            _ => self.setting(&command, kind),
        }
    }

    fn order(&mut self, order: &NewOrder) {
        fields!(self, order; member, session, client_order_id);
        codes!(self, order; side: Side, order_type: OrderType, time_in_force: TimeInForce);
        fields!(self, order; price_ticks, quantity_lots);
        codes!(self, order; self_trade: SelfTrade);
        fields!(self, order; request);
    }

    fn order_extra(&mut self, extra: &OrderExtra) {
        fields!(self, extra; stop_price_ticks, display_lots, expire_ns, quote_amount, trail_bips);
    }

    fn amend(&mut self, command: &Command, has_extra: bool) {
        let amend = command.view::<Amend>();
        fields!(self, amend; member, session, target, price_ticks, quantity_lots, request);
        if has_extra {
            let extra = command.extra::<AmendExtra>();
            fields!(self, extra; display_lots, expire_ns, client_order_id, stop_price_ticks);
        }
    }

    fn list(&mut self, list: &NewList) {
        fields!(self, list; member, session);
        codes!(self, list; list_kind: ListKind);
        fields!(self, list; request);
        self.0.push_str(",\"legs\":[");
        for (place, leg) in list.legs.iter().filter(|leg| **leg != ListLeg::default()).enumerate() {
            self.0.push_str(if place > 0 { ",{" } else { "{" });
            fields!(self, leg; client_order_id);
            codes!(self, leg; side: Side, order_type: OrderType, time_in_force: TimeInForce);
            fields!(self, leg; price_ticks, quantity_lots, stop_price_ticks, display_lots);
            fields!(self, leg; expire_ns, trail_bips, flags);
            codes!(self, leg; self_trade: SelfTrade);
            self.0.push('}');
        }
        self.0.push(']');
    }

    fn setting(&mut self, command: &Command, kind: u8) {
        match kind {
            command_kind::CURRENCY_SET => {
                let set = command.view::<CurrencySet>();
                fields!(self, set; operation, code, currency, scale, request);
            }
            command_kind::MARKET_SET => {
                let set = command.view::<MarketSet>();
                fields!(self, set; operation, code, base, quote);
                codes!(self, set; state: MarketState);
                fields!(self, set; lot_units, tick_units, min_notional, min_price_ticks);
                fields!(self, set; max_price_ticks, min_quantity_lots, max_quantity_lots);
                fields!(self, set; reference_ticks, band_bips, profile, sweep_limit, window_ticks);
                fields!(self, set; request);
            }
            command_kind::MARKET_STATE => {
                let set = command.view::<MarketStateSet>();
                fields!(self, set; operation);
                codes!(self, set; state: MarketState);
                fields!(self, set; request);
            }
            command_kind::FEE_SET => {
                let set = command.view::<FeeSet>();
                fields!(self, set; operation, maker_ppm, taker_ppm, group, request);
            }
            command_kind::MEMBER_SET => {
                let set = command.view::<MemberSet>();
                fields!(self, set; operation, member, self_trade_group, open_orders_max);
                fields!(self, set; fee_group, request);
            }
            // What nobody knows has only its header.
            _ => {}
        }
    }

    fn event(&mut self, cells: &[Cell], header: &Header) {
        if let Some(event) = read::<Rejected>(cells) {
            let reason = RejectReason::decode(event.reason).map(RejectReason::key);
            match reason {
                Some(key) => self.field("reason", key),
                None => self.field("reason", &event.reason),
            }
            self.code("command", event.command, kind_name(event.command));
            fields!(self, event; order_id, client_order_id, member, leg);
        } else if let Some(event) = read::<Accepted>(cells) {
            fields!(self, event; order_id, client_order_id, member, maker_ppm, taker_ppm);
            codes!(self, event; placement: Placement);
            fields!(self, event; held);
        } else if let Some(event) = read::<Trade>(cells) {
            fields!(self, event; trade_id, price_ticks, quantity_lots);
            codes!(self, event; taker_side: Side);
            fields!(self, event; maker_order_id, maker_member, maker_fee);
            fields!(self, event; taker_order_id, taker_member, taker_fee);
            fields!(self, event; resting_lots, buyer_released, flags);
        } else if let Some(event) = read::<Done>(cells) {
            codes!(self, event; reason: DoneReason);
            fields!(self, event; order_id, member, refusal, leaves_lots, filled_lots, released);
        } else if let Some(event) = read::<Restated>(cells) {
            let reason = header.flags & RESTATE_REASON_MASK;
            self.code("reason", reason, RestateReason::decode(reason).map(RestateReason::key));
            self.field("priority_lost", &(header.flags & PRIORITY_LOST != 0));
            fields!(self, event; order_id, price_ticks, open_lots, leaves_lots, released);
        } else {
            self.other_event(cells);
        }
    }

    fn other_event(&mut self, cells: &[Cell]) {
        if let Some(event) = read::<Triggered>(cells) {
            fields!(self, event; order_id, member, stop_price_ticks, last_price_ticks);
        } else if let Some(event) = read::<Balance>(cells) {
            self.code("command", event.command, kind_name(event.command));
            fields!(self, event; operation, member, currency, available, held);
        } else if let Some(event) = read::<Applied>(cells) {
            self.code("command", event.command, kind_name(event.command));
            fields!(self, event; operation, member, time_ns);
        } else if let Some(event) = read::<MassCancelled>(cells) {
            codes!(self, event; reason: DoneReason);
            fields!(self, event; member, session, cancelled);
        } else if let Some(event) = read::<Repeated>(cells) {
            self.code("command", event.command, kind_name(event.command));
            fields!(self, event; operation, last);
        } else if let Some(event) = read::<MarketChanged>(cells) {
            self.code("command", event.command, kind_name(event.command));
            codes!(self, event; state: MarketState, previous: MarketState);
            fields!(self, event; operation);
        } else if let Some(event) = read::<Uncrossed>(cells) {
            fields!(self, event; price_ticks, volume_lots, surplus_lots);
        }
    }
}

fn kind_name(kind: u8) -> Option<&'static str> {
    let names: &[(u8, &'static str)] = &[
        (command_kind::NEW_ORDER, "new_order"),
        (command_kind::CANCEL, "cancel"),
        (command_kind::AMEND, "amend"),
        (command_kind::MASS_CANCEL, "mass_cancel"),
        (command_kind::CANCEL_NEW, "cancel_new"),
        (command_kind::NEW_LIST, "new_list"),
        (command_kind::SESSION_DOWN, "session_down"),
        (command_kind::DEAD_MAN, "dead_man"),
        (command_kind::KILL_SWITCH, "kill_switch"),
        (command_kind::TICK, "tick"),
        (command_kind::DEPOSIT, "deposit"),
        (command_kind::WITHDRAW_HOLD, "withdraw_hold"),
        (command_kind::WITHDRAW_SETTLE, "withdraw_settle"),
        (command_kind::WITHDRAW_RELEASE, "withdraw_release"),
        (command_kind::TRANSFER, "transfer"),
        (command_kind::ADJUST, "adjust"),
        (command_kind::CURRENCY_SET, "currency_set"),
        (command_kind::MARKET_SET, "market_set"),
        (command_kind::MARKET_STATE, "market_state"),
        (command_kind::FEE_SET, "fee_set"),
        (command_kind::MEMBER_SET, "member_set"),
        (command_kind::OUT_OF_SEQUENCE, "out_of_sequence"),
        (command_kind::INVALID, "invalid"),
        (event_kind::REJECTED, "rejected"),
        (event_kind::ACCEPTED, "accepted"),
        (event_kind::TRADE, "trade"),
        (event_kind::DONE, "done"),
        (event_kind::RESTATED, "restated"),
        (event_kind::TRIGGERED, "triggered"),
        (event_kind::BALANCE, "balance"),
        (event_kind::APPLIED, "applied"),
        (event_kind::MASS_CANCELLED, "mass_cancelled"),
        (event_kind::REPEATED, "repeated"),
        (event_kind::MARKET_CHANGED, "market_changed"),
        (event_kind::UNCROSSED, "uncrossed"),
    ];
    names.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cells_of;
    use bytemuck::Zeroable;
    use wire::event::Event;

    fn parsed(cells: &[Cell]) -> serde_json::Value {
        let line = json(cells);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    #[test]
    fn every_kind_and_any_bytes_make_one_json_object() {
        for kind in 0..=u8::MAX {
            for (count, fill) in [(1, 0), (2, u64::MAX), (4, 0x0101_0101_0101_0101)] {
                let mut cells = [Cell([fill; 8]); 4];
                cells[0].0[0] = fill & !0xffff | u64::from(kind) | (count as u64) << 8;
                assert!(parsed(&cells[..count]).is_object());
            }
        }
    }

    #[test]
    fn amounts_are_strings_and_codes_are_words() {
        let mut done = Done { header: Done::header_for(3), ..Done::zeroed() };
        done.reason = DoneReason::Expired.code();
        done.released = Amount::new(i128::from(u64::MAX) * 10);
        let (cells, count) = cells_of(&done);
        let line = parsed(&cells[..count]);
        assert_eq!(line["reason"], "expired");
        assert_eq!(line["released"], "184467440737095516150");
        assert_eq!(line["market"], 3);
    }
}
