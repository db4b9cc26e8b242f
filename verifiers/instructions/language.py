"""Which language a text is in, by langdetect with a fixed seed: the same text gives the same answer in any thread.

langdetect draws n-grams at random, so unseeded it changes its mind from call to call on short or mixed text. Only
our own detectors are seeded, so other users of the library in the process are left alone. It reads `MAX_CHARACTERS`.
"""

import threading
from functools import lru_cache

from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException

MAX_CHARACTERS = 10_000
SEED = 0
_loading = threading.Lock()


@lru_cache(maxsize=1)
def _loaded() -> DetectorFactory:
    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory


def _factory() -> DetectorFactory:
    with _loading:
        return _loaded()


def languages() -> frozenset[str]:
    """ISO 639-1 codes that can be told apart, with `zh-cn` and `zh-tw`."""
    return frozenset(_factory().get_lang_list())


def language_of(text: str) -> str | None:
    """The code of the most likely language; None for a text without any feature, such as digits only."""
    return _detect(text[:MAX_CHARACTERS])


@lru_cache(maxsize=256)
def _detect(text: str) -> str | None:
    detector = _factory().create()
    detector.seed = SEED
    detector.append(text)
    try:
        return str(detector.detect())
    except LangDetectException:
        return None
