use crate::failure::Failure;
pub const HELP: &str = "";
pub fn run(_parser: lexopt::Parser) -> Result<std::process::ExitCode, Failure> {
    unimplemented!()
}
