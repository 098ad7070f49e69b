//! Exact decimals with 18 places: the numbers of vectors and data sets, and the smallest units of
//! every currency that has 18 places itself.

use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::str::FromStr;

/// Places after the point.
pub const PLACES: u32 = 18;
/// One.
pub const ONE: i128 = 10_i128.pow(PLACES);

/// A decimal as a count of 10^-18.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub i128);

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// The product, exact or `None`.
    pub fn times(self, other: Self) -> Option<Self> {
        // Take the powers of ten out first, so that large whole numbers do not overflow.
        let (mut left, mut right, mut places) = (self.0, other.0, PLACES);
        while places > 0 && left % 10 == 0 {
            left /= 10;
            places -= 1;
        }
        while places > 0 && right % 10 == 0 {
            right /= 10;
            places -= 1;
        }
        let product = left.checked_mul(right)?;
        let divisor = 10_i128.pow(places);
        (product % divisor == 0).then_some(Self(product / divisor))
    }

    /// How many whole `step`s it is; `None` if it is not a whole number of them, or negative.
    pub fn steps(self, step: i128) -> Option<u64> {
        (self.0 % step == 0).then(|| u64::try_from(self.0 / step).ok()).flatten()
    }
}

/// Why a text is no decimal.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no decimal of at most {PLACES} places")]
pub struct NotDecimal(String);

impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        parse(text).map(Self).ok_or_else(|| NotDecimal(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    if whole.is_empty() || part.is_empty() || part.len() > PLACES as usize {
        return None;
    }
    if !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let scale = 10_i128.pow(PLACES - part.len() as u32);
    let part = part.parse::<i128>().ok()? * scale;
    Some(sign * whole.checked_mul(ONE)?.checked_add(part)?)
}

impl fmt::Display for Decimal {
    /// Plain notation with at least one place, as Peatio writes it: `10.0`, `0.00000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (whole, part) = (magnitude / ONE as u128, magnitude % ONE as u128);
        let part = format!("{part:018}");
        let part = part.trim_end_matches('0');
        write!(f, "{sign}{whole}.{}", if part.is_empty() { "0" } else { part })
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_survives_its_text() {
        for text in ["0.0", "10.0", "-1.1", "0.000000000000000001", "67.16"] {
            assert_eq!(text.parse::<Decimal>().expect(text).to_string(), text);
        }
        assert_eq!("5".parse::<Decimal>().expect("5").to_string(), "5.0");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", ".", "1.", ".5", "1e3", "+1", "--1", "0.0000000000000000001"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_product_is_exact_or_none() {
        let decimal = |text: &str| text.parse::<Decimal>().expect(text);
        assert_eq!(decimal("10.001").times(decimal("2")), Some(decimal("20.002")));
        assert_eq!(decimal("0.0000000001").times(decimal("0.000000001")), None);
        let large = decimal("1000000000000");
        assert_eq!(large.times(decimal("1000")), Some(decimal("1000000000000000")));
    }
}
