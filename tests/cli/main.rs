//! The command line as people and programs use it: what it prints, its exit codes, and that it
//! leaves files alone.

mod bad_input;
mod journal;
mod replay;
mod scene;
mod vectors;
