r"""A Pratt parser for answers: LaTeX and plain text to a `Node`, with limits on length and depth.

It reads what answers are made of: numbers, expressions, relations, lists, sets, intervals, matrices, units. What it
cannot read raises `Unreadable`; it guesses nothing and evaluates nothing.
"""

from collections.abc import Callable
from fractions import Fraction

from verifiers.math.decimals import continued, repeating
from verifiers.math.lexer import END, Token
from verifiers.math.nodes import EMPTY, PI, E, I, Node, Unreadable, add, div, func, is_amount, mul, neg, num, power, sym
from verifiers.math.vocabulary import FUNCTIONS, SHORT_UNITS

MAX_DEPTH = 48

RELATIONS = {"=", "<", ">", "<=", ">=", "!=", "approx", "in", "notin", "equiv", "propto", "to"}
SHAPES = {"angle", "triangle", "perp", "parallel", "ell", "hbar", "square", "star", "nabla", "partial", "measuredangle"}

# How tightly an operator binds its left side.
OVER, UNIT, SETS, RATIO, SUM, PRODUCT, POWER, POSTFIX = 1, 2, 3, 4, 10, 20, 40, 50
BINDING = {
    "over": OVER, "choose": OVER, "pmod": UNIT, "mod": UNIT, "cup": SETS, "cap": SETS, "setminus": SETS, ":": RATIO,
    "+": SUM, "-": SUM, "pm": SUM, "mp": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "^": POWER, "!": POSTFIX,
    "!!": POSTFIX, "_": POSTFIX, "'": POSTFIX, "circ": POSTFIX, "$": UNIT,
}  # fmt: skip


PREFIX: dict[str, Callable[["Parser"], Node]] = {}
INFIX: dict[str, Callable[["Parser", Node], Node]] = {}
"""What each sign and command means; `notation` fills both tables."""


class Parser:
    """One pass over the tokens. Methods are named after what they read; each leaves `at` behind it."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.in_set = False

    @property
    def peek(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.tokens[self.at]
        if token is not END:
            self.at += 1
        return token

    def sees(self, *texts: str) -> bool:
        token = self.tokens[self.at]
        return token.kind in ("op", "cmd") and token.text in texts

    def skip(self, *texts: str) -> bool:
        if self.sees(*texts):
            self.at += 1
            return True
        return False

    def expect(self, *texts: str) -> str:
        if not self.sees(*texts):
            raise Unreadable(f"expected {texts[0]!r}, found {self.peek.text!r}")
        return self.next().text

    # Lists and relations

    def items(self) -> Node:
        """Items between commas, semicolons, `and`, `or`. The node's name tells whether an `or` was among them."""
        found, joined = [self.relation()], ""
        while self.sees(",", ";", "and", "or", "\\\\"):
            while self.sees(",", ";", "and", "or", "\\\\"):
                word = self.next().text
                joined = "or" if "or" in (word, joined) else word if word == "and" else joined or ","
            if self.peek.kind == "end":
                break
            found.append(self.relation())
        return found[0] if len(found) == 1 else Node("list", tuple(found), joined)

    def relation(self) -> Node:
        sides, operators = [self.expression()], []
        while True:
            if self.sees("not"):
                self.next()
                self.expect("=")
                operators.append("!=")
            elif self.sees(*RELATIONS):
                operators.append(self.next().text)
            elif self.peek.kind == "word" and self.peek.text == "in" and self.peek.spaced and not self.in_set:
                self.next()
                operators.append("in")
            else:
                break
            sides.append(self.expression())
        return Node("rel", tuple(sides), " ".join(operators)) if operators else sides[0]

    # The Pratt loop

    def expression(self, floor: int = 0) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deeply")
        node = self.prefix(floor)
        while True:
            grown = self.infix(node, floor)
            if grown is None:
                self.depth -= 1
                return node
            node = grown

    def infix(self, left: Node, floor: int) -> Node | None:
        """`left` with the operator that follows it, or None when that operator binds less than `floor`."""
        token = self.peek
        if token.kind in ("op", "cmd") and token.text in BINDING:
            binding = BINDING[token.text]
            if binding < floor or (token.text == ":" and self.in_set):
                return None
            self.next()
            return INFIX[token.text](self, left)
        if token.kind == "word" and left.kind == "sym" and left.name in SHAPES:  # \angle ABC
            return mul(left, *map(self.letter, self.next().text))
        if token.kind in ("text", "word") and token.text not in ("i", "e"):
            return INFIX["unit"](self, left) if floor <= UNIT else None
        if token.text == "(" and self.tokens[self.at + 1].text in ("mod", "pmod"):
            return self.bracketed_modulus(left) if floor <= UNIT else None
        if token == Token("letter", "U", token.spaced) and left.kind in ("tuple", "union"):
            self.next()
            return INFIX["cup"](self, left)
        if (floor <= UNIT or floor == PRODUCT) and is_amount(left) and self.sees_short_unit():
            return INFIX["unit"](self, left) if floor <= UNIT else None  # behind a sign, the unit of the whole
        if floor <= PRODUCT and self.starts_factor():
            if left.kind == "text":
                raise Unreadable("words before mathematics")
            factor = self.expression(PRODUCT + 1)
            return mul(*left.args, factor) if left.kind == "mul" else mul(left, factor)
        return None

    def sees_short_unit(self) -> bool:
        """The `m` of `5 m`, `5 m^2` and `5 m s^{-1}` at the end of an answer."""
        token = self.peek
        if token.kind != "letter" or not token.spaced or token.text not in SHORT_UNITS:
            return False
        following = self.tokens[self.at + 1]
        return following.text in ("", "^", "/") or (following.text == "s" and self.tokens[self.at + 2].text == "^")

    def starts_factor(self) -> bool:
        """A factor may follow without a sign. A number may not: `2 6` is not 26 and not 12."""
        token = self.peek
        if token.kind == "letter" or (token.kind == "text" and token.text in ("i", "e")):
            return True
        if token.kind == "num":
            return self.tokens[self.at - 1].text in ("!", "!!", ")", "}", "|")
        if token.text == "mid":
            return False
        if token.text == "[" and self.ends_interval():
            return False
        if token.kind == "op":
            return token.text in ("(", "[", "{", "\\{") or (token.text == "|" and not self.bars and not self.in_set)
        return token.kind == "cmd" and (token.text in PREFIX or token.text in FUNCTIONS or token.text in SHAPES)

    def prefix(self, floor: int) -> Node:
        token = self.next()
        if token.kind == "num":
            return self.number(token.text, mixed=floor < POWER)
        if token.kind == "letter":
            return self.letter(token.text)
        if token.kind == "text":
            return self.letter(token.text) if len(token.text) == 1 else Node("text", name=token.text)
        if token.kind == "word":
            return self.word(token.text)
        if token.text in PREFIX:
            return PREFIX[token.text](self)
        if token.text in FUNCTIONS:
            return self.function(token.text)
        if token.text in SHAPES:
            return sym(token.text)
        raise Unreadable(f"unexpected {token.text!r}")

    def letter(self, text: str) -> Node:
        return {"i": I, "e": E}.get(text) or sym(text)

    def word(self, text: str) -> Node:
        """Letters at the head of an expression are a product (`abc + 1`); whole answers of words never come here."""
        if len(text) > 3:
            return Node("text", name=text)
        letters = [self.letter(letter) for letter in text]
        return letters[0] if len(letters) == 1 else mul(*letters)

    # Numbers

    def number(self, literal: str, *, mixed: bool = True) -> Node:
        if "(" in literal:  # 0.1(6)
            head, _, block = literal.rstrip(")").partition("(")
            return num(repeating(head, block))
        if "." in literal and self.sees("overline", "bar", "dot"):
            return num(repeating(literal, self.period()))
        if "." in literal and self.skip("ldots"):
            return num(continued(literal))
        mantissa, _, exponent = literal.lower().partition("e")
        value = num(Fraction(mantissa.removesuffix(".")), literal)
        if exponent:  # a power stays a power: 1e999999999 is not written out
            return mul(value, power(num(10), num(int(exponent))))
        return (mixed and literal.isdigit() and self.mixed(value)) or value

    def period(self) -> str:
        r"""`\overline{36}`, or dots over the first and the last digit: `\dot{1}4\dot{2}`."""
        dotted = self.next().text == "dot"
        digits = self.raw_group()
        start = self.at
        middle = self.next().text if dotted and self.peek.kind == "num" and not self.peek.spaced else ""
        if dotted and self.skip("dot"):
            return digits + middle + self.raw_group()
        self.at = start
        return digits

    def mixed(self, whole: Node) -> Node | None:
        r"""`1\frac{2}{3}` and `1 2/3`: a proper fraction right behind an integer is added to it, not multiplied."""
        start = self.at
        if self.sees("frac"):
            self.next()
            fraction = div(self.group(), self.group())
        elif self.peek.kind == "num" and self.peek.spaced and self.tokens[self.at + 1].text == "/":
            top = self.number(self.next().text, mixed=False)
            self.next()
            if self.peek.kind != "num":
                raise Unreadable("two numbers side by side")
            fraction = div(top, self.number(self.next().text, mixed=False))
        else:
            return None
        top, bottom = fraction.args
        literal = top.name.isdigit() and bottom.name.isdigit()
        if literal and top.value < bottom.value:
            return add(whole, fraction)
        if self.tokens[start].kind == "num":
            raise Unreadable("two numbers side by side")
        self.at = start
        return None

    # Groups

    def group(self) -> Node:
        """One argument of a command: `{...}`, or a single token as in TeX (`\\frac12` has the arguments 1 and 2)."""
        if self.skip("{"):
            node = self.items()
            self.expect("}")
            return node
        token = self.peek
        if token.kind == "num" and len(token.text) > 1 and token.text.isdigit():
            self.tokens[self.at] = Token("num", token.text[1:])
            return num(int(token.text[0]), token.text[0])
        return self.expression(POSTFIX + 1)

    def root_body(self) -> Node:
        r"""What `\sqrt` covers: `\sqrt12` is meant as the root of 12, whatever TeX would print."""
        if self.peek.kind == "num":
            return self.number(self.next().text, mixed=False)
        return self.group()

    def raw_group(self) -> str:
        """The text of a group, unparsed: a subscript or the digits below a bar."""
        if not self.skip("{"):
            return self.next().text
        parts, nested = [], 0
        while nested or not self.sees("}"):
            token = self.next()
            if token is END:
                raise Unreadable("open group")
            nested += {"{": 1, "}": -1}.get(token.text, 0)
            parts.append(token.text)
        self.next()
        return " ".join(part for part in parts if part not in "{}").strip()

    def bracket(self, opening: str) -> Node:
        node = self.items()
        if node.kind == "list" and len(node.args) == 2 and self.peek.text == "[" and self.ends_interval():
            self.next()  # `[3, 7[`
            return Node("tuple", node.args, opening + ")")
        closing = self.expect(")", "]")
        if node.kind == "list":
            return Node("tuple", node.args, opening + closing)
        return node

    def ends_interval(self) -> bool:
        """Nothing that a bracket could open follows."""
        following = self.tokens[self.at + 1]
        return following.kind == "end" or following.text in ("cup", "cap", "setminus", ",", "}", "\\}")

    def bar(self) -> Node:
        self.bars += 1
        node = self.expression()
        self.bars -= 1
        self.expect("|", "mid")
        return func("abs", node)

    def braces(self) -> Node:
        r"""`\{1, 2\}`, or `\{x \mid x > 2\}`."""
        if self.skip("\\}", "}"):
            return EMPTY
        outer, self.in_set, bars, self.bars = self.in_set, True, self.bars, 0
        node = self.items()
        if self.skip("|", ":", "mid"):
            node = Node("builder", (node, self.items()))
        elif node.kind == "list":
            node = Node("set", node.args)
        else:
            node = Node("set", (node,))
        self.expect("\\}", "}")
        self.in_set, self.bars = outer, bars
        return node

    def brace_group(self) -> Node:
        """`{...}` groups, but `{1, 2}` typed without backslashes is a set."""
        if self.skip("}"):
            return self.expression(PRODUCT + 1)
        node = self.items()
        self.expect("}")
        return Node("set", node.args) if node.kind == "list" else node

    # Functions

    def function(self, name: str) -> Node:
        base, exponent = None, None
        while self.sees("_", "^"):
            if self.next().text == "_":
                base = self.root_body()
            else:
                exponent = self.exponent()
        if exponent == neg(num(1, "1")) and name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"):
            name, exponent = "arc" + name, None
        argument = self.argument()
        many = argument.args if argument.kind in ("list", "tuple") else (argument,)
        if len(many) > 1 and name not in ("max", "min", "gcd", "lcm"):
            raise Unreadable("too many arguments")
        if name == "log" and base is not None:
            node = div(func("ln", argument), func("ln", base))
        elif name == "exp":
            node = power(E, argument)
        elif name == "cis":
            node = add(func("cos", argument), mul(I, func("sin", argument)))
        else:
            node = func({"lg": "log10"}.get(name, name), *many)
        return node if exponent is None else power(node, exponent)

    def argument(self) -> Node:
        r"""`(x)`, `{x}`, or the factors up to the next sign: `\sin 2x`, `\ln x^2`, `\cos 2\pi/3`."""
        if self.skip("("):
            return self.bracket("(")
        if self.skip("{"):
            node = self.items()
            self.expect("}")
            return node
        node = self.expression(PRODUCT + 1)
        while self.starts_factor() and not self.sees("(", "[", *FUNCTIONS):
            node = mul(node, self.expression(PRODUCT + 1))
        if PI in (node, *node.args) and self.sees("/") and self.tokens[self.at + 1].kind == "num":
            self.next()
            node = div(node, self.expression(PRODUCT + 1))
        return node

    def exponent(self) -> Node:
        if self.skip("{"):
            node = self.items()
            self.expect("}")
            return node
        if self.skip("-"):
            return neg(self.expression(POWER))
        if self.skip("+"):
            return self.expression(POWER)
        return self.expression(POWER)

    # What stands behind an expression

    def bracketed_modulus(self, left: Node) -> Node:
        self.expect("(")
        self.next()
        modulus = self.expression()
        self.expect(")")
        return Node("mod", (left, modulus))
