//! Regular expressions that mean the same for Go, which cel-go and Kubernetes use, and for Rust. What would mean
//! something else is rewritten where that is plain, else refused.

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{
    Assertion, AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem, ClassUnicode,
    ClassUnicodeKind, Flag, FlagsItemKind, GroupKind, HexLiteralKind, Literal, LiteralKind, Repetition,
    RepetitionKind, RepetitionRange, Span,
};

/// How much memory a compiled expression may take, in bytes; `\pL{300}` takes more.
const MAX_COMPILED: usize = 256 << 10;

/// How often something may be repeated, also in each other: Go's bound.
const MAX_REPEATS: u32 = 1_000;

/// How deep groups may stand in each other.
const MAX_GROUPS: u32 = 32;

/// Reads one, or says in a sentence why not.
pub(super) fn read(pattern: &str) -> Result<Regex, String> {
    let parsed = ParserBuilder::new().nest_limit(MAX_GROUPS).build().parse(pattern);
    let parsed =
        parsed.map_err(|error| format!("The regular expression isn't understood: {}.", error.kind()))?;
    let mut reading = Reading { pattern, edits: Vec::new() };
    reading.look(&parsed, 1).map_err(|what| {
        format!("The regular expression has {what}, which doesn't mean the same everywhere.")
    })?;
    let compiled =
        RegexBuilder::new(&reading.rewritten()).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
    compiled.or(Err("The regular expression is too large.".to_owned()))
}

struct Reading<'p> {
    pattern: &'p str,
    /// What is replaced, in the order of the pattern.
    edits: Vec<(Span, &'static str)>,
}

type Looked = Result<(), &'static str>;

impl Reading<'_> {
    /// `repeats` is how often it is repeated by what stands around it.
    fn look(&mut self, ast: &Ast, repeats: u32) -> Looked {
        match ast {
            Ast::Empty(_) | Ast::Dot(_) => Ok(()),
            Ast::Flags(set) => flags(&set.flags.items),
            Ast::Literal(literal) => self::literal(literal),
            Ast::Assertion(assertion) => self.assertion(assertion),
            Ast::ClassUnicode(class) => unicode(class),
            Ast::ClassPerl(class) => {
                self.perl(class);
                Ok(())
            }
            Ast::ClassBracketed(class) => self.set(&class.kind),
            Ast::Repetition(repetition) => self.repetition(repetition, repeats),
            Ast::Group(group) => {
                if let GroupKind::NonCapturing(set) = &group.kind {
                    flags(&set.items)?;
                }
                self.look(&group.ast, repeats)
            }
            Ast::Alternation(parts) => parts.asts.iter().try_for_each(|part| self.look(part, repeats)),
            Ast::Concat(parts) => parts.asts.iter().try_for_each(|part| self.look(part, repeats)),
        }
    }

    fn assertion(&mut self, assertion: &Assertion) -> Looked {
        match assertion.kind {
            AssertionKind::StartLine
            | AssertionKind::EndLine
            | AssertionKind::StartText
            | AssertionKind::EndText => Ok(()),
            AssertionKind::WordBoundary => {
                self.edits.push((assertion.span, r"(?-u:\b)"));
                Ok(())
            }
            _ => Err(r"a word boundary other than `\b`"),
        }
    }

    /// Go knows ASCII only, and no vertical tab among spaces.
    fn perl(&mut self, class: &ClassPerl) {
        let text = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            (ClassPerlKind::Space, false) => r"[\t\n\f\r ]",
            (ClassPerlKind::Space, true) => r"[^\t\n\f\r ]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.edits.push((class.span, text));
    }

    fn set(&mut self, set: &ClassSet) -> Looked {
        match set {
            ClassSet::BinaryOp(_) => Err("`&&`, `--` or `~~` in brackets"),
            ClassSet::Item(item) => self.item(item),
        }
    }

    fn item(&mut self, item: &ClassSetItem) -> Looked {
        match item {
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) => Ok(()),
            ClassSetItem::Literal(literal) => self::literal(literal),
            ClassSetItem::Range(range) => {
                self::literal(&range.start)?;
                self::literal(&range.end)
            }
            ClassSetItem::Unicode(class) => unicode(class),
            ClassSetItem::Perl(class) => {
                self.perl(class);
                Ok(())
            }
            ClassSetItem::Bracketed(_) => Err("brackets in brackets"),
            ClassSetItem::Union(union) => union.items.iter().try_for_each(|item| self.item(item)),
        }
    }

    fn repetition(&mut self, repetition: &Repetition, repeats: u32) -> Looked {
        let most = match &repetition.op.kind {
            RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
            RepetitionKind::Range(RepetitionRange::Exactly(most) | RepetitionRange::AtLeast(most)) => *most,
            RepetitionKind::Range(RepetitionRange::Bounded(_, most)) => *most,
        };
        let span = &repetition.op.span;
        let text = self.pattern.get(span.start.offset..span.end.offset).unwrap_or_default();
        if text.starts_with("{,") || text.contains(' ') {
            return Err("a repetition without its lower bound");
        }
        if matches!(*repetition.ast, Ast::Repetition(_) | Ast::Assertion(_) | Ast::Empty(_) | Ast::Flags(_)) {
            return Err("a repetition of nothing or of a repetition");
        }
        let repeats = repeats.saturating_mul(most.max(1));
        if repeats > MAX_REPEATS {
            return Err("more than 1000 repetitions");
        }
        self.look(&repetition.ast, repeats)
    }

    fn rewritten(&self) -> String {
        let mut text = String::new();
        let mut done = 0;
        for (span, replacement) in &self.edits {
            text += self.pattern.get(done..span.start.offset).unwrap_or_default();
            text += replacement;
            done = span.end.offset;
        }
        text + self.pattern.get(done..).unwrap_or_default()
    }
}

fn flags(items: &[regex_syntax::ast::FlagsItem]) -> Looked {
    let known = |kind: &FlagsItemKind| match kind {
        FlagsItemKind::Negation => true,
        FlagsItemKind::Flag(flag) => matches!(
            flag,
            Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed
        ),
    };
    if items.iter().all(|item| known(&item.kind)) { Ok(()) } else { Err("a flag other than i, m, s and U") }
}

fn literal(literal: &Literal) -> Looked {
    let is_hex = |kind: &HexLiteralKind| matches!(kind, HexLiteralKind::X);
    match &literal.kind {
        LiteralKind::HexFixed(kind) | LiteralKind::HexBrace(kind) if !is_hex(kind) => Err(r"`\u` or `\U`"),
        LiteralKind::Octal => Err("an octal escape"),
        _ => Ok(()),
    }
}

/// General categories by their letters.
fn unicode(class: &ClassUnicode) -> Looked {
    match &class.kind {
        ClassUnicodeKind::OneLetter(_) => Ok(()),
        ClassUnicodeKind::Named(name) if name.len() <= 2 => Ok(()),
        _ => Err("a Unicode class that isn't a category as `Lu`"),
    }
}
