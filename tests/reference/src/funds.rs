//! Money: the functions every balance is changed by, and the funds commands of section 12.
//!
//! `mint` is the only one that changes a currency's supply; the others move money between an
//! account's two parts or between accounts.

use crate::Reference;
use crate::decode::Refusal;
use crate::state::Account;
use wire::command::{Funds, kind};
use wire::event::Balance;
use wire::limits::{AMOUNT_MAX, MEMBER_HOUSE, SUPPLY_MAX};
use wire::reason::RejectReason;
use wire::units::Amount;

impl Reference {
    /// An account as it is; an absent one is zero.
    pub(crate) fn account(&self, member: u32, currency: u16) -> Account {
        self.accounts.get(&(member, currency)).copied().unwrap_or_default()
    }

    /// An account to be changed; it comes into being now if it is not there.
    pub(crate) fn account_mut(&mut self, member: u32, currency: u16) -> &mut Account {
        self.accounts.entry((member, currency)).or_default()
    }

    /// Whether an account is there or may come into being.
    pub(crate) fn has_room_for(&self, member: u32, currency: u16) -> bool {
        self.accounts.contains_key(&(member, currency))
            || self.accounts.len() < self.config.accounts as usize
    }

    /// Makes (or, if negative, unmakes) available money, and with it supply.
    fn mint(&mut self, member: u32, currency: u16, amount: i128) {
        self.account_mut(member, currency).available += amount;
        self.currencies.get_mut(&currency).expect("the currency exists").supply += amount;
    }

    /// Moves money from available to held; a negative amount moves it back.
    pub(crate) fn hold(&mut self, member: u32, currency: u16, amount: i128) {
        if amount != 0 {
            let account = self.account_mut(member, currency);
            account.available -= amount;
            account.held += amount;
        }
    }

    /// Moves available money to another member.
    fn give(&mut self, from: u32, to: u32, currency: u16, amount: i128) {
        self.account_mut(from, currency).available -= amount;
        self.account_mut(to, currency).available += amount;
    }

    /// Pays held money to another member, who pays the fee out of it to the house.
    pub(crate) fn pay(&mut self, from: u32, to: u32, currency: u16, amount: i128, fee: i128) {
        self.account_mut(from, currency).held -= amount;
        self.account_mut(to, currency).available += amount - fee;
        self.account_mut(MEMBER_HOUSE, currency).available += fee;
    }

    /// Makes the money held for an order this much, moving the difference. Returns what came back.
    pub(crate) fn set_hold(&mut self, serial: u64, held: i128) -> i128 {
        let order = self.order(serial);
        let (member, released) = (order.terms.member, order.held - held);
        let currency = self.market_of(serial).parameters.pays(order.terms.side);
        self.hold(member, currency, -released);
        self.order_mut(serial).held = held;
        released
    }

    /// Section 12, funds.
    pub(crate) fn funds(&mut self, message: &Funds) -> Result<(), Refusal> {
        self.check_funds(message)?;
        let Funds { member, to_member, currency, .. } = *message;
        let amount = message.amount.get();
        match message.header.kind {
            kind::DEPOSIT | kind::ADJUST => self.mint(member, currency, amount),
            kind::WITHDRAW_HOLD => {
                self.hold(member, currency, amount);
                self.account_mut(member, currency).withdraw_held += amount;
            }
            kind::WITHDRAW_RELEASE => {
                self.hold(member, currency, -amount);
                self.account_mut(member, currency).withdraw_held -= amount;
            }
            kind::WITHDRAW_SETTLE => {
                self.hold(member, currency, -amount);
                self.account_mut(member, currency).withdraw_held -= amount;
                self.mint(member, currency, -amount);
            }
            _ => self.give(member, to_member, currency, amount),
        }
        self.emit_balance(message, member);
        if message.header.kind == kind::TRANSFER {
            self.emit_balance(message, to_member);
        }
        Ok(())
    }

    fn check_funds(&self, message: &Funds) -> Result<(), RejectReason> {
        let Funds { member, to_member, currency, .. } = *message;
        let (kind, amount) = (message.header.kind, message.amount.get());
        let is_transfer = kind == kind::TRANSFER;
        let is_adjust = kind == kind::ADJUST;

        let Some(known) = self.currencies.get(&currency) else {
            return Err(RejectReason::CurrencyUnknown);
        };
        let may_be_house = is_adjust || is_transfer;
        if !self.members.contains_key(&member) || (member == MEMBER_HOUSE && !may_be_house) {
            return Err(RejectReason::MemberUnknown);
        }
        let lowest = if is_adjust { -AMOUNT_MAX } else { 1 };
        if amount == 0 || !(lowest..=AMOUNT_MAX).contains(&amount) {
            return Err(RejectReason::AmountInvalid);
        }
        if to_member != 0 && !is_transfer {
            return Err(RejectReason::FieldInvalid);
        }
        if is_transfer && (!self.members.contains_key(&to_member) || to_member == member) {
            return Err(RejectReason::ReceiverInvalid);
        }

        let account = self.account(member, currency);
        match kind {
            kind::DEPOSIT | kind::ADJUST if amount > 0 => {
                if known.supply + amount > SUPPLY_MAX {
                    return Err(RejectReason::SupplyLimit);
                }
                if !self.has_room_for(member, currency) {
                    return Err(RejectReason::AccountsFull);
                }
            }
            kind::WITHDRAW_SETTLE | kind::WITHDRAW_RELEASE => {
                if account.withdraw_held < amount {
                    return Err(RejectReason::HoldTooSmall);
                }
            }
            _ => {
                if account.available < amount.abs() {
                    return Err(RejectReason::InsufficientFunds);
                }
                if is_transfer && !self.has_room_for(to_member, currency) {
                    return Err(RejectReason::AccountsFull);
                }
            }
        }
        Ok(())
    }

    fn emit_balance(&mut self, message: &Funds, member: u32) {
        let account = self.account(member, message.currency);
        self.emit(Balance {
            operation: message.operation,
            member,
            currency: message.currency,
            command: message.header.kind,
            available: Amount::new(account.available),
            held: Amount::new(account.held),
            ..Balance::default()
        });
    }
}
