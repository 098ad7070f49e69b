//! Deposits, withdrawals, transfers and adjustments: section 12 of docs/matching.md.

use super::Engine;
use super::pool::NIL;
use wire::command::{Funds, kind};
use wire::event::{Balance, Event, EventSink};
use wire::limits::{AMOUNT_MAX, MEMBER_HOUSE, SUPPLY_MAX};
use wire::reason::RejectReason;
use wire::units::Amount;

impl Engine {
    pub(super) fn move_funds<S: EventSink>(
        &mut self,
        funds: &Funds,
        out: &mut S,
    ) -> Result<(), RejectReason> {
        if funds.header.market != 0 || funds.reserved != 0 {
            return Err(RejectReason::FieldInvalid);
        }
        let amount = self.check_movement(funds)?;
        let place = self.desk.accounts.find(funds.member, funds.currency);
        match funds.header.kind {
            kind::DEPOSIT | kind::ADJUST => self.mint(funds, amount, place)?,
            kind::WITHDRAW_HOLD => {
                self.check_available(place, amount)?;
                let account = self.desk.accounts.at(place);
                account.available -= amount;
                account.held += amount;
                account.withdraw_held += amount;
            }
            kind::TRANSFER => return self.transfer(funds, amount, place, out),
            _ => self.end_hold(funds, amount, place)?,
        }
        self.put_balance(funds, funds.member, out);
        Ok(())
    }

    /// Who, what and how much; the amount.
    fn check_movement(&self, funds: &Funds) -> Result<i128, RejectReason> {
        let currency = self.desk.currencies.get(usize::from(funds.currency));
        currency.filter(|currency| currency.known).ok_or(RejectReason::CurrencyUnknown)?;
        let adjusts = funds.header.kind == kind::ADJUST;
        let transfers = funds.header.kind == kind::TRANSFER;
        let known = self.desk.member(funds.member).is_some();
        if !known || (funds.member == MEMBER_HOUSE && !adjusts && !transfers) {
            return Err(RejectReason::MemberUnknown);
        }
        let amount = funds.amount.get();
        let fits = amount != 0 && amount.unsigned_abs() <= AMOUNT_MAX.cast_unsigned();
        if !fits || (amount < 0 && !adjusts) {
            return Err(RejectReason::AmountInvalid);
        }
        if !transfers && funds.to_member != 0 {
            return Err(RejectReason::FieldInvalid);
        }
        let to_known = self.desk.member(funds.to_member).is_some();
        if transfers && (!to_known || funds.to_member == funds.member) {
            return Err(RejectReason::ReceiverInvalid);
        }
        Ok(amount)
    }

    fn check_available(&self, place: u32, amount: i128) -> Result<(), RejectReason> {
        let enough = place != NIL && self.desk.accounts.get(place).available >= amount;
        if enough { Ok(()) } else { Err(RejectReason::InsufficientFunds) }
    }

    /// Money from outside, or back to it.
    fn mint(&mut self, funds: &Funds, amount: i128, place: u32) -> Result<(), RejectReason> {
        let currency = usize::from(funds.currency);
        if amount < 0 {
            self.check_available(place, -amount)?;
        } else if self.desk.currencies[currency].supply + amount > SUPPLY_MAX {
            return Err(RejectReason::SupplyLimit);
        } else if place == NIL && !self.desk.accounts.has_room() {
            return Err(RejectReason::AccountsFull);
        }
        let place = self.desk.accounts.open(funds.member, funds.currency);
        self.desk.accounts.at(place).available += amount;
        self.desk.currencies[currency].supply += amount;
        Ok(())
    }

    /// A withdrawal's hold leaves, or is given back.
    fn end_hold(&mut self, funds: &Funds, amount: i128, place: u32) -> Result<(), RejectReason> {
        if place == NIL || self.desk.accounts.get(place).withdraw_held < amount {
            return Err(RejectReason::HoldTooSmall);
        }
        let account = self.desk.accounts.at(place);
        account.held -= amount;
        account.withdraw_held -= amount;
        if funds.header.kind == kind::WITHDRAW_RELEASE {
            account.available += amount;
        } else {
            self.desk.currencies[usize::from(funds.currency)].supply -= amount;
        }
        Ok(())
    }

    fn transfer<S: EventSink>(
        &mut self,
        funds: &Funds,
        amount: i128,
        place: u32,
        out: &mut S,
    ) -> Result<(), RejectReason> {
        self.check_available(place, amount)?;
        let to = self.desk.accounts.find(funds.to_member, funds.currency);
        if to == NIL && !self.desk.accounts.has_room() {
            return Err(RejectReason::AccountsFull);
        }
        let to = self.desk.accounts.open(funds.to_member, funds.currency);
        self.desk.accounts.at(place).available -= amount;
        self.desk.accounts.at(to).available += amount;
        self.put_balance(funds, funds.member, out);
        self.put_balance(funds, funds.to_member, out);
        Ok(())
    }

    fn put_balance<S: EventSink>(&self, funds: &Funds, member: u32, out: &mut S) {
        let (available, held, _) = self.balance(member, funds.currency);
        out.put(&Balance {
            header: Balance::header_for(0),
            operation: funds.operation,
            member,
            currency: funds.currency,
            command: funds.header.kind,
            reserved: 0,
            available: Amount::new(available),
            held: Amount::new(held),
        });
    }
}
