//! Every maximum in the system, and proofs that they fit together.

/// Largest price, in ticks. Prices start at 1.
pub const PRICE_MAX: u64 = 1 << 62;
/// Largest quantity of one order, in lots. Quantities start at 1.
pub const QUANTITY_MAX: u64 = 1 << 62;
/// Largest amount of one operation or one order, in smallest units of a currency.
pub const AMOUNT_MAX: i128 = 1 << 100;
/// Largest sum of all balances of one currency, in smallest units.
pub const SUPPLY_MAX: i128 = 1 << 120;
/// Denominator of a fee rate: parts per million.
pub const RATE_ONE_PPM: u32 = 1_000_000;
/// Largest fee rate, in parts per million (a half).
pub const RATE_MAX_PPM: u32 = 500_000;
/// Denominator of a price band or a trailing distance: one bip is a ten-thousandth.
pub const BIPS_ONE: u32 = 10_000;

/// Low bits of an order id that name the order's slot in the pool.
pub const SLOT_BITS: u32 = 24;
/// Most orders that may be live at once in one matcher.
pub const ORDERS_MAX: u32 = 1 << SLOT_BITS;
/// Largest serial number inside an order id.
pub const ORDER_SERIAL_MAX: u64 = (1 << (64 - SLOT_BITS)) - 1;
/// Market ids run from 1 to `MARKETS_MAX - 1`; 0 means "any" or "none".
pub const MARKETS_MAX: u16 = 4096;
/// Currency ids run from 1 to `CURRENCIES_MAX - 1`.
pub const CURRENCIES_MAX: u16 = 1024;
/// Fee groups run from 1 to `GROUPS_MAX - 1`; 0 means "any".
pub const GROUPS_MAX: u16 = 64;
/// Sources of numbered operations (outboxes) run from 0 to `SOURCES_MAX - 1`.
pub const SOURCES_MAX: u16 = 64;
/// The member that owns fees.
pub const MEMBER_HOUSE: u32 = 0;

/// Trailing stops that may be live in one market; each trade may visit all of them.
pub const TRAILING_MAX: u32 = 1024;
/// Mass cancels that may be unfinished at once.
pub const WORKS_MAX: usize = 1024;
/// Orders one turn of a mass cancel or of an uncross may visit before it yields.
pub const WORK_PER_TURN: u32 = 1024;
/// Stop orders one turn may release.
pub const RELEASES_PER_TURN: u32 = 64;
/// Timers one tick may fire.
pub const TIMERS_PER_TICK: u32 = 256;
/// Default and largest number of resting orders one taker may meet in one command.
pub const SWEEP_LIMIT_DEFAULT: u32 = 8192;
/// Largest configurable sweep limit.
pub const SWEEP_LIMIT_MAX: u32 = 1 << 16;
/// Slices an iceberg may be shown in: total quantity over displayed quantity.
pub const ICEBERG_SLICES_MAX: u64 = 50;
/// Longest time from entry to expiry of a GTD order, in nanoseconds (90 days).
pub const GTD_MAX_NS: u64 = 90 * 24 * 3600 * 1_000_000_000;
/// Longest dead-man timeout, in milliseconds (one day).
pub const DEAD_MAN_MAX_MS: u32 = 86_400_000;
/// Largest engine time, in nanoseconds since 1970: the year 2116.
pub const TIME_MAX_NS: u64 = 1 << 62;
/// Cells of the longest message.
pub const CELLS_MAX: usize = 4;
/// Most bytes one command and its events can take in the log: a taker and the stops it releases
/// meet at most twice the sweep limit, and each meeting is at most one trade and two more records.
pub const GROUP_BYTES_MAX: usize = 2 * SWEEP_LIMIT_MAX as usize * 256 + (1 << 20);

const _: () = {
    // A fee product stays inside i128, and so does a sum of balances plus one operation.
    assert!(AMOUNT_MAX <= i128::MAX / RATE_ONE_PPM as i128);
    assert!(AMOUNT_MAX <= i128::MAX / BIPS_ONE as i128 / 2);
    assert!(SUPPLY_MAX <= i128::MAX - 2 * AMOUNT_MAX);
    assert!(RATE_MAX_PPM < RATE_ONE_PPM);
    // Prices and times fit the 63-bit keys of the ordered structures.
    assert!(PRICE_MAX <= 1 << 62 && TIME_MAX_NS <= 1 << 62);
    // A price scaled by a band stays inside u128.
    assert!((PRICE_MAX as u128) < u128::MAX / (2 * BIPS_ONE as u128));
    assert!(SWEEP_LIMIT_DEFAULT <= SWEEP_LIMIT_MAX);
    assert!(TIME_MAX_NS > GTD_MAX_NS);
};
