//! Peatio's double entry rows, written from the engine's events.
//!
//! Order of the rows of a trade, from its executor: both lockings are debited (seller, buyer), both
//! incomes credited (buyer, seller), what a finished order did not use goes back (maker, taker),
//! and last the fees (the seller's, the buyer's). Rows of zero are not written.

use crate::decimal::Decimal;
use serde::Deserialize;

/// One row.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    #[serde(rename = "type")]
    kind: String,
    code: u32,
    currency: String,
    member: String,
    debit: Decimal,
    credit: Decimal,
    reference: String,
}

/// What a row is booked on.
#[derive(Clone, Copy)]
enum Account {
    Main,
    Locked,
    Revenue,
}

/// One side's part of a trade.
pub struct Leg<'a> {
    /// Who.
    pub member: &'a str,
    /// Currency and amount that leave the lock.
    pub paid: (&'a str, Decimal),
    /// Currency and amount received, before the fee.
    pub received: (&'a str, Decimal),
    /// The fee, in what is received.
    pub fee: Decimal,
    /// What was still locked when the order was finished by this trade.
    pub unused: Decimal,
}

/// The rows so far.
#[derive(Default)]
pub struct Ledger {
    /// In the order they were written.
    pub rows: Vec<Operation>,
}

impl Ledger {
    /// An order locks what it needs.
    pub fn lock(&mut self, member: &str, currency: &str, amount: Decimal, order: u64) {
        let reference = format!("order:{order}");
        self.debit(Account::Main, member, currency, amount, &reference);
        self.credit(Account::Locked, member, currency, amount, &reference);
    }

    /// An order that ends without a trade gives back what it did not use.
    pub fn unlock(&mut self, member: &str, currency: &str, amount: Decimal, order: u64) {
        self.transfer_back(member, currency, amount, &format!("order:{order}"));
    }

    /// A trade. `seller_is_maker` decides whose unused money comes first.
    pub fn trade(&mut self, id: u64, seller: &Leg<'_>, buyer: &Leg<'_>, seller_is_maker: bool) {
        let reference = format!("trade:{id}");
        for leg in [seller, buyer] {
            self.debit(Account::Locked, leg.member, leg.paid.0, leg.paid.1, &reference);
        }
        for leg in [buyer, seller] {
            let net = Decimal(leg.received.1.0 - leg.fee.0);
            self.credit(Account::Main, leg.member, leg.received.0, net, &reference);
        }
        let (maker, taker) = if seller_is_maker { (seller, buyer) } else { (buyer, seller) };
        for leg in [maker, taker] {
            self.transfer_back(leg.member, leg.paid.0, leg.unused, &reference);
        }
        for leg in [seller, buyer] {
            self.credit(Account::Revenue, leg.member, leg.received.0, leg.fee, &reference);
        }
    }

    fn transfer_back(&mut self, member: &str, currency: &str, amount: Decimal, reference: &str) {
        self.debit(Account::Locked, member, currency, amount, reference);
        self.credit(Account::Main, member, currency, amount, reference);
    }

    fn debit(&mut self, on: Account, member: &str, currency: &str, amount: Decimal, of: &str) {
        self.row(on, member, currency, (amount, Decimal::ZERO), of);
    }

    fn credit(&mut self, on: Account, member: &str, currency: &str, amount: Decimal, of: &str) {
        self.row(on, member, currency, (Decimal::ZERO, amount), of);
    }

    fn row(
        &mut self,
        on: Account,
        member: &str,
        currency: &str,
        (debit, credit): (Decimal, Decimal),
        reference: &str,
    ) {
        if debit == Decimal::ZERO && credit == Decimal::ZERO {
            return;
        }
        let (kind, fiat) = match on {
            Account::Main => ("liability", 201),
            Account::Locked => ("liability", 211),
            Account::Revenue => ("revenue", 301),
        };
        self.rows.push(Operation {
            kind: kind.to_owned(),
            code: if is_fiat(currency) { fiat } else { fiat + 1 },
            currency: currency.to_owned(),
            member: member.to_owned(),
            debit,
            credit,
            reference: reference.to_owned(),
        });
    }
}

/// The vectors do not say which currencies are fiat; theirs is the dollar.
fn is_fiat(currency: &str) -> bool {
    currency == "usd"
}
