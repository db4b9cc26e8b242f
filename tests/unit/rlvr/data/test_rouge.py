"""ROUGE-L: the last bit as in `rouge-score`, and what a filter at 0.7 hangs on."""

import random
import time
from pathlib import Path

import numpy as np
import pytest

from rlvr.data.rouge import Pool, rouge_l, words

TEXT = (
    "the a of to and in write explain describe list sentence sentences sentences' story stories running ran runs "
    "flies dying generalizations relational conditional traditionally classes class's it's 7 13 1,000 3.14 Café naïve "
    "İstanbul ǅ x y z - -- . , ? ! (a) [b] tasks task's poem poems email e-mail co-operate"
)
VOCABULARY = TEXT.split()


def pairs(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of shared words, some near copies of each other, some empty."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        first = [rng.choice(VOCABULARY) for _ in range(rng.randrange(0, 40))]
        second = [w for w in first if rng.random() > 0.2] if rng.random() < 0.5 else []
        second += [rng.choice(VOCABULARY).title() for _ in range(rng.randrange(0, 20))]
        found.append((" ".join(first), rng.choice([" ", "  ", "\n"]).join(second)))
    return found


@pytest.mark.parametrize("stem", [False, True])
def test_it_equals_rouge_score_to_the_last_bit(stem: bool) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(["rougeL"], use_stemmer=stem)
    asked = pairs(5000, seed=int(stem))
    assert [(a, b) for a, b in asked if rouge_l(a, b, stem) != theirs.score(a, b)["rougeL"].fmeasure] == []
    assert len({rouge_l(a, b, stem) for a, b in asked}) > 500


def test_a_pool_gives_the_same_numbers_as_pairs() -> None:
    texts = [text for pair in pairs(40) for text in pair]
    pool = Pool(texts[:50])
    for text in texts[50:60]:
        pool.add(text)
    expected = [[rouge_l(a, b) for b in texts[:60]] for a in texts]
    assert (pool.similarities(texts) == np.array(expected)).all()
    assert pool.similarities(texts[:3], workers=2).shape == (3, len(pool)) == (3, 60)


def test_words_unknown_to_the_pool_match_nothing() -> None:
    pool = Pool(["one two three"])
    assert pool.similarities(["four five six"]).tolist() == [[0.0]]
    assert pool.similarities(["four two five"]).tolist() == [[rouge_l("one two three", "four two five")]]


def test_exactly_seven_of_ten() -> None:
    a = "alpha beta gamma delta epsilon zeta eta theta iota kappa"
    b = "alpha beta gamma delta epsilon zeta eta ONE TWO THREE"
    assert rouge_l(a, b) == 0.7
    assert Pool([a]).similarities([b])[0, 0] == 0.7


def test_only_stemming_makes_forms_of_a_word_equal() -> None:
    assert rouge_l("list three stories", "listing three story") == pytest.approx(1 / 3)
    assert rouge_l("list three stories", "listing three story", stem=True) == 1.0
    assert words("Its RUNNING, don't!", stem=True) == ["its", "run", "don", "t"]


def test_a_text_without_words_is_like_nothing() -> None:
    assert rouge_l("", "") == rouge_l("?!", "?!") == rouge_l("日本", "日本") == 0.0
    assert Pool(["", "a"]).similarities(["", "a"]).tolist() == [[0.0, 0.0], [0.0, 1.0]]
    assert Pool().similarities(["a"]).shape == (1, 0)
    assert Pool(["a"]).similarities([]).shape == (0, 1)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="measures CPU time")
def test_a_pool_is_a_hundred_times_faster() -> None:
    """CPU time, so that a busy machine does not matter."""
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(["rougeL"])
    texts = [a for a, _ in pairs(1000)]
    start = time.process_time()
    for text in texts[:200]:
        theirs.score(texts[0], text)
    one = (time.process_time() - start) / 200
    start = time.process_time()
    Pool(texts).similarities(texts[:200])
    assert one / ((time.process_time() - start) / 200_000) >= 100
