//! What happened to orders: the events a book is built from, read by their kind.

use wire::event::{Accepted, Done, Event, EventSink, Rejected, Restated, Trade, read};
use wire::limits::CELLS_MAX;
use wire::record::Cell;

macro_rules! facts {
    ($($event:ident,)+) => {
        /// One event.
        #[derive(Clone, Copy, Debug)]
        pub enum Fact { $(#[doc = "See `wire`."] $event($event),)+ }

        impl Fact {
            /// The event in `cells`; `None` if it tells nothing of an order.
            pub fn read(cells: &[Cell]) -> Option<Self> {
                match cells.first()?.header().kind {
                    $($event::KIND => read::<$event>(cells).copied().map(Self::$event),)+
                    _ => None,
                }
            }
        }
    };
}

facts! { Accepted, Done, Rejected, Restated, Trade, }

/// The cells of an event, for comparing and reading.
pub fn cells_of<E: Event>(event: &E) -> ([Cell; CELLS_MAX], usize) {
    let mut cells = [Cell::ZERO; CELLS_MAX];
    let bytes = bytemuck::bytes_of(event);
    bytemuck::cast_slice_mut::<Cell, u8>(&mut cells)[..bytes.len()].copy_from_slice(bytes);
    (cells, bytes.len() / size_of::<Cell>())
}

/// What one command did: its events in order.
#[derive(Default)]
pub struct Facts(pub Vec<Fact>);

impl EventSink for Facts {
    fn put<E: Event>(&mut self, event: &E) {
        let (cells, count) = cells_of(event);
        self.0.extend(Fact::read(&cells[..count]));
    }
}
