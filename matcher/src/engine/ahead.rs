//! Look-ahead: asks for the memory that commands further on in a batch will touch.
//!
//! Two steps: the far one asks for what the command itself names, the near one for what that names
//! in turn. Changes nothing but time; what a command touches may be another by the time it runs.

use super::Engine;
use super::book::side_of;
use super::desk::Desk;
use super::pool::Node;
use super::prefetch::{prefetch, prefetch_at};
use wire::codes::Side;
use wire::command::{Amend, Cancel, Command, NewOrder, flag, kind};
use wire::limits::SLOT_BITS;

impl Engine {
    /// Hints that `command` will be applied soon, the `far` step first.
    #[inline]
    pub fn hint(&self, command: &Command, far: bool) {
        match command.header().kind {
            kind::NEW_ORDER if far => self.hint_new_far(command.view::<NewOrder>()),
            kind::NEW_ORDER => self.hint_new_near(command.view::<NewOrder>()),
            kind::CANCEL => self.hint_target(command.view::<Cancel>(), far),
            kind::AMEND => {
                self.hint_target(command.view::<Cancel>(), far);
                if !far {
                    self.hint_amend(command.view::<Amend>());
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn hint_new_far(&self, order: &NewOrder) {
        self.books.hint(order.header.market, side_named(order.side), order.price_ticks);
        self.desk.clients.hint(order.member, order.client_order_id);
        prefetch_at(&self.desk.members, order.member);
    }

    #[inline]
    fn hint_new_near(&self, order: &NewOrder) {
        if let Some(market) = self.desk.market(order.header.market) {
            for currency in [market.base, market.quote] {
                if let Some(account) = self.desk.accounts.hint(order.member, currency) {
                    prefetch(account);
                }
            }
        }
        // The order of its member it will stand behind.
        if let Some(member) = self.desk.members.get(order.member as usize) {
            prefetch_at(&self.desk.details, member.youngest);
        }
        self.books.hint_back(order.header.market, side_named(order.side), order.price_ticks);
    }

    #[inline]
    fn target_slot(&self, target: &Cancel) -> u32 {
        if target.header.flags & flag::BY_CLIENT_ID != 0 {
            return self.desk.clients.find(target.member, target.target);
        }
        (target.target & ((1 << SLOT_BITS) - 1)) as u32
    }

    #[inline]
    fn hint_target(&self, target: &Cancel, far: bool) {
        if far {
            if target.header.flags & flag::BY_CLIENT_ID != 0 {
                return self.desk.clients.hint(target.member, target.target);
            }
            return self.hint_slot(self.target_slot(target));
        }
        let slot = self.target_slot(target);
        if target.header.flags & flag::BY_CLIENT_ID != 0 {
            self.hint_slot(slot);
        }
        self.books.hint_order(slot);
        let Some(node) = self.books.pool.nodes.get(slot as usize) else { return };
        self.desk.accounts.hint_at(Desk::payer(node));
        if target.header.kind == kind::CANCEL {
            self.hint_leaving(node, slot);
        }
    }

    /// What the end of an order touches.
    #[inline]
    fn hint_leaving(&self, node: &Node, slot: u32) {
        self.desk.clients.hint(node.member, node.client_order_id);
        prefetch_at(&self.desk.members, node.member);
        if let Some(detail) = self.desk.details.get(slot as usize) {
            prefetch_at(&self.desk.details, detail.older);
            prefetch_at(&self.desk.details, detail.younger);
        }
    }

    #[inline]
    fn hint_amend(&self, amend: &Amend) {
        let slot = (amend.target & ((1 << SLOT_BITS) - 1)) as usize;
        if amend.price_ticks == 0 || amend.header.flags & flag::BY_CLIENT_ID != 0 {
            return;
        }
        if let Some(node) = self.books.pool.nodes.get(slot) {
            self.books.hint(node.market, side_of(node), amend.price_ticks);
        }
    }

    #[inline]
    fn hint_slot(&self, slot: u32) {
        self.books.pool.hint(slot);
        let Some(detail) = self.desk.details.get(slot as usize) else { return };
        prefetch(detail);
        // Its second line: type and time in force.
        prefetch(&detail.stop_price);
    }
}

/// Side of a code that has not been checked yet.
#[inline]
fn side_named(code: u8) -> Side {
    if code == 0 { Side::Buy } else { Side::Sell }
}
