"""From the text of an answer to ASCII LaTeX or plain math: Unicode mapped, wrappers and closing marks taken off.

It changes notation only. What the text means, and whether it is well formed, is for the lexer and the parser.
"""

import re
import unicodedata

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣ", "0123456789+-=()nix", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙᵢₓ", "0123456789+-=()nix", strict=True))
_SUPER = re.compile(f"[{''.join(SUPERSCRIPTS)}]+")
_SUB = re.compile(f"[{''.join(SUBSCRIPTS)}]+")
_BARRED = re.compile("((?:[0-9][\u0304\u0305])+)")
_DOTTED = re.compile("([0-9])\u0307(?:([0-9]*)([0-9])\u0307)?")
_CURRENCY = re.compile(r"([€£])\s?([0-9][0-9.,]*)|([€£])")
_VULGAR = re.compile("[¼-¾⅐-⅞↉]")

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "﹣": "-", "×": "\\times ", "·": "\\cdot ",
    "⋅": "\\cdot ", "∙": "\\cdot ", "•": "\\cdot ", "∗": "*", "÷": "\\div ", "∕": "/", "⁄": "/", "∞": "\\infty ",
    "≤": "\\le ", "≥": "\\ge ", "⩽": "\\le ", "⩾": "\\ge ", "≦": "\\le ", "≧": "\\ge ", "≠": "\\ne ",
    "≈": "\\approx ", "≃": "\\approx ", "≅": "\\cong ", "≡": "\\equiv ", "∪": "\\cup ", "∩": "\\cap ",
    "∖": "\\setminus ", "∅": "\\emptyset ", "⌀": "\\emptyset ", "Ø": "\\emptyset ", "√": "\\sqrt ",
    "∛": "\\sqrt[3] ", "∜": "\\sqrt[4] ", "°": "^\\circ ", "º": "^\\circ ", "˚": "^\\circ ", "∈": "\\in ",
    "∉": "\\notin ", "±": "\\pm ", "∓": "\\mp ", "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℚ": "\\mathbb{Q}",
    "ℕ": "\\mathbb{N}", "ℂ": "\\mathbb{C}", "∑": "\\sum ", "∏": "\\prod ", "∫": "\\int ", "⌊": "\\lfloor ",
    "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "⟨": "\\langle ", "⟩": "\\rangle ", "〈": "\\langle ",
    "〉": "\\rangle ", "∣": "|", "∥": "\\Vert ", "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"', "→": "\\to ",
    "⇒": "\\Rightarrow ", "∴": "\\therefore ", "∠": "\\angle ", "△": "\\triangle ", "⊥": "\\perp ",
    "∧": "\\land ", "∨": "\\lor ", "…": "\\ldots ",
    "⋯": "\\ldots ", "∶": ":", "，": ",", "；": ";", "：": ":", "。": ".", "％": "\\%",
    "✕": "\\times ", "✖": "\\times ", "ı": "i", "ℯ": "e",
    "¢": "\\text{ cents}",
}  # fmt: skip
_INVISIBLE = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF])
_TABLE = str.maketrans(
    {**{letter: f"\\{name} " for letter, name in GREEK.items()}, **SIGNS} | {chr(c): None for c in _INVISIBLE}
)

_WRAPPERS = [
    ("$$", "$$"),
    ("$", "$"),
    ("\\[", "\\]"),
    ("\\(", "\\)"),
    ("**", "**"),
    ("__", "__"),
    ("*", "*"),
    ("```", "```"),
    ("`", "`"),
]
_REWRITES: list[tuple[re.Pattern[str], str]] = [
    # Colour and emphasis say nothing of the value; 12 of `\\textcolor{red}{12}` does.
    (re.compile(r"\\(?:textcolor|colorbox)\s*(?:\[[a-zA-Z]*\])?\s*\{[^{}]*\}"), ""),
    (re.compile(r"\\color\s*(?:\[[a-zA-Z]*\])?\s*\{[^{}]*\}"), ""),
    (re.compile(r"\\[hv]?phantom\s*\{[^{}]*\}"), ""),
    (re.compile(r"\\underline(?=\s*\{)"), ""),
    (re.compile(r"\\text\s*\{\s*[.,;]?\s*\}$"), ""),
    (re.compile(r"\\(?:cr|tabularnewline|newline)(?![A-Za-z])|\\\\\s*\[[\d.]+\s*(?:pt|ex|em|mm|cm)\]"), r"\\\\"),
    # `_8C_3`, `{}^{8}C_{3}`, `C_8^3`: ways to choose.
    (re.compile(r"(?:\{\})?[_^]\{?(\w+)\}?\s*(?:\\mathrm\s*\{\s*)?C\}?\s*_\{?(\w+)\}?"), r"\\binom{\1}{\2}"),
    (re.compile(r"(?<![\w\\])(?:\\mathrm\s*\{\s*)?C\}?\s*_\{?(\d+)\}?\s*\^\{?(\d+)\}?"), r"\\binom{\1}{\2}"),
    (re.compile(r"\^\{?(\d+)\}?\s*/\s*_\{?(\d+)\}?"), r"\\frac{\1}{\2}"),
    (re.compile(r"(?<![\w}.])\.(?=\\(?:overline|bar|dot)(?![A-Za-z]))"), "0."),
    # `2,74 $`: of a price two digits behind the comma are cents; without a currency they are a second number.
    (
        re.compile(r"(?<![\d.,$])(\d+),(\d\d)(?=\s*(?:\\?\$(?!\d)|\\text\{ (?:euros|sterling)\}|euros?\b|dollars?\b))"),
        r"\1.\2",
    ),
    (re.compile(r"\+/-|\+-(?=\s*\d)"), r"\\pm "),
    (re.compile(r"\\(?:text|mathrm)\s*\{\s*mod\s*\}"), r"\\bmod "),
    (re.compile(r"\\text\s*\{\s*\^\\circ\s*\}"), r"^\\circ "),
    (re.compile(r"\\textcent(?![A-Za-z])"), r"\\text{ cents}"),
    (re.compile(r"^(?:negative|minus)\s+(?=[\d.\\])", re.I), "-"),
    (re.compile(r"\{\s*([-+])\s*\}(?=\s*\d)"), r"\1"),
    (re.compile(r"(?<=\d)\s*(?:\^\s*\{?\s*o\s*\}?|\\deg)(?![A-Za-z])"), r"^\\circ "),
    (re.compile(r"\\(?:checkmark|blacksquare|qed|qedhere|Box)\s*[.$]*\s*$"), ""),
    (re.compile(r"\b(?:US|USD|CAD|AUD)\s?(?=\\?\$)"), ""),
    (re.compile(r"(?<=\d)\s*(?:\\text\s*\{\s*to\s*\}|to)\s*(?=\d)"), ":"),
    (re.compile(r"(?<=\d)\s*([AaPp])\.\s?[Mm](?:\.|\b)"), r" \1m"),
]
"""Other people's notations as ours."""
_LEAD = re.compile(
    r"^(?:\\text\s*\{(?![^{}]*\b(?:not|never|no|or|wrong)\b)[^{}]*\b(?:is|are|equals?)\s*:?\s*\}"
    r"|\\text\s*\{(?![^{}]*\b(?:not|never|no|or|wrong)\b)[^{}]*[:=]\s*\}|(?:so|thus|hence|therefore|then),?\s(?=.*\d))\s*",
    re.I,
)
"""An introduction before the answer itself."""

_QUAD = re.compile(r"\\q?quad")
"""Also where the next word was glued to it: `\\quadx`."""
_ENDING = re.compile(r"(?:\s|\\[ ,;:!]|\\$|(?<!\.)\.|[,;:?]|\\\\)+$")
_OPENING = re.compile(r"^(?:\s|[=,;:]|\\(?:approx|displaystyle|Rightarrow|therefore|quad)(?![A-Za-z])|\\[,;:!>])+")


def clean(text: str) -> str:
    """The answer without its wrappers (dollars, bold, trailing full stop), in ASCII where a mapping is known."""
    text = text.strip()
    if not text.isascii():
        text = to_ascii(text)
    text = _QUAD.sub(" ", text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    previous = None
    while text != previous:
        previous = text
        text = _unwrap(_LEAD.sub("", _OPENING.sub("", _ending(text))).strip())
    return text


def _ending(text: str) -> str:
    """Closing marks off, but for the space of `\\ ` and the dots of `0.333...`."""
    if text.endswith(("...", "\\.")):
        return text
    return _ENDING.sub("", text)


def _unwrap(text: str) -> str:
    for opening, closing in _WRAPPERS:
        inner = text[len(opening) : -len(closing)]
        wrapped = text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing)
        if wrapped and opening not in inner and closing not in inner:
            return inner.strip()
    if len(text) > 2 and text[0] == text[-1] in "\"'" and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    return text


def to_ascii(text: str) -> str:
    """Unicode mathematics as LaTeX: superscripts, vulgar fractions, signs, Greek, full-width and styled letters."""
    text = _BARRED.sub(lambda m: "\\overline{" + re.sub("[^0-9]", "", m[1]) + "}", text)
    text = _DOTTED.sub(lambda m: "\\overline{" + m[1] + (m[2] or "") + (m[3] or "") + "}", text)
    text = _SUPER.sub(lambda m: "^{" + "".join(map(SUPERSCRIPTS.__getitem__, m[0])) + "}", text)
    text = _SUB.sub(lambda m: "_{" + "".join(map(SUBSCRIPTS.__getitem__, m[0])) + "}", text)
    text = _CURRENCY.sub(_money, text)
    text = _VULGAR.sub(_fraction, text).translate(_TABLE)
    if text.isascii():
        return text
    return "".join(_plain(char) for char in unicodedata.normalize("NFKC", text).translate(_TABLE))


def _fraction(match: re.Match[str]) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", match[0]).partition("⁄")
    return f"\\frac{{{top}}}{{{bottom}}}"


def _money(match: re.Match[str]) -> str:
    name = {"€": "euros", "£": "sterling"}[match[1] or match[3]]
    return f"{match[2] or ''}\\text{{ {name}}}"


def _plain(char: str) -> str:
    """Decimal digits of every script are ASCII digits; a space of any width is a space."""
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    return " " if char.isspace() else char
