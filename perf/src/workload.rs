//! A file of commands for a bare order book, and the digest of what it did with them.
//!
//! Little-endian: a header of 128 bytes, then records of 32. All prefill records come first, then
//! the timed ones, then the drain: one huge immediate buy and sell a symbol, so that the whole
//! final book shows in the trades and the digest covers it.
//!
//! | kind | meaning |
//! |---|---|
//! | 0 limit | match while crossing, rest what is left at the back of its level |
//! | 1 immediate | match while crossing, drop what is left |
//! | 2 market | match until filled or the side is empty |
//! | 3 cancel | a dead id is a reject without effect |
//! | 4 modify | cancel and enter again at `price`, with `quantity` or, if that is 0, what is left |
//!
//! The digest goes over maker id, taker id, price and quantity of every trade, in order.

use bytemuck::{Pod, Zeroable};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: u64 = u64::from_le_bytes(*b"MEWL0001");
const VERSION: u32 = 1;

/// Kinds of records.
pub mod kind {
    /// Limit order that rests.
    pub const LIMIT: u8 = 0;
    /// Limit order that does not.
    pub const IMMEDIATE: u8 = 1;
    /// Market order.
    pub const MARKET: u8 = 2;
    /// Cancel.
    pub const CANCEL: u8 = 3;
    /// Modify.
    pub const MODIFY: u8 = 4;
}

/// Side 0.
pub const BUY: u8 = 0;
/// Side 1.
pub const SELL: u8 = 1;
/// Flag of a record before the timed ones.
pub const PREFILL: u16 = 1;
/// Flag of a record behind the timed ones.
pub const DRAIN: u16 = 2;

/// One command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    /// Order id, dense from 1.
    pub id: u64,
    /// Price in ticks, positive; 0 for a market order.
    pub price: i64,
    /// Lots.
    pub quantity: u32,
    /// Symbol, dense from 0.
    pub symbol: u32,
    /// Who.
    pub user: u32,
    /// One of [`kind`].
    pub kind: u8,
    /// [`BUY`] or [`SELL`].
    pub side: u8,
    /// [`PREFILL`] or [`DRAIN`].
    pub flags: u16,
}

/// What is known of a file before its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    magic: u64,
    version: u32,
    record_bytes: u32,
    /// Records.
    pub total: u64,
    /// Of them before the timed ones.
    pub prefill: u64,
    /// Of them timed.
    pub timed: u64,
    /// Of them behind the timed ones.
    pub drain: u64,
    /// Largest order id.
    pub id_max: u64,
    /// Lowest price.
    pub price_min: i64,
    /// Highest price.
    pub price_max: i64,
    /// Seed it was made with.
    pub seed: u64,
    /// Symbols.
    pub symbols: u32,
    /// Users.
    pub users: u32,
    /// Most orders that rest at once.
    pub live_max: u64,
    reserved: [u64; 4],
}

const _: () = assert!(size_of::<Record>() == 32 && size_of::<Header>() == 128);

/// A file in memory.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// Counts and limits.
    pub header: Header,
    /// All records.
    pub records: Vec<Record>,
}

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The file system said no.
    #[error("workload `{path}`")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("`{path}` is no workload of version 1")]
    Format {
        /// Which file.
        path: PathBuf,
    },
}

impl Workload {
    /// Fills in the header for records in file order.
    #[must_use]
    pub fn new(records: Vec<Record>, seed: u64, live_max: u64) -> Self {
        let count = |flag: u16| records.iter().filter(|r| r.flags & flag != 0).count() as u64;
        let priced = || records.iter().filter(|r| r.kind != kind::CANCEL && r.kind != kind::MARKET);
        let (total, prefill, drain) = (records.len() as u64, count(PREFILL), count(DRAIN));
        let header = Header {
            magic: MAGIC,
            version: VERSION,
            record_bytes: size_of::<Record>() as u32,
            total,
            prefill,
            timed: total - prefill - drain,
            drain,
            id_max: records.iter().map(|r| r.id).max().unwrap_or(0),
            price_min: priced().map(|r| r.price).min().unwrap_or(0),
            price_max: priced().map(|r| r.price).max().unwrap_or(0),
            seed,
            symbols: records.iter().map(|r| r.symbol).max().unwrap_or(0) + 1,
            users: records.iter().map(|r| r.user).max().unwrap_or(0) + 1,
            live_max,
            reserved: [0; 4],
        };
        Self { header, records }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, WorkloadError> {
        let at = |source| WorkloadError::File { path: path.to_owned(), source };
        let mut file = std::fs::File::open(path).map_err(at)?;
        let mut header = Header::default();
        file.read_exact(bytemuck::bytes_of_mut(&mut header)).map_err(at)?;
        let fits = header.magic == MAGIC
            && header.version == VERSION
            && header.record_bytes as usize == size_of::<Record>()
            && header.prefill + header.timed + header.drain == header.total;
        if !fits {
            return Err(WorkloadError::Format { path: path.to_owned() });
        }
        let mut records = vec![Record::default(); header.total as usize];
        file.read_exact(bytemuck::cast_slice_mut(&mut records)).map_err(at)?;
        Ok(Self { header, records })
    }

    /// Writes a file.
    pub fn write(&self, path: &Path) -> Result<(), WorkloadError> {
        let write = || {
            let mut file = std::fs::File::create(path)?;
            file.write_all(bytemuck::bytes_of(&self.header))?;
            file.write_all(bytemuck::cast_slice(&self.records))
        };
        write().map_err(|source| WorkloadError::File { path: path.to_owned(), source })
    }

    /// The records before the timed ones, the timed ones, and those behind.
    #[must_use]
    pub fn parts(&self) -> (&[Record], &[Record], &[Record]) {
        let (prefill, rest) = self.records.split_at(self.header.prefill as usize);
        let (timed, drain) = rest.split_at(self.header.timed as usize);
        (prefill, timed, drain)
    }
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng(
    /// Its state.
    pub u64,
);

impl Rng {
    /// The next word.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `count`, which is below 2^32.
    #[inline]
    pub fn below(&mut self, count: u64) -> u64 {
        ((self.word() >> 32) * count) >> 32
    }
}

/// One trade as the digest sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Trade {
    /// Order that rested.
    pub maker: u64,
    /// Order that came.
    pub taker: u64,
    /// Price of the maker.
    pub price: u64,
    /// Lots.
    pub quantity: u64,
}

/// Where an engine puts its trades: memory that is there before the clock starts.
pub struct Trades {
    buffer: Box<[Trade]>,
    count: usize,
}

impl Trades {
    /// Room for so many trades; what comes after is counted but not kept.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        // Not zero, so that every page is written now.
        let filler = Trade { maker: 1, ..Trade::default() };
        Self { buffer: vec![filler; count].into(), count: 0 }
    }

    /// Adds a trade.
    #[inline(always)]
    pub fn push(&mut self, trade: Trade) {
        if let Some(place) = self.buffer.get_mut(self.count) {
            *place = trade;
        }
        self.count += 1;
    }

    /// Trades so far.
    #[must_use]
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Forgets all trades.
    #[inline]
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// The trades; `None` if there were more than fit.
    #[must_use]
    pub fn all(&self) -> Option<&[Trade]> {
        self.buffer.get(..self.count)
    }
}

/// Digest of trades in order.
#[must_use]
pub fn digest(trades: &[Trade]) -> u64 {
    let word = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 32
    };
    trades.iter().fold(0xcbf2_9ce4_8422_2325, |hash, trade| {
        [trade.maker, trade.taker, trade.price, trade.quantity].into_iter().fold(hash, word)
    })
}
