//! Byte access and arithmetic: `tcp[tcpflags] & tcp-syn != 0`.

use super::condition::{Condition, Test, Value, Width};
use super::error::{FilterError, FilterFault};
use super::program::{arithmetic, code};
use super::resolver::{IP_PROTOCOL_ICMP6, Resolver};
use super::syntax::{Arithmetic, Comparison, Operator, Protocol};

/// Length of an IPv6 header without extension headers, in bytes.
const IPV6_HEADER_BYTES: u32 = 40;

type Result<T> = std::result::Result<T, FilterError>;

/// A value and what must hold for its bytes to mean anything.
struct Guarded {
    value: Value,
    guard: Condition,
}

/// A comparison of two calculations. False where a protocol whose bytes they read is not there, also under
/// `!=`, as in libpcap.
pub(super) fn relation(
    resolver: &Resolver,
    left: &Arithmetic,
    comparison: Comparison,
    right: &Arithmetic,
) -> Result<Condition> {
    let left = guarded(resolver, left)?;
    let right = guarded(resolver, right)?;
    let (test, negate) = match comparison {
        Comparison::Equal => (Test::Equal, false),
        Comparison::NotEqual => (Test::Equal, true),
        Comparison::Greater => (Test::Greater, false),
        Comparison::LessOrEqual => (Test::Greater, true),
        Comparison::GreaterOrEqual => (Test::GreaterOrEqual, false),
        Comparison::Less => (Test::GreaterOrEqual, true),
    };
    let holds = match (&left.value, &right.value) {
        (Value::Constant(left), Value::Constant(right)) => Condition::Constant(match test {
            Test::Equal => left == right,
            Test::Greater => left > right,
            Test::GreaterOrEqual => left >= right,
            Test::AnyBit => left & right != 0,
        }),
        _ => Condition::Compare { left: left.value, mask: u32::MAX, test, right: right.value },
    };
    let holds = if negate { holds.negated() } else { holds };
    Ok(left.guard.and(right.guard).and(holds))
}

fn guarded(resolver: &Resolver, arithmetic: &Arithmetic) -> Result<Guarded> {
    let unguarded = |value| Guarded { value, guard: Condition::Constant(true) };
    Ok(match arithmetic {
        Arithmetic::Number(number) => unguarded(Value::Constant(*number)),
        Arithmetic::Length => unguarded(Value::WireLength),
        Arithmetic::Negate(inner) => {
            let Guarded { value, guard } = guarded(resolver, inner)?;
            let value = match value {
                Value::Constant(number) => Value::Constant(number.wrapping_neg()),
                value => Value::Negate(Box::new(value)),
            };
            Guarded { value, guard }
        }
        Arithmetic::Access { protocol, index, size, column } => {
            let index = guarded(resolver, index)?;
            access(resolver, *protocol, index, *size)
                .map_err(|fault| FilterError { column: *column, fault })?
        }
        Arithmetic::Binary { operator, left, right, column } => {
            let left = guarded(resolver, left)?;
            let right = guarded(resolver, right)?;
            let value = binary(*operator, left.value, right.value)
                .map_err(|fault| FilterError { column: *column, fault })?;
            // As in libpcap, whose users' filters rely on it: the right operand's protocol is not tested.
            Guarded { value, guard: left.guard }
        }
    })
}

fn binary(operator: Operator, left: Value, right: Value) -> std::result::Result<Value, FilterFault> {
    let operation = match operator {
        Operator::Add => code::ADD,
        Operator::Subtract => code::SUB,
        Operator::Multiply => code::MUL,
        Operator::Divide => code::DIV,
        Operator::Modulo => code::MOD,
        Operator::And => code::AND,
        Operator::Or => code::OR,
        Operator::Xor => code::XOR,
        Operator::ShiftLeft => code::LSH,
        Operator::ShiftRight => code::RSH,
    };
    if let Value::Constant(constant) = right {
        match operator {
            Operator::Divide | Operator::Modulo if constant == 0 => return Err(FilterFault::DivisionByZero),
            Operator::ShiftLeft | Operator::ShiftRight if constant > 31 => {
                return Err(FilterFault::Shift(constant));
            }
            _ => {}
        }
    }
    if let (Value::Constant(left), Value::Constant(right)) = (&left, &right) {
        let folded = arithmetic(operation, *left, *right).ok_or(FilterFault::DivisionByZero)?;
        return Ok(Value::Constant(folded));
    }
    Ok(Value::Binary { operation, left: Box::new(left), right: Box::new(right) })
}

/// Bytes of a protocol's header, where the frame has that protocol.
fn access(
    resolver: &Resolver,
    protocol: Protocol,
    index: Guarded,
    size: u32,
) -> std::result::Result<Guarded, FilterFault> {
    let width = match size {
        1 => Width::Byte,
        2 => Width::Half,
        4 => Width::Word,
        _ => return Err(FilterFault::AccessSize(size)),
    };
    let (index, index_guard) = (Box::new(index.value), index.guard);
    let layers = &resolver.layers;
    let network = layers.network;
    match protocol {
        Protocol::Link => {
            let value = Value::Indexed { base: layers.link_header, index, width };
            Ok(Guarded { value, guard: index_guard })
        }
        Protocol::Ip
        | Protocol::Ip6
        | Protocol::Arp
        | Protocol::Rarp
        | Protocol::Atalk
        | Protocol::Decnet
        | Protocol::Lat
        | Protocol::Sca
        | Protocol::Moprc
        | Protocol::Mopdl => {
            let guard = index_guard.and(resolver.protocol(protocol)?);
            Ok(Guarded { value: Value::Indexed { base: network, index, width }, guard })
        }
        Protocol::Tcp
        | Protocol::Udp
        | Protocol::Sctp
        | Protocol::Icmp
        | Protocol::Igmp
        | Protocol::Igrp
        | Protocol::Pim
        | Protocol::Vrrp
        | Protocol::Carp => {
            let guard = resolver
                .protocol(Protocol::Ip)?
                .and(index_guard)
                .and(resolver.protocol(protocol)?)
                .and(resolver.first_fragment());
            Ok(Guarded { value: Value::BehindIpv4 { base: network, index, width }, guard })
        }
        Protocol::Icmp6 => {
            let guard = index_guard.and(resolver.protocol(Protocol::Ip6)?).and(Condition::equal(
                network + 6,
                Width::Byte,
                IP_PROTOCOL_ICMP6,
            ));
            Ok(Guarded { value: Value::Indexed { base: network + IPV6_HEADER_BYTES, index, width }, guard })
        }
        Protocol::Ah
        | Protocol::Esp
        | Protocol::Aarp
        | Protocol::Iso
        | Protocol::Stp
        | Protocol::Ipx
        | Protocol::Netbeui => Err(FilterFault::Index(protocol.name())),
    }
}
