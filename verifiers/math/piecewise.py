r"""Functions by cases: `\begin{cases} x & x \ge 0 \\ -x & \text{otherwise} \end{cases}`, read and compared.

A node `piecewise` holds a row of value and condition for every case. Conditions are compared as sets of numbers, and
those in words (`n \text{ is even}`) as words; the order of the cases does not count.
"""

from collections.abc import Callable

from verifiers.math.nodes import REALS, Node, Unreadable
from verifiers.math.parser import RATIO, Parser
from verifiers.math.regions import NoRegion, region_of, same_region
from verifiers.math.scalar import Outcome

DIFFERENT = Outcome(False, "structure")
INTRODUCTIONS = {"if", "for", "when", "where", "as"}
ELSE = {"otherwise", "else", "elsewhere"}
FILLERS = {"is", "are", "and", *INTRODUCTIONS}


def has_conditions(parser: Parser) -> bool:
    """Is the environment one of cases with a second column? The parser stands behind its name."""
    return any(token.text == "&" or token.text in INTRODUCTIONS for token in parser.tokens[parser.at : _end(parser)])


def piecewise(parser: Parser) -> Node:
    """The rows up to the end of the environment."""
    rows = []
    while not parser.sees("end"):
        value = parser.expression(RATIO)
        while parser.skip("&", ","):
            pass
        rows.append(Node("row", (value, condition(parser))))
        if not parser.skip("\\\\") and not parser.sees("end"):
            raise Unreadable("piecewise function")
    return Node("piecewise", tuple(rows))


def condition(parser: Parser) -> Node:
    """A relation, several of them, or words."""
    while parser.peek.text in INTRODUCTIONS:
        parser.next()
    start, stop = parser.at, _end(parser, "\\\\")
    words = [token.text.lower().strip(" .,") for token in parser.tokens[start:stop]]
    if any(token.kind in ("text", "word") for token in parser.tokens[start:stop]):
        parser.at = stop
        said = " ".join(word for phrase in words for word in phrase.split() if word not in FILLERS)
        return Node("text", name="else" if said in ELSE else said)
    parts, joined = [parser.relation()], "and"
    while parser.sees("and", "or", ","):
        joined = "or" if parser.next().text == "or" else joined
        if parser.at < stop:
            parts.append(parser.relation())
    return parts[0] if len(parts) == 1 else Node("list", tuple(parts), joined)


def _end(parser: Parser, *marks: str) -> int:
    """Where the environment, or its row, ends."""
    places = (at for at, token in enumerate(parser.tokens[parser.at :], parser.at) if token.text in ("end", *marks))
    return next(places, len(parser.tokens) - 1)


def same_pieces(gold: Node, answer: Node, same: Callable[[Node, Node], Outcome]) -> Outcome:
    """The same values under the same conditions."""
    if len(gold.args) != len(answer.args):
        return DIFFERENT
    rest, equal = list(cases(answer)), Outcome(True, "structure")
    for where, value in cases(gold):
        place = next((at for at, (other, _) in enumerate(rest) if same_condition(where, other)), None)
        if place is None:
            return DIFFERENT
        outcome = same(value, rest.pop(place)[1])
        if outcome.equal is False:
            return outcome
        equal = outcome if outcome.equal is None else equal
    return equal


def cases(node: Node) -> list[tuple[Node, Node]]:
    """Condition and value of every row; `otherwise` is what the other conditions leave."""
    given = tuple(row.args[1] for row in node.args if row.args[1].name != "else")
    left = Node("minus", (REALS, Node("union", given)))
    return [(left if row.args[1].name == "else" else row.args[1], row.args[0]) for row in node.args]


def same_condition(left: Node, right: Node) -> bool:
    if left == right:
        return True
    try:
        return same_region(region_of(left), region_of(right)).equal is True
    except NoRegion:
        return False
