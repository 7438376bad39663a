//! Whatever is spent was allowed, and is accounted for.

mod budgets;
mod cancelling;
mod holds;
mod spend;
mod withheld;

/// One picture by the default model, in millionths of a dollar.
const PRICE: i64 = 80_000;
