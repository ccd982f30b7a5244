//! From tokens to a tree, by the grammar of pcap-filter(7).
//!
//! `and` and `or` have the same precedence and group from the left; an address or number without qualifiers
//! takes those of the term before it, as in `port 80 or 443`.

use std::net::Ipv4Addr;

use super::error::{FilterError, FilterFault};
use super::lexer::{Sign, Token, Word};
use super::syntax::{
    Arithmetic, Comparison, Direction, Expression, Identifier, Joint, Kind, Located, Operator, Primitive,
    Protocol, Qualifiers,
};

/// Deepest nesting of parentheses, `not` and unary minus.
const DEPTH_MAX: usize = 100;
/// Terms in one filter; more would not fit into a program of the kernel anyway.
const TERMS_MAX: usize = 1_000;

type Result<T> = std::result::Result<T, FilterError>;

/// A term and the qualifiers that an address after it would take over.
struct Term {
    expression: Expression,
    qualifiers: Option<Qualifiers>,
}

pub(super) struct Parser {
    tokens: Vec<Located<Token>>,
    at: usize,
    depth: usize,
    terms: usize,
}

impl Parser {
    /// For the answer of [`tokens`](super::lexer::tokens).
    pub(super) fn new(tokens: Vec<Located<Token>>) -> Self {
        Self { tokens, at: 0, depth: 0, terms: 0 }
    }

    /// The whole filter; `None` for an empty text, which lets every frame through.
    pub(super) fn parse(mut self) -> Result<Option<Expression>> {
        if *self.token() == Token::End {
            return Ok(None);
        }
        let term = self.expression(None)?;
        match self.token() {
            Token::End => Ok(Some(term.expression)),
            _ => self.unexpected("and, or, or the end"),
        }
    }

    fn expression(&mut self, inherited: Option<Qualifiers>) -> Result<Term> {
        let first = self.term(inherited)?;
        let mut qualifiers = first.qualifiers;
        let mut joined = Vec::new();
        loop {
            let joint = match self.token() {
                Token::Word(Word::And) | Token::Sign(Sign::And) => Joint::And,
                Token::Word(Word::Or) | Token::Sign(Sign::Or) => Joint::Or,
                _ if joined.is_empty() => return Ok(first),
                _ => break,
            };
            self.advance();
            let term = self.term(qualifiers)?;
            qualifiers = term.qualifiers;
            joined.push((joint, term.expression));
        }
        Ok(Term { expression: Expression::Joined(Box::new(first.expression), joined), qualifiers })
    }

    fn term(&mut self, inherited: Option<Qualifiers>) -> Result<Term> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return self.fail(FilterFault::TooComplex("more than 1000 terms"));
        }
        if self.is_negation() {
            self.advance();
            let term = self.nested(|parser| parser.term(inherited))?;
            let expression = Expression::Not(Box::new(term.expression));
            return Ok(Term { expression, qualifiers: term.qualifiers });
        }
        if let Some(relation) = self.relation()? {
            return Ok(relation);
        }
        let column = self.column();
        match *self.token() {
            Token::Sign(Sign::Open) => {
                let expression = self.in_parentheses(|parser| parser.expression(inherited))?.expression;
                Ok(Term { expression, qualifiers: inherited })
            }
            Token::Word(word) => self.keyword(word, None, column),
            Token::Protocol(protocol) => {
                self.advance();
                match *self.token() {
                    Token::Word(word) if introduces_qualified(word) => {
                        self.keyword(word, Some(protocol), column)
                    }
                    _ => Ok(plain(column, Primitive::Protocol(protocol))),
                }
            }
            _ => match inherited {
                Some(qualifiers) => self.identifiers(qualifiers),
                None => self.unqualified(),
            },
        }
    }

    /// A term that starts with a word; `protocol` stood before it.
    fn keyword(&mut self, word: Word, protocol: Option<Protocol>, column: usize) -> Result<Term> {
        let primitive = match word {
            Word::Broadcast | Word::Multicast => {
                self.advance();
                if word == Word::Broadcast {
                    Primitive::Broadcast(protocol)
                } else {
                    Primitive::Multicast(protocol)
                }
            }
            _ if introduces_qualified(word) => {
                let qualifiers = self.qualifiers(protocol)?;
                return self.identifiers(qualifiers);
            }
            Word::Less | Word::Greater => {
                self.advance();
                let length = self.number("a length in bytes")?;
                if word == Word::Less { Primitive::Less(length) } else { Primitive::Greater(length) }
            }
            Word::Vlan => Primitive::Vlan(self.optional_number()),
            Word::Mpls => Primitive::Mpls(self.optional_number()),
            Word::PppoeSession => Primitive::PppoeSession(self.optional_number()),
            Word::PppoeDiscovery | Word::Inbound | Word::Outbound => {
                self.advance();
                match word {
                    Word::Inbound => Primitive::Inbound,
                    Word::Outbound => Primitive::Outbound,
                    _ => Primitive::PppoeDiscovery,
                }
            }
            _ => return self.unexpected("a test"),
        };
        Ok(plain(column, primitive))
    }

    /// Direction and kind, in this order, at least one of them.
    fn qualifiers(&mut self, protocol: Option<Protocol>) -> Result<Qualifiers> {
        let direction = self.direction()?;
        let kind = match self.token() {
            Token::Word(Word::Host) => Kind::Host,
            Token::Word(Word::Net) => Kind::Net,
            Token::Word(Word::Port) => Kind::Port,
            Token::Word(Word::PortRange) => Kind::PortRange,
            Token::Word(Word::Proto) if direction.is_none() => Kind::Protocol,
            _ => Kind::Default,
        };
        if kind != Kind::Default {
            self.advance();
        }
        Ok(Qualifiers { protocol, direction: direction.unwrap_or(Direction::Either), kind })
    }

    /// `src`, `dst`, or both joined by `or` or `and`.
    fn direction(&mut self) -> Result<Option<Direction>> {
        let Some(first) = self.one_direction() else { return Ok(None) };
        let joint = match self.token() {
            Token::Word(Word::Or) | Token::Sign(Sign::Or) => Direction::Either,
            Token::Word(Word::And) | Token::Sign(Sign::And) => Direction::Both,
            _ => return Ok(Some(first)),
        };
        self.advance();
        match self.one_direction() {
            Some(second) if second != first => Ok(Some(joint)),
            _ => self.unexpected("the other of src and dst"),
        }
    }

    fn one_direction(&mut self) -> Option<Direction> {
        let direction = match self.token() {
            Token::Word(Word::Src) => Direction::Source,
            Token::Word(Word::Dst) => Direction::Destination,
            _ => return None,
        };
        self.advance();
        Some(direction)
    }

    /// One address, number or name, or several in parentheses, under the same qualifiers.
    fn identifiers(&mut self, qualifiers: Qualifiers) -> Result<Term> {
        let column = self.column();
        if self.is_negation() {
            self.advance();
            let term = self.nested(|parser| parser.identifiers(qualifiers))?;
            let expression = Expression::Not(Box::new(term.expression));
            return Ok(Term { expression, qualifiers: Some(qualifiers) });
        }
        if *self.token() == Token::Sign(Sign::Open) {
            let expression = self.in_parentheses(|parser| parser.expression(Some(qualifiers)))?.expression;
            return Ok(Term { expression, qualifiers: Some(qualifiers) });
        }
        let identifier = self.identifier(qualifiers.kind)?;
        let value = Primitive::Qualified(qualifiers, identifier);
        let expression = Expression::Primitive(Located { column, value });
        Ok(Term { expression, qualifiers: Some(qualifiers) })
    }

    fn identifier(&mut self, kind: Kind) -> Result<Identifier> {
        let column = self.column();
        let identifier = match self.token().clone() {
            Token::Name(name) => Identifier::Name(name),
            Token::Number(number) => Identifier::Number(number),
            Token::Ethernet(address) => Identifier::Ethernet(address),
            Token::Ipv4 { value, bits } => Identifier::Ipv4 { value, bits },
            Token::Ipv6(address) => Identifier::Ipv6(address),
            // tcpdump wants the words of the language escaped here; there is nothing else they could mean.
            Token::Protocol(protocol) if kind == Kind::Protocol => {
                Identifier::Name(protocol.name().to_owned())
            }
            _ => return self.unexpected("an address, a number or a name"),
        };
        self.advance();
        self.network(column, identifier)
    }

    /// The mask behind an address, if there is one.
    fn network(&mut self, column: usize, address: Identifier) -> Result<Identifier> {
        let by_length = match self.token() {
            Token::Sign(Sign::Slash) => true,
            Token::Word(Word::Mask) => false,
            _ => return Ok(address),
        };
        match address {
            Identifier::Ipv6(address) if by_length => {
                self.advance();
                let length = self.bounded("prefix length", 128)?;
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                let network = address.to_bits() & mask;
                if network != address.to_bits() {
                    let suggestion = format!("{}/{length}", std::net::Ipv6Addr::from_bits(network));
                    return Err(FilterError { column, fault: FilterFault::HostBits { suggestion } });
                }
                Ok(Identifier::Ipv6Network { address, length })
            }
            Identifier::Number(_) | Identifier::Ipv4 { .. } => {
                let (value, bits) = match address {
                    Identifier::Ipv4 { value, bits } => (value, bits),
                    Identifier::Number(value) if value <= 255 => (value, 8),
                    _ => return self.unexpected("and, or, or the end"),
                };
                self.advance();
                let address = value.checked_shl(32 - bits).unwrap_or(0);
                let mask = if by_length {
                    let length = self.bounded("prefix length", 32)?;
                    u32::MAX.checked_shl(32 - length).unwrap_or(0)
                } else {
                    self.mask()?
                };
                if address & !mask != 0 {
                    let network = Ipv4Addr::from_bits(address & mask);
                    let suggestion = if by_length {
                        format!("{network}/{}", mask.leading_ones())
                    } else {
                        format!("{network} mask {}", Ipv4Addr::from_bits(mask))
                    };
                    return Err(FilterError { column, fault: FilterFault::HostBits { suggestion } });
                }
                Ok(Identifier::Ipv4Network { address: Ipv4Addr::from_bits(address), mask })
            }
            _ => self.unexpected("and, or, or the end"),
        }
    }

    fn mask(&mut self) -> Result<u32> {
        let mask = match *self.token() {
            Token::Ipv4 { value, bits } => value.checked_shl(32 - bits).unwrap_or(0),
            _ => return self.unexpected("a mask such as 255.255.255.0"),
        };
        self.advance();
        Ok(mask)
    }

    /// A comparison of two calculations, if that is what stands here. Whether a parenthesis or a number
    /// starts one shows only at the comparison, so this goes back where it does not come.
    fn relation(&mut self) -> Result<Option<Term>> {
        let certain = match self.token() {
            Token::Word(Word::Length) | Token::Sign(Sign::Minus) => true,
            Token::Protocol(_) if self.token_after() == Some(&Token::Sign(Sign::OpenIndex)) => true,
            Token::Number(_) | Token::Sign(Sign::Open) => false,
            _ => return Ok(None),
        };
        let (start, terms, column) = (self.at, self.terms, self.column());
        let attempt = self.arithmetic(0).and_then(|left| {
            let comparison = self.comparison()?;
            let right = self.arithmetic(0)?;
            Ok(Primitive::Relation(left, comparison, right))
        });
        match attempt {
            Ok(primitive) => Ok(Some(plain(column, primitive))),
            // The comparison was there or nothing else can be meant: its error is the one to tell.
            Err(error) if certain => Err(error),
            Err(_) => {
                (self.at, self.terms) = (start, terms);
                Ok(None)
            }
        }
    }

    fn comparison(&mut self) -> Result<Comparison> {
        let comparison = match self.token() {
            Token::Sign(Sign::Equal) => Comparison::Equal,
            Token::Sign(Sign::NotEqual) => Comparison::NotEqual,
            Token::Sign(Sign::Greater) => Comparison::Greater,
            Token::Sign(Sign::GreaterOrEqual) => Comparison::GreaterOrEqual,
            Token::Sign(Sign::Less) => Comparison::Less,
            Token::Sign(Sign::LessOrEqual) => Comparison::LessOrEqual,
            _ => return self.unexpected("a comparison such as = or >"),
        };
        self.advance();
        Ok(comparison)
    }

    /// A calculation of operators that bind at least as tightly as `floor`.
    fn arithmetic(&mut self, floor: u8) -> Result<Arithmetic> {
        let mut left = self.operand()?;
        while let Some((operator, precedence)) =
            self.operator().filter(|(_, precedence)| *precedence >= floor)
        {
            let column = self.column();
            self.advance();
            // `%` and `^` have no precedence in libpcap's grammar, so they take all that follows.
            let next_floor = if precedence == TAKES_ALL { 0 } else { precedence + 1 };
            let right = self.nested(|parser| parser.arithmetic(next_floor))?;
            left = Arithmetic::Binary { operator, left: Box::new(left), right: Box::new(right), column };
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        let Token::Sign(sign) = self.token() else { return None };
        Some(match sign {
            Sign::Bar => (Operator::Or, 1),
            Sign::Ampersand => (Operator::And, 2),
            Sign::ShiftLeft => (Operator::ShiftLeft, 3),
            Sign::ShiftRight => (Operator::ShiftRight, 3),
            Sign::Plus => (Operator::Add, 4),
            Sign::Minus => (Operator::Subtract, 4),
            Sign::Times => (Operator::Multiply, 5),
            Sign::Slash => (Operator::Divide, 5),
            Sign::Percent => (Operator::Modulo, TAKES_ALL),
            Sign::Caret => (Operator::Xor, TAKES_ALL),
            _ => return None,
        })
    }

    fn operand(&mut self) -> Result<Arithmetic> {
        let column = self.column();
        match *self.token() {
            Token::Number(number) => {
                self.advance();
                Ok(Arithmetic::Number(number))
            }
            Token::Word(Word::Length) => {
                self.advance();
                Ok(Arithmetic::Length)
            }
            Token::Sign(Sign::Minus) => {
                self.advance();
                let value = self.nested(Self::operand)?;
                Ok(Arithmetic::Negate(Box::new(value)))
            }
            Token::Sign(Sign::Open) => self.in_parentheses(|parser| parser.arithmetic(0)),
            Token::Protocol(protocol) => {
                self.advance();
                self.expect(Sign::OpenIndex, "[")?;
                let index = Box::new(self.nested(|parser| parser.arithmetic(0))?);
                let size = if *self.token() == Token::Sign(Sign::Colon) {
                    self.advance();
                    self.number("a size of 1, 2 or 4")?
                } else {
                    1
                };
                self.expect(Sign::CloseIndex, "]")?;
                Ok(Arithmetic::Access { protocol, index, size, column })
            }
            _ => self.unexpected("a number, len, or bytes such as ip[0]"),
        }
    }

    fn in_parentheses<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.advance();
        let value = self.nested(inside)?;
        self.expect(Sign::Close, ")")?;
        Ok(value)
    }

    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH_MAX {
            return self.fail(FilterFault::TooComplex("nested more than 100 deep"));
        }
        self.depth += 1;
        let value = inside(self);
        self.depth -= 1;
        value
    }

    fn number(&mut self, expected: &'static str) -> Result<u32> {
        match *self.token() {
            Token::Number(number) => {
                self.advance();
                Ok(number)
            }
            _ => self.unexpected(expected),
        }
    }

    fn bounded(&mut self, quantity: &'static str, limit: u32) -> Result<u32> {
        let column = self.column();
        let value = self.number(quantity)?;
        if value > limit {
            let fault = FilterFault::TooLarge { value: value.to_string(), quantity, limit };
            return Err(FilterError { column, fault });
        }
        Ok(value)
    }

    /// The number behind `vlan`, `mpls` and the like, unless it starts a calculation of its own.
    fn optional_number(&mut self) -> Option<u32> {
        self.advance();
        let Token::Number(number) = *self.token() else { return None };
        self.advance();
        Some(number)
    }

    fn expect(&mut self, sign: Sign, expected: &'static str) -> Result<()> {
        if *self.token() != Token::Sign(sign) {
            return self.unexpected(expected);
        }
        self.advance();
        Ok(())
    }

    fn is_negation(&self) -> bool {
        matches!(self.token(), Token::Word(Word::Not) | Token::Sign(Sign::Not))
    }

    fn token(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |token| &token.value)
    }

    fn token_after(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|token| &token.value)
    }

    fn column(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |token| token.column)
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn fail<T>(&self, fault: FilterFault) -> Result<T> {
        Err(FilterError { column: self.column(), fault })
    }

    fn unexpected<T>(&self, expected: &'static str) -> Result<T> {
        self.fail(FilterFault::Unexpected { found: describe(self.token()), expected })
    }

    /// An address, number or name that nothing qualifies, or no term at all.
    fn unqualified<T>(&self) -> Result<T> {
        match self.token() {
            Token::Sign(_) | Token::End => self.unexpected("a test"),
            token => self.fail(FilterFault::Unqualified(describe(token))),
        }
    }
}

/// Tighter than every operator on its left.
const TAKES_ALL: u8 = u8::MAX;

fn introduces_qualified(word: Word) -> bool {
    matches!(
        word,
        Word::Src
            | Word::Dst
            | Word::Host
            | Word::Net
            | Word::Port
            | Word::PortRange
            | Word::Proto
            | Word::Broadcast
            | Word::Multicast
    )
}

fn plain(column: usize, primitive: Primitive) -> Term {
    Term { expression: Expression::Primitive(Located { column, value: primitive }), qualifiers: None }
}

fn describe(token: &Token) -> String {
    match token {
        Token::End => "the end".to_owned(),
        Token::Name(name) => format!("{name:?}"),
        Token::Number(number) => number.to_string(),
        Token::Ipv4 { value, bits } => {
            let octets = value.checked_shl(32 - bits).unwrap_or(0).to_be_bytes();
            let octets: Vec<String> = octets.iter().take(*bits as usize / 8).map(u8::to_string).collect();
            octets.join(".")
        }
        Token::Ipv6(address) => address.to_string(),
        Token::Ethernet(_) => "a MAC address".to_owned(),
        Token::Protocol(protocol) => format!("{:?}", protocol.name()),
        Token::Word(word) => format!("{:?}", format!("{word:?}").to_lowercase()),
        Token::Sign(sign) => format!("{sign:?}").to_lowercase(),
    }
}
