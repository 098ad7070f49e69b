//! Balances per (member, currency): a fixed table that is probed, never iterated, never shrinks.
//!
//! An account's place is stable for life, so orders keep the places of the two accounts they settle
//! on and a fill probes nothing.

use super::pool::NIL;

/// Balances of one member in one currency, in smallest units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Account {
    /// Free money.
    pub available: i128,
    /// Money set aside for orders and withdrawals.
    pub held: i128,
    /// The part of `held` that withdrawals hold.
    pub withdraw_held: i128,
    /// Member and currency, plus one; 0 marks an empty place.
    key: u64,
}

const _: () = assert!(size_of::<Account>() == 64);

/// The table.
pub struct Accounts {
    table: Box<[Account]>,
    used: u32,
    capacity: u32,
}

#[inline]
fn key_of(member: u32, currency: u16) -> u64 {
    (u64::from(member) << 16 | u64::from(currency)) + 1
}

impl Accounts {
    /// Room for `capacity` accounts.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        let places = (u64::from(capacity) * 2).next_power_of_two();
        Self { table: super::huge::filled(Account::default(), places as usize), used: 0, capacity }
    }

    /// Whether another account fits.
    #[must_use]
    #[inline]
    pub fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// How many more accounts fit.
    #[must_use]
    #[inline]
    pub fn room(&self) -> u32 {
        self.capacity - self.used
    }

    /// The first place a probe for this account looks at.
    #[must_use]
    #[inline]
    pub fn hint(&self, member: u32, currency: u16) -> Option<&Account> {
        self.table.get(self.start(key_of(member, currency)))
    }

    /// Prefetches an account by its place.
    #[inline]
    pub fn hint_at(&self, place: u32) {
        super::prefetch::prefetch_at(&self.table, place);
    }

    #[inline]
    fn start(&self, key: u64) -> usize {
        let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize & (self.table.len() - 1)
    }

    /// (place, whether the account is there). Half of the places stay empty, so a probe ends.
    #[inline]
    fn probe(&self, key: u64) -> (usize, bool) {
        let mut place = self.start(key);
        loop {
            let found = self.table[place].key;
            if found == key {
                return (place, true);
            }
            if found == 0 {
                return (place, false);
            }
            place = (place + 1) & (self.table.len() - 1);
        }
    }

    /// Place of an account, or [`NIL`].
    #[must_use]
    #[inline]
    pub fn find(&self, member: u32, currency: u16) -> u32 {
        let (place, found) = self.probe(key_of(member, currency));
        if found { place as u32 } else { NIL }
    }

    /// Place of an account, opened if it was not there. The caller has seen that there is room.
    #[inline]
    pub fn open(&mut self, member: u32, currency: u16) -> u32 {
        let key = key_of(member, currency);
        let (place, found) = self.probe(key);
        if !found {
            self.table[place] = Account { key, ..Account::default() };
            self.used += 1;
        }
        place as u32
    }

    /// Balances at a place; zeros for [`NIL`].
    #[must_use]
    #[inline]
    pub fn get(&self, place: u32) -> Account {
        self.table.get(place as usize).copied().unwrap_or_default()
    }

    /// The account at a place [`Self::open`] or [`Self::find`] gave.
    #[inline]
    pub fn at(&mut self, place: u32) -> &mut Account {
        &mut self.table[place as usize]
    }

    /// A copy of every account, by member and currency: for hashes and snapshots.
    #[must_use]
    pub fn sorted(&self) -> Vec<(u32, u16, Account)> {
        let open = |a: &&Account| a.key != 0;
        let split = |a: &Account| {
            let key = a.key - 1;
            ((key >> 16) as u32, key as u16, *a)
        };
        let mut all: Vec<_> = self.table.iter().filter(open).map(split).collect();
        all.sort_unstable_by_key(|&(member, currency, _)| (member, currency));
        all
    }
}
