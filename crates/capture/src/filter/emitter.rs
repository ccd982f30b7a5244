//! From conditions to instructions.
//!
//! Instructions are laid down from the last to the first: all jumps lead forward, so each jump's target is
//! already there when the jump is written, and a far target gets a stepping stone at once.

use super::condition::{Condition, Test, Value, Width};
use super::error::FilterFault;
use super::program::{Instruction, Program, SCRATCH_WORDS, code};

/// A place in the program, counted from its end: the number of instructions from there on.
type Place = usize;

/// Offset that no frame reaches and the kernel gives no meaning.
const BEYOND_EVERY_FRAME: u32 = 0x7fff_fff0;

/// The program that accepts the frames for which `condition` holds.
pub(super) fn program(condition: &Condition, instructions_max: usize) -> Result<Program, FilterFault> {
    let mut emitter = Emitter::new(instructions_max);
    let (accept, refuse) = (emitter.place(true), emitter.place(false));
    emitter.condition(condition, accept, refuse)?;
    emitter.finish()
}

/// The program that judges by `present` where `presence` holds and by `absent` elsewhere.
pub(super) fn choice(
    presence: &Condition,
    present: &Condition,
    absent: &Condition,
    instructions_max: usize,
) -> Result<Program, FilterFault> {
    let mut emitter = Emitter::new(instructions_max);
    let (accept, refuse) = (emitter.place(true), emitter.place(false));
    let absent = emitter.condition(absent, accept, refuse)?;
    let present = emitter.condition(present, accept, refuse)?;
    emitter.condition(presence, present, absent)?;
    emitter.finish()
}

struct Emitter {
    instructions_max: usize,
    reversed: Vec<Instruction>,
}

impl Emitter {
    /// With both answers at the end.
    fn new(instructions_max: usize) -> Self {
        Self { instructions_max, reversed: vec![Instruction::answer(false), Instruction::answer(true)] }
    }

    fn place(&self, answer: bool) -> Place {
        if answer { 2 } else { 1 }
    }

    /// Lays down the code that continues at `holds` or `fails`; answers where it starts.
    ///
    /// Terms joined from the left are taken one by one, from the last: only nesting needs the stack.
    fn condition(
        &mut self,
        condition: &Condition,
        mut holds: Place,
        mut fails: Place,
    ) -> Result<Place, FilterFault> {
        let mut condition = condition;
        loop {
            self.check_length()?;
            match condition {
                Condition::Constant(true) => return Ok(self.goto(holds)),
                Condition::Constant(false) => return Ok(self.goto(fails)),
                Condition::Not(inner) => {
                    std::mem::swap(&mut holds, &mut fails);
                    condition = inner;
                }
                Condition::And(first, second) => {
                    holds = self.condition(second, holds, fails)?;
                    condition = first;
                }
                Condition::Or(first, second) => {
                    fails = self.condition(second, holds, fails)?;
                    condition = first;
                }
                Condition::Compare { left, mask, test, right } => {
                    return self.compare(left, *mask, *test, right, holds, fails);
                }
            }
        }
    }

    fn goto(&mut self, target: Place) -> Place {
        if target != self.reversed.len() {
            let distance = u32::try_from(self.reversed.len() - target).unwrap_or(0);
            self.reversed.push(Instruction::new(code::JMP | code::JA, distance));
        }
        self.reversed.len()
    }

    fn compare(
        &mut self,
        left: &Value,
        mask: u32,
        test: Test,
        right: &Value,
        holds: Place,
        fails: Place,
    ) -> Result<Place, FilterFault> {
        let mut forward = Vec::new();
        let operation = match test {
            Test::Equal => code::JEQ,
            Test::Greater => code::JGT,
            Test::GreaterOrEqual => code::JGE,
            Test::AnyBit => code::JSET,
        };
        let jump = match right {
            Value::Constant(constant) => {
                evaluate(left, 0, &mut forward)?;
                (code::JMP | operation, *constant)
            }
            right => {
                evaluate_pair(left, right, 0, &mut forward)?;
                (code::JMP | operation | code::X, 0)
            }
        };
        if mask != u32::MAX {
            forward.push(Instruction::new(code::ALU | code::AND, mask));
        }
        let (holds, fails) = match *forward.as_slice() {
            [load] if load.code & 0xe7 == code::LD | code::ABS => {
                let equal_to = (jump.0 == code::JMP | code::JEQ).then_some(jump.1);
                (self.thread(load, holds, equal_to, None), self.thread(load, fails, None, equal_to))
            }
            _ => (holds, fails),
        };
        self.jump(jump, holds, fails);
        self.reversed.extend(forward.into_iter().rev());
        Ok(self.reversed.len())
    }

    /// Where to go instead of `target` when A already holds what `load` loads, and it is known to equal one
    /// constant or not to equal another: tests whose outcome is thereby known are passed over, and so is the
    /// load itself. `tcp or udp or host ...` asks for the protocol once.
    fn thread(
        &self,
        load: Instruction,
        mut target: Place,
        equal_to: Option<u32>,
        unequal_to: Option<u32>,
    ) -> Place {
        loop {
            let Some(first) = target.checked_sub(1).and_then(|index| self.reversed.get(index)) else {
                return target;
            };
            if first.code == code::JMP | code::JA {
                target = target - 1 - first.operand as usize;
                continue;
            }
            let Some(test) = target.checked_sub(2).and_then(|index| self.reversed.get(index)) else {
                return target;
            };
            // Only a constant comparison right behind the same load may stand on what A holds.
            if *first != load || test.code & 0x07 != code::JMP || test.code & code::X != 0 {
                return target;
            }
            let behind = target - 2;
            let outcome = match (equal_to, unequal_to) {
                (Some(value), _) => holds(test.code, value, test.operand),
                (_, Some(other)) if test.code == code::JMP | code::JEQ && test.operand == other => {
                    Some(false)
                }
                _ => None,
            };
            target = match outcome {
                Some(true) => behind - usize::from(test.jump_true),
                Some(false) => behind - usize::from(test.jump_false),
                None => return target - 1,
            };
        }
    }

    fn jump(&mut self, (code, operand): (u16, u32), holds: Place, fails: Place) {
        // A stepping stone moves the jump one further from its other target: make room for two.
        const REACH: usize = u8::MAX as usize - 1;
        let at = self.reversed.len();
        let holds = if at - holds > REACH { self.goto(holds) } else { holds };
        let fails = if at - fails > REACH { self.goto(fails) } else { fails };
        let at = self.reversed.len();
        let distance = |target: Place| u8::try_from(at - target).unwrap_or(0);
        self.reversed.push(Instruction {
            code,
            jump_true: distance(holds),
            jump_false: distance(fails),
            operand,
        });
    }

    fn check_length(&self) -> Result<(), FilterFault> {
        if self.reversed.len() <= self.instructions_max {
            return Ok(());
        }
        Err(FilterFault::TooLong(self.instructions_max))
    }

    fn finish(mut self) -> Result<Program, FilterFault> {
        self.check_length()?;
        self.reversed.reverse();
        Ok(Program::new(self.reversed))
    }
}

/// The outcome of a comparison of two known numbers.
fn holds(code: u16, left: u32, right: u32) -> Option<bool> {
    match code & 0xf0 {
        code::JEQ => Some(left == right),
        code::JGT => Some(left > right),
        code::JGE => Some(left >= right),
        code::JSET => Some(left & right != 0),
        _ => None,
    }
}

/// Code that leaves `value` in A. Scratch words from `free` on may be used, and X.
fn evaluate(value: &Value, free: usize, output: &mut Vec<Instruction>) -> Result<(), FilterFault> {
    match value {
        Value::Constant(constant) => output.push(Instruction::new(code::LD | code::IMM, *constant)),
        Value::WireLength => output.push(Instruction::new(code::LD | code::LEN, 0)),
        Value::At { offset, width } => {
            output.push(Instruction::new(code::LD | code::ABS | size(*width), *offset));
        }
        Value::Indexed { base, index, width } => match **index {
            Value::Constant(index) => {
                // High offsets mean something else to the kernel.
                let offset = base.saturating_add(index).min(BEYOND_EVERY_FRAME);
                output.push(Instruction::new(code::LD | code::ABS | size(*width), offset));
            }
            ref index => {
                evaluate(index, free, output)?;
                output.push(Instruction::new(code::MISC_TAX, 0));
                output.push(Instruction::new(code::LD | code::IND | size(*width), *base));
            }
        },
        Value::BehindIpv4 { base, index, width } => {
            let header_length = Instruction::new(code::LDX | code::MSH | code::BYTE, *base);
            if let Value::Constant(index) = **index {
                let offset = base.saturating_add(index).min(BEYOND_EVERY_FRAME);
                output.push(header_length);
                output.push(Instruction::new(code::LD | code::IND | size(*width), offset));
            } else {
                evaluate(index, free, output)?;
                output.push(header_length);
                output.push(Instruction::new(code::ALU | code::ADD | code::X, 0));
                output.push(Instruction::new(code::MISC_TAX, 0));
                output.push(Instruction::new(code::LD | code::IND | size(*width), *base));
            }
        }
        Value::Negate(inner) => {
            evaluate(inner, free, output)?;
            output.push(Instruction::new(code::ALU | code::NEG, 0));
        }
        Value::Binary { operation, left, right } => {
            if let Value::Constant(constant) = **right {
                evaluate(left, free, output)?;
                output.push(Instruction::new(code::ALU | operation, constant));
            } else {
                evaluate_pair(left, right, free, output)?;
                output.push(Instruction::new(code::ALU | operation | code::X, 0));
            }
        }
    }
    Ok(())
}

/// Code that leaves `left` in A and `right` in X.
fn evaluate_pair(
    left: &Value,
    right: &Value,
    free: usize,
    output: &mut Vec<Instruction>,
) -> Result<(), FilterFault> {
    if free >= SCRATCH_WORDS {
        return Err(FilterFault::TooComplex("its arithmetic needs more than 16 intermediate results"));
    }
    let scratch = u32::try_from(free).unwrap_or(0);
    evaluate(left, free, output)?;
    output.push(Instruction::new(code::ST, scratch));
    evaluate(right, free + 1, output)?;
    output.push(Instruction::new(code::MISC_TAX, 0));
    output.push(Instruction::new(code::LD | code::MEM, scratch));
    Ok(())
}

const fn size(width: Width) -> u16 {
    match width {
        Width::Byte => code::BYTE,
        Width::Half => code::HALF,
        Width::Word => code::WORD,
    }
}
