//! SLIP-39: Shamir's secret sharing in words (<https://github.com/satoshilabs/slips/blob/master/slip-0039.md>).
//!
//! A secret is split among groups, and each group's part among its members: so many groups, and so many members of
//! each of them, bring it back. Written after the standard; held word for word against its reference implementation.

mod cipher;
mod combine;
mod field;
mod share;
mod split;
mod words;

pub use combine::{Fit, Gathering, GroupState, Misfit};
pub use share::{Share, ShareError};
pub use split::{GroupScheme, Splitting, split};

/// Shares of one set have at most this many groups, and a group this many members.
pub const MOST: u8 = 16;
