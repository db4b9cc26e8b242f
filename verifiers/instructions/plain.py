"""Split a text into sentences by the older rule of IF-RLVR's checkers: it looks at marks, hardly ever at the next word.

Every `.`, `?` and `!` ends a sentence, but for the periods of titles, initials, decimals, web addresses and a few more.
Lines do not matter. `!!!` is three sentences. Left out: anything better; `sentences.py` is.
"""

import re

KEPT, STOP = "\ue000", "\ue001"
STARTERS = r"(?=(?:Mr|Mrs|Ms|Dr|Prof|Capt|Cpt|Lt|(?:He|She|It|They|Their|Our|We|But|However|That|This)\s|Wherever))"
BEFORE_ACRONYMS = [
    re.compile(r"(?:Mr|St|Mrs|Ms|Dr)\."),
    re.compile(r"\.(?:com|net|org|io|gov|edu|me)"),
    re.compile(r"[0-9]\.[0-9]"),
    re.compile(r"\.{2,}"),
    re.compile(r"Ph\.D\."),
    re.compile(r"\s[A-Za-z]\. "),
]
ACRONYM = re.compile(rf"([A-Z]\.[A-Z]\.(?:[A-Z]\.)?) {STARTERS}")
DOTTED = re.compile(r"[A-Za-z]\.[A-Za-z]\.(?:[A-Za-z]\.)?")
COMPANY_ENDS = re.compile(rf"( (?:Inc|Ltd|Jr|Sr|Co))\. {STARTERS}")
COMPANY = re.compile(r" (?:Inc|Ltd|Jr|Sr|Co|[A-Za-z])\.")
MARK = re.compile(r"[.?!]")


def plain_sentences(text: str) -> list[str]:
    """The sentences in order, trimmed; all but the last may be empty."""
    text = " " + text.replace(KEPT, "").replace(STOP, "").replace("\n", " ") + "  "
    for pattern in BEFORE_ACRONYMS:
        text = pattern.sub(_keep, text)
    text = ACRONYM.sub(rf"\1{STOP} ", text)
    text = DOTTED.sub(_keep, text)
    text = COMPANY_ENDS.sub(rf"\1{STOP} ", text)
    text = COMPANY.sub(_keep, text)
    for mark, quote in (".”", '."', '!"', '?"'):
        text = text.replace(mark + quote, quote + mark)
    found = [part.strip() for part in MARK.sub(rf"\g<0>{STOP}", text).replace(KEPT, ".").split(STOP)]
    return found if found[-1] else found[:-1]


def _keep(match: re.Match[str]) -> str:
    """The same text, its periods no ends of sentences; after an ellipsis a sentence ends all the same."""
    kept = match[0].replace(".", KEPT)
    return kept + STOP if match[0][:2] == ".." else kept
