r"""Tokens of LaTeX and plain mathematics in one pass.

Here it is decided what a run of characters is: `12,345` one number or two, `sinx` a function, `12 apples` a word.
Spacing and sizing commands vanish. A token list that grows over the limit is refused.
"""

import re
from typing import NamedTuple

from verifiers.math.nodes import Unreadable
from verifiers.math.vocabulary import FUNCTIONS, NOT_PLAIN, PLAIN_COMMANDS, SHORT_UNITS, SHORT_WORDS, SIGNS, SPELLINGS

MAX_TOKENS = 1000
MAX_DIGITS = 3000
"""Of one number literal: above it Python refuses the conversion (CVE-2020-10735) and no answer needs it."""


class Token(NamedTuple):
    kind: str
    """`num letter word text cmd op end`."""
    text: str
    spaced: bool = False
    """White space stands before it."""


END = Token("end", "")

_SPACE = re.compile(
    r"(?:\s|~|\\[,;:!> ]|\$|\\(?:quad|qquad|displaystyle|textstyle|scriptstyle|limits|nolimits|hfill|hspace\{[^{}]*\}"
    r"|mathstrut|strut|allowbreak|nobreak|hline|(?:left|right)\s*\.|left|right|middle|[bB]igg?[lrm]?|rm|bf|it"
    r"|thinspace|medspace|enspace|negthinspace)(?![A-Za-z]))+"
)
_SEPARATED = re.compile(
    r"[1-9]\d{0,2}(?:(?:,\s?\\!\s?|\s?\{\s?,\s?\}\s?|\\[,!;: ]\s?)\d{3})+(?!\d)(?:\.\d+)?", re.ASCII
)
_COMMAS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)(?:\.\d+)?", re.ASCII)
_NUMBER = re.compile(r"(?:\d*\.\d*\(\d+\)(?![\d(])|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+(?![\d.]))?)", re.ASCII)
_TEXT = re.compile(
    r"\\(text|textbf|textit|textrm|textsf|texttt|textnormal|mbox|hbox|emph|mathrm|mathbf|mathit|mathsf|mathtt|mathcal"
    r"|mathscr|operatorname|boldsymbol|bm)(?![A-Za-z])\s*\*?\s*(?:\{([^{}]*)\}|([A-Za-z0-9]))"
)
_FONT = re.compile(
    r"\\(?:text[a-z]*|mbox|hbox|emph|math(?:rm|bf|it|sf|tt|cal|scr)|operatorname\*?|boldsymbol|bm|phantom)(?=\s*\{)"
)
_OPERATOR = re.compile(r"\\\\|\\[{}%#&|$_]|<=|>=|!=|==|=<|:=|\*\*|->|=>|\.\.\.|!!|[^A-Za-z\s]")
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?")
_LETTERS = re.compile(r"[A-Za-z]+")
_TIMES = re.compile(r"\s*10\s*(?:\^|\*\*)|\s+\d")
"""Behind the `x` of `4.5 x 10^3`."""
_JOINT = re.compile(r"(or|and)([A-Z]|[xyzabnm])")
_GLUED = re.compile(r"(arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|sqrt|pi)([A-Za-z]?)")
_INLINE = re.compile(r"\s*\(?\s*[-+]?[\d.,/]+\s*(?:%|\\%)?\s*\)?|[^A-Za-z]*", re.ASCII)
_SERIES = re.compile(r"\s*[-+]?\d[\d.]*(?:(?:\s*,|\s+and|\s+or|\s*,\s*and|\s*,\s*or)\s+[-+]?\d[\d.]*)+\s*", re.ASCII)
"""What `\\text{2 and 3}` holds."""
_APPLIED = re.compile(r"\s*(?:\\left\s*)?\(")
_ALSO_WORDS = {"min", "max", "sec", "deg"}
_ARGUMENT = re.compile(r"\s*(?:\\[,;:! ]\s*)*(?:[({\d]|\\(?!text))")
"""What follows `\\text{cis}`."""
_AMOUNT = re.compile(r"\s*[-+]?\$?\d[\d.,/]*\s+[A-Za-z][A-Za-z ]*", re.ASCII)


def tokenize(text: str) -> list[Token]:
    """The tokens of a cleaned answer, closed by `END`. Raises Unreadable over the limits."""
    lexer = _Lexer(text)
    lexer.run()
    lexer.tokens.append(END)
    return lexer.tokens


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.spaced = False
        self.tokens: list[Token] = []

    def run(self) -> None:
        text, size = self.text, len(self.text)
        while self.at < size:
            space = _SPACE.match(text, self.at)
            if space:
                self.at = space.end()
                self.spaced = True
                continue
            if len(self.tokens) > MAX_TOKENS:
                raise Unreadable("too many tokens")
            self.step(text[self.at])

    def step(self, char: str) -> None:
        if char.isdigit() or (char == "." and self.text[self.at + 1 : self.at + 2].isdigit()):
            self.number()
        elif char.isalpha() and char.isascii():
            self.letters()
        elif char == "\\" and _COMMAND.match(self.text, self.at):
            self.command()
        else:
            self.operator()

    def emit(self, kind: str, text: str) -> None:
        self.tokens.append(Token(kind, text, self.spaced))
        self.spaced = False

    def number(self) -> None:
        match = _SEPARATED.match(self.text, self.at)
        if match is None and self.depth == 0:
            match = _COMMAS.match(self.text, self.at)
        if match is not None:
            literal = re.sub(r"[^\d.]", "", match[0])
        else:
            match = _NUMBER.match(self.text, self.at)
            if match is None:  # a digit of another script that has no mapping
                raise Unreadable("unknown digit")
            literal = match[0]
        if len(literal) > MAX_DIGITS:
            raise Unreadable("number too long")
        self.at = match.end()
        if literal.endswith(".") and self.text.startswith("..", self.at):
            literal, self.at = literal[:-1], self.at - 1
        self.emit("num", literal)

    def letters(self) -> None:
        match = _LETTERS.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        self.run_of_letters(match[0])

    def run_of_letters(self, run: str) -> None:
        name = SPELLINGS.get(run, run) if run not in NOT_PLAIN else run
        glued = _GLUED.fullmatch(run)
        if run == "x" and self.tokens and self.tokens[-1].kind == "num" and _TIMES.match(self.text, self.at):
            self.emit("op", "*")
        elif run in ("and", "or"):
            self.emit("op", run)
        elif (joint := _JOINT.fullmatch(run)) and self.tokens and self.tokens[-1].kind == "num":  # `W(x)=1orW(x)=2`
            self.emit("op", joint[1])
            self.run_of_letters(joint[2])
        elif (name in PLAIN_COMMANDS or name in ("circ", "%")) and len(run) > 1 and run not in NOT_PLAIN:
            self.command_name(name)
        elif glued:
            self.command_name(glued[1])
            self.emit("letter", glued[2])
        elif len(run) > 2 or run in SHORT_WORDS:
            self.emit("word", run)
        else:
            for letter in run:
                self.emit("letter", letter)

    def command(self) -> None:
        text = _TEXT.match(self.text, self.at)
        if text:
            self.at = text.end()
            self.text_token(text[1], text[2] if text[2] is not None else text[3])
            return
        font = _FONT.match(self.text, self.at)
        if font:  # a font around nested groups says nothing of the value
            self.at = font.end()
            return
        match = _COMMAND.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        self.command_name(SPELLINGS.get(match[1], match[1]))

    def command_name(self, name: str) -> None:
        name = SIGNS.get(name, name)
        if name in ("(", "[", "\\{"):
            self.depth += 1
        kind = "op" if not name.isalpha() or name in ("and", "or") else "letter" if len(name) == 1 else "cmd"
        self.emit(kind, name)

    def text_token(self, command: str, content: str) -> None:
        word = content.strip()
        math_font = not command.startswith(("text", "mbox", "hbox", "emph"))
        inline = bool(_INLINE.fullmatch(content) or _AMOUNT.fullmatch(content) or _SERIES.fullmatch(content))
        argument = _APPLIED if word in _ALSO_WORDS else _ARGUMENT
        applied = word in FUNCTIONS and bool(argument.match(self.text, self.at))
        letters = math_font and len(word) < 3 and word not in SHORT_WORDS and word not in SHORT_UNITS
        if word.strip(", ") in ("and", "or"):
            self.emit("op", word.strip(" ,"))
        elif inline or letters or applied or (math_font and word in FUNCTIONS):
            inner = _Lexer(content)
            inner.run()
            self.tokens.extend(inner.tokens)
        else:
            self.emit("text", word)

    def operator(self) -> None:
        match = _OPERATOR.match(self.text, self.at)
        if match is None:
            raise Unreadable(f"unknown character {self.text[self.at]!r}")
        self.at = match.end()
        mark = SIGNS.get(match[0], match[0])
        if mark in ("(", "[", "\\{"):
            self.depth += 1
        elif mark in (")", "]", "\\}"):
            self.depth = max(0, self.depth - 1)
        if mark == "...":
            self.emit("cmd", "ldots")
        elif mark == "\\$":
            self.emit("op", "$")
        else:
            self.emit("cmd" if mark.isalpha() else "op", {"\\%": "%", "\\|": "|", "\\_": "_"}.get(mark, mark))
