"""Near duplicates: the filters lose no pair, and the first stays."""

import random

import pytest

from rlvr.data import duplicates, minhash
from rlvr.data.rouge import rouge_l

METHODS = pytest.mark.parametrize("near", [duplicates.near, minhash.near], ids=["rouge", "minhash"])


def texts(count: int, seed: int, longest: int = 30, dropped: tuple[float, ...] = (0.05, 0.15, 0.3, 0.5)) -> list[str]:
    """Sentences of frequent and rare words, every third an edited copy of an earlier one."""
    rng = random.Random(seed)
    made: list[list[str]] = []
    for i in range(count):
        if i % 3 == 2:
            text = [w for w in rng.choice(made) if rng.random() > rng.choice(dropped)]
            text.insert(rng.randrange(len(text) + 1), f"new{i}")
        else:
            text = [f"w{int(rng.expovariate(1 / 50))}" for _ in range(rng.randrange(1, longest))]
        made.append(text)
    return [" ".join(text) for text in made]


def by_hand(given: list[str], threshold: float) -> list[int | None]:
    found: list[int | None] = []
    for i, text in enumerate(given):
        kept = (j for j in range(i) if found[j] is None)
        found.append(next((j for j in kept if rouge_l(text, given[j]) > threshold), None))
    return found


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9])
def test_the_filters_lose_nothing(threshold: float) -> None:
    given = texts(400, seed=int(10 * threshold))
    found = duplicates.near(given, threshold)
    assert found == by_hand(given, threshold)
    assert 5 < sum(of is not None for of in found) < 390


def test_similarity_at_the_threshold_is_no_duplicate() -> None:
    a = "alpha beta gamma delta epsilon zeta eta theta iota kappa"
    b = "alpha beta gamma delta epsilon zeta eta ONE TWO THREE"
    assert duplicates.near([a, b], 0.7) == [None, None]
    assert duplicates.near([a, b], 0.699) == [None, 0]


def test_exact_duplicates_ignore_case_blanks_and_width() -> None:
    given = ["Say  Hi", "say hi ", "say\nＨＩ", "say hi!", "Say  Hi"]
    assert duplicates.exact(given) == [None, 0, 0, None, 0]


@METHODS
def test_what_stays_has_no_duplicates(near: object) -> None:
    given = texts(300, seed=3)
    kept = [text for text, of in zip(given, near(given, 0.6), strict=True) if of is None]  # type: ignore[operator]
    assert 100 < len(kept) < 300
    assert near(kept, 0.6) == [None] * len(kept)  # type: ignore[operator]


@METHODS
@pytest.mark.parametrize("threshold", [0, 1, -0.5])
def test_a_threshold_outside_is_refused(near: object, threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold: expected a number between 0 and 1"):
        near(["a"], threshold)  # type: ignore[operator]


@METHODS
def test_texts_without_words_stay(near: object) -> None:
    assert near(["", "!?", "", "a"], 0.5) == [None] * 4  # type: ignore[operator]


@METHODS
def test_the_same_in_another_script_is_a_duplicate(near: object) -> None:
    given = ["Назови три цвета.", "Назови три реки.", "назови  три цвета."]
    assert near(given, 0.7) == [None, None, 0]  # type: ignore[operator]
    chinese = [
        "第1题：北京的首都是什么？",
        "第1题：请写一首关于春天的诗。",
        "用 Python 写一个排序函数",
        "用 Python 解释量子力学",
    ]
    assert near([*chinese, chinese[0].rstrip("？")], 0.7) == [None, None, None, None, 0]  # type: ignore[operator]


def shingles(text: str) -> set[tuple[str, ...]]:
    found = text.split()
    return {tuple(found[i : i + 3]) for i in range(max(1, len(found) - 2))}


def test_minhash_finds_nearly_all_and_nothing_else() -> None:
    given = texts(600, seed=5, longest=80, dropped=(0.02, 0.05))
    found = minhash.near(given, 0.6)
    sets = [shingles(text) for text in given]
    true, missed = 0, 0
    for i, of in enumerate(found):
        kept = [j for j in range(i) if found[j] is None]
        agreeing = [j for j in kept if len(sets[i] & sets[j]) > 0.6 * len(sets[i] | sets[j])]
        assert of is None or of in agreeing
        true += bool(agreeing)
        missed += bool(agreeing) and of is None
    assert true > 100
    assert missed <= 0.03 * true


def test_a_short_text_is_one_shingle() -> None:
    assert minhash.near(["hello there", "Hello, there!", "hello", "there hello"], 0.5) == [None, 0, None, None]
