"""The names of LaTeX and plain mathematics: functions, Greek letters, spellings of one sign, short units."""


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = names(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech csch arcsinh arccosh "
    "arctanh cis ln log lg exp gcd lcm max min det deg sgn Re Im arg floor ceil abs conj"
)
SPELLINGS = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "acot": "arccot", "arsinh": "arcsinh", "arcosh": "arccosh",
    "artanh": "arctanh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "tg": "tan", "ctg": "cot",
    "cosec": "csc", "ceiling": "ceil", "sign": "sgn", "infinity": "infty", "inf": "infty", "Infinity": "infty",
    "oo": "infty", "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "nicefrac": "frac", "sfrac": "frac",
    "flatfrac": "frac", "xfrac": "frac", "dbinom": "binom", "tbinom": "binom",
    "leq": "le", "leqslant": "le", "geq": "ge", "geqslant": "ge", "lt": "<", "gt": ">", "neq": "ne", "cdot": "*",
    "times": "*", "ast": "*", "bullet": "*", "div": "/", "lbrace": "\\{", "rbrace": "\\}", "lbrack": "[",
    "rbrack": "]", "lparen": "(", "rparen": ")", "vert": "|", "lvert": "|", "rvert": "|", "varnothing": "emptyset",
    "land": "and", "wedge": "and", "lor": "or", "vee": "or", "dots": "ldots", "cdots": "ldots", "dotsc": "ldots",
    "varphi": "phi", "vartheta": "theta", "varepsilon": "epsilon", "imath": "i", "jmath": "j", "backslash": "setminus",
    "bmod": "mod", "colon": ":", "degree": "circ", "degrees": "circ", "cong": "equiv", "simeq": "approx",
    "sim": "approx", "doteq": "approx", "rightarrow": "to", "longrightarrow": "to", "percent": "%",
    "widehat": "hat", "overrightarrow": "vec", "prime": "'", "lnot": "neg", "top": "T", "intercal": "T",
}  # fmt: skip
GREEK_NAMES = names(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
SIGNS = {
    "le": "<=",
    "ge": ">=",
    "ne": "!=",
    "==": "=",
    ":=": "=",
    "=<": "<=",
    "=>": "Rightarrow",
    "->": "to",
    "**": "^",
}
PLAIN_COMMANDS = FUNCTIONS | GREEK_NAMES | {"sqrt", "infty", "mod", "cup", "cap", "binom", "emptyset"}
"""Names that are commands without a backslash too."""
NOT_PLAIN = names("deg arg Re Im det percent oo degree")
"""Names that only a backslash makes a command."""
SHORT_WORDS = names("cm mm km kg mg ml mL ft hr oz lb yd mi am pm AM PM Hz is in")
"""Two letters that read as a word after a number; before one they are a product."""
SHORT_UNITS = names("m s g h L N J W")
"""Upright single letters that are units."""
