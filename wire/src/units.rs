//! Units, and the only place where money is multiplied.
//!
//! A product is taken wide, divided once, last, with the direction in the function's name.

use crate::limits::{AMOUNT_MAX, BIPS_ONE, PRICE_MAX, RATE_ONE_PPM};
use bytemuck::{Pod, Zeroable};

/// A signed amount in the smallest unit of one currency, as it stands in a message.
///
/// Two words instead of an `i128`, so that messages keep an alignment of eight bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct Amount {
    low: u64,
    high: u64,
}

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self { low: 0, high: 0 };

    /// Splits `value` into the two words of a message.
    #[must_use]
    #[inline]
    pub const fn new(value: i128) -> Self {
        let bits = value.cast_unsigned();
        Self { low: bits as u64, high: (bits >> 64) as u64 }
    }

    /// The amount as one number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> i128 {
        ((self.high as u128) << 64 | self.low as u128).cast_signed()
    }
}

impl core::fmt::Debug for Amount {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.get(), f)
    }
}

/// `count * unit`: lots into base units, or ticks times lots into quote units.
///
/// `None` if the product is larger than [`AMOUNT_MAX`].
#[must_use]
#[inline]
pub const fn amount(count: u128, unit: u128) -> Option<i128> {
    match count.checked_mul(unit) {
        Some(product) if product <= AMOUNT_MAX.cast_unsigned() => Some(product.cast_signed()),
        _ => None,
    }
}

/// What `quantity` lots cost at `price` ticks, in quote units; `unit` is the worth of one tick on
/// one lot. `None` if it is larger than [`AMOUNT_MAX`].
#[must_use]
#[inline]
pub const fn notional(price_ticks: u64, quantity_lots: u64, unit: u128) -> Option<i128> {
    // u64 * u64 cannot leave u128.
    amount(price_ticks as u128 * quantity_lots as u128, unit)
}

/// The fee on `income` at `rate_ppm`, rounded up: the payer covers the fraction and the house
/// receives it, so the posting still sums to zero. `income` is between 0 and [`AMOUNT_MAX`].
#[must_use]
#[inline]
pub const fn fee_ceil(income: i128, rate_ppm: u32) -> i128 {
    // Most incomes fit 64 bits, where the division is ten times cheaper.
    if income >= 0 && income <= (u64::MAX / RATE_ONE_PPM as u64) as i128 {
        return (income as u64 * rate_ppm as u64).div_ceil(RATE_ONE_PPM as u64) as i128;
    }
    (income.cast_unsigned() * rate_ppm as u128).div_ceil(RATE_ONE_PPM as u128).cast_signed()
}

/// The highest price a band of `bips` around `reference` allows, rounded down.
#[must_use]
pub const fn band_upper_floor(reference: u64, bips: u32) -> u64 {
    let scaled = reference as u128 * (BIPS_ONE as u128 + bips as u128) / BIPS_ONE as u128;
    if scaled > PRICE_MAX as u128 { PRICE_MAX } else { scaled as u64 }
}

/// The lowest price a band of `bips` around `reference` allows, rounded up.
#[must_use]
pub const fn band_lower_ceil(reference: u64, bips: u32) -> u64 {
    let keep = BIPS_ONE.saturating_sub(bips) as u128;
    (reference as u128 * keep).div_ceil(BIPS_ONE as u128) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_survive_the_two_words() {
        for value in [0, 1, -1, i128::MAX, i128::MIN, AMOUNT_MAX, -AMOUNT_MAX] {
            assert_eq!(Amount::new(value).get(), value);
        }
    }

    #[test]
    fn a_fee_rounds_up_on_both_sides_of_the_64_bit_path() {
        assert_eq!(fee_ceil(1, 1), 1);
        assert_eq!(fee_ceil(1_000_000, 1), 1);
        assert_eq!(fee_ceil(1_000_001, 1), 2);
        assert_eq!(fee_ceil(0, 500_000), 0);
        let edge = i128::from(u64::MAX / u64::from(RATE_ONE_PPM));
        for income in [edge - 1, edge, edge + 1, edge + 2, AMOUNT_MAX] {
            for rate in [0, 1, 999, 500_000] {
                let exact = income * i128::from(rate);
                let fee = fee_ceil(income, rate);
                assert!(fee * 1_000_000 >= exact && (fee - 1) * 1_000_000 < exact || exact == 0);
            }
        }
    }

    #[test]
    fn a_notional_larger_than_the_maximum_is_none() {
        assert_eq!(notional(PRICE_MAX, 1, 1), Some(i128::from(PRICE_MAX)));
        assert_eq!(notional(PRICE_MAX, PRICE_MAX, 1), None);
        assert_eq!(notional(u64::MAX, u64::MAX, u128::MAX), None);
    }

    #[test]
    fn bands_round_towards_the_reference() {
        assert_eq!(band_upper_floor(101, 1_000), 111);
        assert_eq!(band_lower_ceil(101, 1_000), 91);
        assert_eq!(band_upper_floor(PRICE_MAX, 10_000), PRICE_MAX);
        assert_eq!(band_lower_ceil(7, 20_000), 0);
    }
}
