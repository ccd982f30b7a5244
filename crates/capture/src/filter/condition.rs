//! A filter resolved for one link type: tests on bytes at known places, joined by and, or and not.

/// Width of a load in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Byte,
    Half,
    Word,
}

/// A test or several joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Constant(bool),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// Compares a value with another. The mask is applied to the left one first.
    Compare {
        left: Value,
        mask: u32,
        test: Test,
        right: Value,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Equal,
    Greater,
    GreaterOrEqual,
    AnyBit,
}

/// A number computed from a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Constant(u32),
    /// Length of the frame on the wire.
    WireLength,
    /// Bytes at a fixed place.
    At {
        offset: u32,
        width: Width,
    },
    /// Bytes at `base` plus a computed index.
    Indexed {
        base: u32,
        index: Box<Self>,
        width: Width,
    },
    /// Bytes behind the IPv4 header that starts at `base`, plus a computed index.
    BehindIpv4 {
        base: u32,
        index: Box<Self>,
        width: Width,
    },
    Negate(Box<Self>),
    /// An operation of [`code`](super::program::code).
    Binary {
        operation: u16,
        left: Box<Self>,
        right: Box<Self>,
    },
}

impl Condition {
    /// Both, the first tested first.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant(true), condition) | (condition, Self::Constant(true)) => condition,
            (Self::Constant(false), _) | (_, Self::Constant(false)) => Self::Constant(false),
            (first, second) => Self::And(Box::new(first), Box::new(second)),
        }
    }

    /// Either, the first tested first.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant(false), condition) | (condition, Self::Constant(false)) => condition,
            (Self::Constant(true), _) | (_, Self::Constant(true)) => Self::Constant(true),
            (first, second) => Self::Or(Box::new(first), Box::new(second)),
        }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(!value),
            Self::Not(condition) => *condition,
            condition => Self::Not(Box::new(condition)),
        }
    }

    /// Bytes at `offset` equal `value`.
    pub(super) fn equal(offset: u32, width: Width, value: u32) -> Self {
        Self::masked(offset, width, value, u32::MAX)
    }

    /// Bytes at `offset` under `mask` equal `value`.
    pub(super) fn masked(offset: u32, width: Width, value: u32, mask: u32) -> Self {
        Self::compare(Value::At { offset, width }, mask, Test::Equal, value)
    }

    pub(super) fn compare(left: Value, mask: u32, test: Test, right: u32) -> Self {
        Self::Compare { left, mask, test, right: Value::Constant(right) }
    }
}
