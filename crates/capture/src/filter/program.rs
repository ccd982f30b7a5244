//! Classic BPF: instructions, an interpreter for frames from files, and the listing that `tcpdump -ddd`
//! prints. The instruction set is that of McCanne and Jacobson (1993) as the Linux kernel takes it
//! (`Documentation/networking/filter.rst`).

use std::fmt;

/// Instructions the kernel accepts in one program (`BPF_MAXINSNS`).
pub(super) const KERNEL_INSTRUCTIONS_MAX: usize = 4_096;
/// Instructions in a program that is run here, on files.
pub(super) const INSTRUCTIONS_MAX: usize = 65_536;
/// Scratch memory words (`BPF_MEMWORDS`).
pub(super) const SCRATCH_WORDS: usize = 16;
/// What a matching program answers: the snap length, as tcpdump's default.
const SNAP_LENGTH: u32 = 262_144;

/// Classes, modes, sizes and operations of the encoding.
pub(super) mod code {
    pub(in super::super) const LD: u16 = 0x00;
    pub(in super::super) const LDX: u16 = 0x01;
    pub(in super::super) const ST: u16 = 0x02;
    pub(in super::super) const ALU: u16 = 0x04;
    pub(in super::super) const JMP: u16 = 0x05;
    pub(in super::super) const RET: u16 = 0x06;
    pub(in super::super) const MISC_TAX: u16 = 0x07;

    pub(in super::super) const WORD: u16 = 0x00;
    pub(in super::super) const HALF: u16 = 0x08;
    pub(in super::super) const BYTE: u16 = 0x10;

    pub(in super::super) const IMM: u16 = 0x00;
    pub(in super::super) const ABS: u16 = 0x20;
    pub(in super::super) const IND: u16 = 0x40;
    pub(in super::super) const MEM: u16 = 0x60;
    pub(in super::super) const LEN: u16 = 0x80;
    pub(in super::super) const MSH: u16 = 0xa0;

    /// The operand is register X instead of the constant.
    pub(in super::super) const X: u16 = 0x08;

    pub(in super::super) const ADD: u16 = 0x00;
    pub(in super::super) const SUB: u16 = 0x10;
    pub(in super::super) const MUL: u16 = 0x20;
    pub(in super::super) const DIV: u16 = 0x30;
    pub(in super::super) const OR: u16 = 0x40;
    pub(in super::super) const AND: u16 = 0x50;
    pub(in super::super) const LSH: u16 = 0x60;
    pub(in super::super) const RSH: u16 = 0x70;
    pub(in super::super) const NEG: u16 = 0x80;
    pub(in super::super) const MOD: u16 = 0x90;
    pub(in super::super) const XOR: u16 = 0xa0;

    pub(in super::super) const JA: u16 = 0x00;
    pub(in super::super) const JEQ: u16 = 0x10;
    pub(in super::super) const JGT: u16 = 0x20;
    pub(in super::super) const JGE: u16 = 0x30;
    pub(in super::super) const JSET: u16 = 0x40;
}

/// One instruction, as `struct sock_filter` of `<linux/filter.h>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to pass over when a comparison holds.
    pub jump_true: u8,
    /// Instructions to pass over when it does not.
    pub jump_false: u8,
    /// Constant operand.
    pub operand: u32,
}

impl Instruction {
    pub(super) const fn new(code: u16, operand: u32) -> Self {
        Self { code, jump_true: 0, jump_false: 0, operand }
    }

    pub(super) const fn answer(matches: bool) -> Self {
        Self::new(code::RET, if matches { SNAP_LENGTH } else { 0 })
    }
}

/// A compiled filter for one link type.
///
/// # Guarantees
/// Every jump leads forward and within the program, and the last instruction returns: running it ends. One
/// that is compiled for live capture has at most 4096 instructions, which the kernel accepts.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    instructions: Vec<Instruction>,
}

impl Program {
    pub(super) fn new(instructions: Vec<Instruction>) -> Self {
        Self { instructions }
    }

    /// The program that refuses every frame.
    #[must_use]
    pub fn nothing() -> Self {
        Self::new(vec![Instruction::answer(false)])
    }

    /// The instructions, for `SO_ATTACH_FILTER`.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Whether the filter lets a frame through. As in the kernel, a load beyond the captured bytes refuses
    /// the frame.
    #[must_use]
    pub fn matches(&self, captured: &[u8], original_length: u32) -> bool {
        Machine { captured, original_length, a: 0, x: 0, scratch: [0; SCRATCH_WORDS] }
            .run(&self.instructions)
            .unwrap_or(false)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} instructions", self.instructions.len())?;
        fmt::Display::fmt(self, f)
    }
}

/// The decimal listing of `tcpdump -ddd`, without the count in front.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Instruction { code, jump_true, jump_false, operand } in &self.instructions {
            writeln!(f, "{code} {jump_true} {jump_false} {operand}")?;
        }
        Ok(())
    }
}

struct Machine<'a> {
    captured: &'a [u8],
    original_length: u32,
    a: u32,
    x: u32,
    scratch: [u32; SCRATCH_WORDS],
}

impl Machine<'_> {
    /// Runs to the first return; `None` where a load or a division refuses the frame.
    fn run(&mut self, instructions: &[Instruction]) -> Option<bool> {
        let mut at = 0;
        loop {
            let instruction = instructions.get(at)?;
            at += 1;
            match instruction.code & 0x07 {
                code::LD => self.a = self.load(instruction)?,
                code::LDX => self.x = self.load_x(instruction)?,
                code::ST => *self.scratch.get_mut(instruction.operand as usize)? = self.a,
                code::ALU => self.a = self.compute(instruction)?,
                code::JMP => at += self.jump(instruction),
                code::RET => return Some(instruction.operand != 0),
                _ => self.x = self.a,
            }
        }
    }

    fn load(&self, instruction: &Instruction) -> Option<u32> {
        let operand = instruction.operand;
        match instruction.code & 0xe0 {
            code::ABS => self.read(operand, instruction.code),
            code::IND => self.read(self.x.checked_add(operand)?, instruction.code),
            code::LEN => Some(self.original_length),
            code::MEM => self.scratch.get(operand as usize).copied(),
            _ => Some(operand),
        }
    }

    fn load_x(&self, instruction: &Instruction) -> Option<u32> {
        if instruction.code & 0xe0 == code::MSH {
            let first = self.read(instruction.operand, code::BYTE)?;
            return Some((first & 0x0f) * 4);
        }
        Some(instruction.operand)
    }

    fn read(&self, offset: u32, code: u16) -> Option<u32> {
        let bytes = self.captured.get(offset as usize..)?;
        match code & 0x18 {
            code::BYTE => bytes.first().map(|&byte| byte.into()),
            code::HALF => bytes.first_chunk().map(|&half| u16::from_be_bytes(half).into()),
            _ => bytes.first_chunk().map(|&word| u32::from_be_bytes(word)),
        }
    }

    fn compute(&self, instruction: &Instruction) -> Option<u32> {
        let operand = if instruction.code & code::X != 0 { self.x } else { instruction.operand };
        arithmetic(instruction.code & 0xf0, self.a, operand)
    }

    fn jump(&self, instruction: &Instruction) -> usize {
        let operand = if instruction.code & code::X != 0 { self.x } else { instruction.operand };
        let holds = match instruction.code & 0xf0 {
            code::JEQ => self.a == operand,
            code::JGT => self.a > operand,
            code::JGE => self.a >= operand,
            code::JSET => self.a & operand != 0,
            _ => return instruction.operand as usize,
        };
        usize::from(if holds { instruction.jump_true } else { instruction.jump_false })
    }
}

/// An arithmetic operation of the machine; `None` for a division by zero.
pub(super) fn arithmetic(operation: u16, left: u32, right: u32) -> Option<u32> {
    Some(match operation {
        code::ADD => left.wrapping_add(right),
        code::SUB => left.wrapping_sub(right),
        code::MUL => left.wrapping_mul(right),
        code::DIV => left.checked_div(right)?,
        code::MOD => left.checked_rem(right)?,
        code::OR => left | right,
        code::AND => left & right,
        code::XOR => left ^ right,
        code::LSH => left.checked_shl(right).unwrap_or(0),
        code::RSH => left.checked_shr(right).unwrap_or(0),
        _ => left.wrapping_neg(),
    })
}
