"""How many syllables an English word has, by its spelling."""

import re

VOWELS = re.compile(r"[aeiouy]+")
SILENT = re.compile(
    r"(?<![aeiouyl])e$|(?<![aeiouylcsxzgh])es$|(?<=[gq])ues?$|(?<=[aeiouyrl])les?$|(?<=[^aeiouydt])ed$"
    r"|(?<=[aeiou][^aeiouyl])e(?=ly$|ful|less|ness)|(?<=\w[aeiou][^aeiouyl])e(?=ment)|^(?:ev(?=ery)|bus(?=iness)|som(?=e\w))"
)
"""A written `e` that is not spoken, and the middle of `every`, `business` and `something`."""

PARTED = re.compile(
    r"(?<![cstgx])io(?!u)|(?<![ctx])iou|(?<![ctgs])ia(?!ge|r$)|(?<=[ct])iate|iu|eo(?!u|n$|ns$|p)|(?<![gq])ua(?!r)"
    r"|[^gq]uit[yi]|uou|[aeiou]ing|(?:[ao]|\we)y(?=[aeiou])|yi|ie(?=t)|(?<!c)ie(?=n[ct])|scie|creat(?!ur)|idea|area|^react"
    r"|^real(?!m)|^(?:bio|poe|dio)|nuclear|sms?$|(?<![aeiouy])thms?$|(?:did|could|would|should|must|is|was|does|has)nt$"
)
"""Two vowels that are spoken apart, or a syllable that is written without a vowel."""


def syllables(word: str) -> int:
    """Groups of vowels, less silent ones, more where a group parts; 0 for a word with a digit, else one at least.

    Wrong for about one common word in twenty, as any rule of spelling is: `naked`, `reality`.
    """
    if any(char.isdigit() for char in word):
        return 0
    word = word.lower()
    return max(len(VOWELS.findall(word)) - len(SILENT.findall(word)) + len(PARTED.findall(word)), 1)
