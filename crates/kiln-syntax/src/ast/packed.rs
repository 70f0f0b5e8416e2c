//! The syntax of a file as bytes, to be kept and read back without the text.
//!
//! Numbers are short, places follow each other, names stand where they come first. The form is that of one program:
//! whoever keeps it keeps it beside [`GRAMMAR_VERSION`](crate::GRAMMAR_VERSION) and a digest.
//!
//! Never: trusts what it reads; bytes that are no syntax are none.

use super::{
    Arg, AssertEntry, Ast, BinaryOp, Binder, Body, Entry, Expr, ExprId, Field, ForClause, ForEntry,
    IfEntry, KeyPart, LetBinding, LetEntry, ListEntry, Name, Otherwise, Param, Part, Right,
    SpreadEntry, Type, TypeEntry, TypeField, TypeKind, UnaryOp,
};
use kiln_diag::{FileId, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Bodies and types nest at most this deep; what the parser makes stays far below.
const NESTING: u32 = 2_000;

/// Packs the syntax of a file, and names beside it.
pub(crate) fn pack(ast: &Ast, names: &[Arc<str>]) -> Vec<u8> {
    let Ast { file: _, doc, entries, value, value_doc, broken: _, exprs, spans } = ast;
    let mut out = Packer { bytes: Vec::new(), names: BTreeMap::new(), last: 0 };
    out.number(names.len() as u64);
    for name in names {
        out.text(name);
    }
    out.number(exprs.len() as u64);
    for (expr, span) in exprs.iter().zip(spans) {
        span.pack(&mut out);
        expr.pack(&mut out);
    }
    doc.pack(&mut out);
    entries.pack(&mut out);
    value.pack(&mut out);
    value_doc.pack(&mut out);
    out.bytes
}

/// Reads the names that were packed beside the syntax.
pub(crate) fn unpack_names(bytes: &[u8]) -> Option<Vec<&str>> {
    Unpacker::new(bytes, FileId(0)).texts()
}

/// Reads the syntax of a file and the names beside it; nothing when the bytes are no such thing.
pub(crate) fn unpack(bytes: &[u8], file: FileId) -> Option<(Ast, Vec<Arc<str>>)> {
    let mut from = Unpacker::new(bytes, file);
    let names = from.texts()?.into_iter().map(Arc::from).collect();
    let n_exprs = from.length()?;
    from.n_exprs = n_exprs as u64;
    let (mut exprs, mut spans) = (Vec::with_capacity(n_exprs), Vec::with_capacity(n_exprs));
    for _ix in 0..n_exprs {
        spans.push(Packed::unpack(&mut from)?);
        exprs.push(Packed::unpack(&mut from)?);
    }
    let doc = Packed::unpack(&mut from)?;
    let entries = Packed::unpack(&mut from)?;
    let (value, value_doc) = (Packed::unpack(&mut from)?, Packed::unpack(&mut from)?);
    // Only texts without errors are packed.
    let broken = BTreeSet::new();
    let ast = Ast { file, doc, entries, value, value_doc, broken, exprs, spans };
    from.rest.is_empty().then_some((ast, names))
}

/// What is written.
struct Packer {
    bytes: Vec<u8>,
    names: BTreeMap<Arc<str>, u64>,
    /// Where the last place began.
    last: u32,
}

impl Packer {
    /// Writes a number, seven bits a byte, lowest first.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push((number & 0x7f) as u8);
    }

    fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    /// Writes which name it is; a new one is followed by its text.
    fn name(&mut self, name: &Arc<str>) {
        let n_names = self.names.len() as u64;
        if let Some(known) = self.names.get(name) {
            let known = *known;
            self.number(known);
            return;
        }
        self.names.insert(Arc::clone(name), n_names);
        self.number(n_names);
        self.text(name);
    }
}

/// What is left to be read.
struct Unpacker<'a> {
    rest: &'a [u8],
    names: Vec<Arc<str>>,
    last: u32,
    file: FileId,
    n_exprs: u64,
    nesting: u32,
}

impl<'a> Unpacker<'a> {
    fn new(bytes: &'a [u8], file: FileId) -> Self {
        Self { rest: bytes, names: Vec::new(), last: 0, file, n_exprs: 0, nesting: 0 }
    }

    fn texts(&mut self) -> Option<Vec<&'a str>> {
        (0..self.length()?).map(|_ix| self.text()).collect()
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Reads how many things follow; each takes a byte at least.
    fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        (length <= self.rest.len()).then_some(length)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn name(&mut self) -> Option<Arc<str>> {
        let ix = usize::try_from(self.number()?).ok()?;
        if ix == self.names.len() {
            let name = Arc::from(self.text()?);
            self.names.push(name);
        }
        self.names.get(ix).map(Arc::clone)
    }

    fn within<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.nesting += 1;
        let value = if self.nesting < NESTING { read(self) } else { None };
        self.nesting -= 1;
        value
    }
}

/// A part of the syntax that can be packed.
trait Packed: Sized {
    fn pack(&self, out: &mut Packer);
    fn unpack(from: &mut Unpacker<'_>) -> Option<Self>;
}

impl Packed for bool {
    fn pack(&self, out: &mut Packer) {
        out.bytes.push(u8::from(*self));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Packed for u32 {
    fn pack(&self, out: &mut Packer) {
        out.number(u64::from(*self));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.number()?.try_into().ok()
    }
}

impl Packed for i64 {
    fn pack(&self, out: &mut Packer) {
        out.signed(*self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.signed()
    }
}

impl Packed for String {
    fn pack(&self, out: &mut Packer) {
        out.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.text().map(str::to_owned)
    }
}

impl Packed for Arc<str> {
    fn pack(&self, out: &mut Packer) {
        out.name(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.name()
    }
}

impl Packed for Span {
    fn pack(&self, out: &mut Packer) {
        out.signed(i64::from(self.start) - i64::from(out.last));
        out.number(u64::from(self.end.saturating_sub(self.start)));
        out.last = self.start;
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        let start = u32::try_from(i64::from(from.last).checked_add(from.signed()?)?).ok()?;
        let end = start.checked_add(u32::unpack(from)?)?;
        from.last = start;
        Some(Span::new(from.file, start, end))
    }
}

impl Packed for ExprId {
    fn pack(&self, out: &mut Packer) {
        out.number(u64::from(self.0));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        let ix = from.number()?;
        (ix < from.n_exprs).then_some(Self(ix.try_into().ok()?))
    }
}

impl<T: Packed> Packed for Option<T> {
    fn pack(&self, out: &mut Packer) {
        self.is_some().pack(out);
        if let Some(value) = self {
            value.pack(out);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        if bool::unpack(from)? { T::unpack(from).map(Some) } else { Some(None) }
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn pack(&self, out: &mut Packer) {
        out.number(self.len() as u64);
        for one in self {
            one.pack(out);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        let length = from.length()?;
        from.within(|from| {
            let mut all = Self::with_capacity(length);
            for _ix in 0..length {
                all.push(T::unpack(from)?);
            }
            Some(all)
        })
    }
}

impl<T: Packed> Packed for Box<T> {
    fn pack(&self, out: &mut Packer) {
        self.as_ref().pack(out);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.within(|from| T::unpack(from).map(Self::new))
    }
}

/// Packs structs field by field.
macro_rules! packed_structs {
    ($($name:ident { $($field:ident),+ })+) => {$(
        impl Packed for $name {
            fn pack(&self, out: &mut Packer) {
                let Self { $($field),+ } = self;
                $($field.pack(out);)+
            }

            fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
                Some(Self { $($field: Packed::unpack(from)?),+ })
            }
        }
    )+};
}

/// Packs enums by the number of the variant, then its fields.
macro_rules! packed_enums {
    ($($name:ident { $($number:literal = $variant:ident $(($one:ident))? $({ $($field:ident),+ })?),+ })+) => {$(
        impl Packed for $name {
            fn pack(&self, out: &mut Packer) {
                match self {
                    $(Self::$variant $(($one))? $({ $($field),+ })? => {
                        out.bytes.push($number);
                        $($one.pack(out);)?
                        $($($field.pack(out);)+)?
                    })+
                }
            }

            fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
                Some(match from.byte()? {
                    $($number => {
                        $(let $one = Packed::unpack(from)?;)?
                        $($(let $field = Packed::unpack(from)?;)+)?
                        Self::$variant $(($one))? $({ $($field),+ })?
                    })+
                    _ => return None,
                })
            }
        }
    )+};
}

packed_structs! {
    Name { text, span, quoted }
    Body { entries, span }
    Field { doc, key, params, annotation, right, span }
    LetEntry { doc, name, params, annotation, value, span }
    TypeEntry { doc, name, ty, condition, span }
    IfEntry { condition, then, otherwise, span }
    ForEntry { binder, over, body, span }
    Binder { first, second }
    AssertEntry { condition, message, span }
    SpreadEntry { value, span }
    ListEntry { spread, value, clauses, guard, span }
    ForClause { binder, over, span }
    Arg { name, spread, value, span }
    Param { name, annotation, default, span }
    LetBinding { name, params, annotation, value, span }
    Type { kind, span }
    TypeField { name, optional, ty, span }
}

packed_enums! {
    Entry {
        0 = Field(entry), 1 = Let(entry), 2 = Type(entry), 3 = If(entry), 4 = For(entry),
        5 = Assert(entry), 6 = Spread(entry)
    }
    KeyPart { 0 = Name(name), 1 = Dynamic(value) }
    Right { 0 = Set(value), 1 = Add(value), 2 = Amend(body), 3 = Declared }
    Otherwise { 0 = Body(body), 1 = If(entry) }
    Part { 0 = Text(text), 1 = Interpolation { value, indent } }
    Expr {
        0 = Error, 1 = Hole, 2 = Null, 3 = Bool(value), 4 = Int(value), 5 = Text(parts),
        6 = Path(path), 7 = Name(name), 8 = List(items), 9 = Record(body),
        10 = Lambda { params, body }, 11 = Call { callee, args }, 12 = Index { base, index },
        13 = Select { base, name, optional }, 14 = Amend { base, body }, 15 = Mixin { kind, body },
        16 = Unary { op, operand }, 17 = Binary { op, op_span, left, right },
        18 = If { condition, then, otherwise }, 19 = Let { bindings, body }
    }
    UnaryOp { 0 = Negate, 1 = Not }
    BinaryOp {
        0 = Coalesce, 1 = Or, 2 = And, 3 = Equal, 4 = NotEqual, 5 = Less, 6 = LessEqual,
        7 = Greater, 8 = GreaterEqual, 9 = Concat, 10 = Add, 11 = Subtract, 12 = Multiply,
        13 = Divide
    }
    TypeKind {
        0 = Error, 1 = Name(names), 2 = List(of), 3 = Dict(of), 4 = Record(fields),
        5 = Union(types), 6 = Optional(of), 7 = TextLiteral(text), 8 = IntLiteral(number),
        9 = Null, 10 = Function { params, result }
    }
}
