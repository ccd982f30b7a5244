//! Whether content that ought to be a report, a picture or a waveform begins like a program.
//!
//! Formats: Microsoft PE/COFF section 2 (MZ stub), ELF (System V ABI chapter 4), Mach-O (`mach-o/loader.h`,
//! `mach-o/fat.h`), and the first lines of scripts. HL7 carries such content in ED, RP or FT values, DICOM in
//! encapsulated documents, private elements and the 128 bytes before `DICM` (CVE-2019-11687).

/// How many bytes from the start of some content decide.
pub const HEAD_BYTES: usize = 128;

/// Whether `head`, the first [`HEAD_BYTES`] bytes of some content or all of it, begins like a program.
///
/// `MZ` alone is not enough, for reports may begin with these letters: a binary header must follow it.
pub fn begins_like_a_program(head: &[u8]) -> bool {
    let begins = |magic: &[u8]| head.starts_with(magic);
    if begins(b"MZ") {
        return is_dos_header(head);
    }
    begins(b"\x7fELF")
        || begins(&[0xfe, 0xed, 0xfa, 0xce])
        || begins(&[0xfe, 0xed, 0xfa, 0xcf])
        || begins(&[0xce, 0xfa, 0xed, 0xfe])
        || begins(&[0xcf, 0xfa, 0xed, 0xfe])
        // Fat Mach-O and Java classes share this magic; either is a program.
        || begins(&[0xca, 0xfe, 0xba, 0xbe])
        || is_script(head)
}

/// Whether `text` begins like a program once base64 (RFC 4648, line breaks allowed) is taken off.
pub fn begins_like_a_program_in_base64(text: &[u8]) -> bool {
    begins_like_a_program(&base64_head(text))
}

fn is_dos_header(head: &[u8]) -> bool {
    let early_nul = head.iter().take(16).any(|byte| *byte == 0);
    // e_lfanew at 0x3c points at the PE header; old DOS programs leave it zero.
    let pointer = head.get(0x3c..0x40).and_then(|bytes| bytes.first_chunk::<4>());
    early_nul && pointer.is_none_or(|bytes| u32::from_le_bytes(*bytes) < 0x1000)
}

fn is_script(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins(b"#!/") || begins(b"#! /") || begins(b"@echo off") || begins(b"<script") || begins(b"<?php")
}

/// The first bytes of base64 text; stops at the first byte that is not of the alphabet.
fn base64_head(text: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.iter().take(HEAD_BYTES * 2).filter(|byte| !byte.is_ascii_whitespace()) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            head.push((bits >> held & 0xff) as u8);
            bits &= (1 << held) - 1;
        }
        if head.len() == HEAD_BYTES {
            break;
        }
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tells_programs_from_words() {
        assert!(begins_like_a_program(b"MZ\x90\0\x03\0\0\0"));
        assert!(begins_like_a_program(b"\x7fELF\x02\x01"));
        assert!(begins_like_a_program(b"#!/bin/sh\n"));
        assert!(!begins_like_a_program(b"MZ twins, 36 weeks"));
        assert!(!begins_like_a_program(b"%PDF-1.7"));
    }

    #[test]
    fn looks_through_base64() {
        assert!(begins_like_a_program_in_base64(b"TVqQAAMA\r\nAAAEAAAA//8AALgA"));
        assert!(begins_like_a_program_in_base64(b"f0VMRgIBAQA="));
        assert!(begins_like_a_program_in_base64(b"IyEvYmluL2Jhc2gK"));
        assert!(!begins_like_a_program_in_base64(b"JVBERi0xLjQK"));
        assert_eq!(base64_head(b"SGVsbG8="), b"Hello");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = begins_like_a_program(&bytes);
            prop_assert!(base64_head(&bytes).len() <= HEAD_BYTES);
        }
    }
}
