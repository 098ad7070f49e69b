//! A hash of all business state: equal states, equal hashes, on every build.
//!
//! Left out are the clock, sequences and the last operation numbers of sources, so that a rejected
//! command leaves the hash as it was. Orders are taken in the order of their queues, so the hash
//! covers priority.

use super::Engine;
use super::desk::FeeRow;
use super::pool::{NIL, bit};
use wire::codes::Side;
use wire::limits::{MARKETS_MAX, SLOT_BITS};

/// Mixes words into one; the constant is that of SplitMix64 (Steele et al., 2014).
struct Mixer(u64);

impl Mixer {
    fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 32;
    }

    fn amount(&mut self, amount: i128) {
        let bits = amount.cast_unsigned();
        self.word(bits as u64);
        self.word((bits >> 64) as u64);
    }
}

impl Engine {
    /// The hash. Walks everything: for checks and tools, not for the hot path.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut mixer = Mixer(0xcbf2_9ce4_8422_2325);
        for (member, currency, account) in self.desk.accounts.sorted() {
            mixer.word(u64::from(member) << 16 | u64::from(currency));
            mixer.amount(account.available);
            mixer.amount(account.held);
            mixer.amount(account.withdraw_held);
        }
        self.hash_members(&mut mixer);
        for id in 0..self.desk.markets_end {
            self.hash_market(id, &mut mixer);
        }
        for group in 0..self.desk.groups_end {
            let start = usize::from(group) * usize::from(MARKETS_MAX);
            let rows = self.desk.fees.get(start..start + usize::from(self.desk.markets_end.max(1)));
            let known = |(_, row): &(usize, &FeeRow)| row.known;
            for (market, row) in rows.unwrap_or(&[]).iter().enumerate().filter(known) {
                mixer.word(u64::from(group) << 16 | market as u64);
                mixer.word(u64::from(row.maker_ppm) << 32 | u64::from(row.taker_ppm));
            }
        }
        for work in self.desk.works.iter() {
            mixer.word(u64::from(work.member) << 32 | u64::from(work.next));
            mixer.word(work.last_serial);
            mixer.word(work.cancelled);
        }
        mixer.0
    }

    fn hash_members(&self, mixer: &mut Mixer) {
        for (id, member) in self.desk.members.iter().enumerate().filter(|(_, m)| m.known) {
            mixer.word(id as u64);
            mixer.word(u64::from(member.killed) << 16 | u64::from(member.fee_group));
            mixer.word(u64::from(member.self_trade_group));
            mixer.word(u64::from(member.open_orders_max));
            mixer.word(self.desk.timers.deadline(self.desk.timer_of_member(id as u32)));
            let mut slot = member.oldest;
            while slot != NIL {
                self.hash_order(slot, mixer);
                slot = self.desk.details[slot as usize].younger;
            }
        }
        for (id, currency) in self.desk.currencies.iter().enumerate().filter(|(_, c)| c.known) {
            mixer.word((id as u64) << 8 | u64::from(currency.scale));
            mixer.amount(currency.supply);
        }
    }

    fn hash_order(&self, slot: u32, mixer: &mut Mixer) {
        let node = &self.books.pool.nodes[slot as usize];
        let detail = &self.desk.details[slot as usize];
        for word in [
            node.id,
            node.price,
            node.open,
            node.client_order_id,
            u64::from(node.market) << 16 | u64::from(node.bits),
            u64::from(node.maker_ppm) << 32 | u64::from(node.taker_ppm),
            detail.quantity,
            detail.prevented,
            detail.reserve,
            detail.display,
            u64::from(detail.session),
            detail.expire_ns,
            self.desk.timers.deadline(slot),
        ] {
            mixer.word(word);
        }
        mixer.amount(self.desk.held(node, slot));
        if detail.order_type.is_triggered() {
            mixer.word(detail.stop_price);
            mixer.word(detail.extreme << 1 | u64::from(detail.tracking));
            mixer.word(u64::from(detail.trail_bips));
        }
        if node.has(bit::LISTED) {
            for leg in self.desk.lists.get(detail.list).legs {
                mixer.word(u64::from(leg));
            }
        }
    }

    fn hash_market(&self, id: u16, mixer: &mut Mixer) {
        let Some(market) = self.desk.market(id) else { return };
        for word in [
            u64::from(id) << 8 | u64::from(market.state.code()),
            u64::from(market.profile) << 32 | u64::from(market.band_bips),
            market.last_price,
            market.trades,
            market.uncross_price,
            market.up_mark,
            market.down_mark,
            market.min_price,
            market.max_price,
            market.min_quantity,
            market.max_quantity,
            market.reference,
            u64::from(market.sweep_limit),
        ] {
            mixer.word(word);
        }
        mixer.amount(market.min_notional);
        for side in [Side::Buy, Side::Sell] {
            let mut cursor = self.books.cursor(id, side);
            let mut slot = self.books.next(&mut cursor);
            while slot != NIL {
                mixer.word(self.books.pool.nodes[slot as usize].id >> SLOT_BITS);
                slot = self.books.next(&mut cursor);
            }
        }
        for head in [market.queue.head, market.trailing.head, market.marked.head] {
            let mut slot = head;
            while let Some(node) = self.books.pool.nodes.get(slot as usize) {
                mixer.word(node.id >> SLOT_BITS);
                slot = node.next;
            }
        }
    }
}
