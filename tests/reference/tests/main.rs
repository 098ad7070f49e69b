//! Tests of the judge: its stories, its streams, and that it notices what it should.

mod negative_controls;
mod stories;
mod streams;
