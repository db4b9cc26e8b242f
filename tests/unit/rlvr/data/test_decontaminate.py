"""Decontamination: exact against counting by hand, planted overlaps, published figures."""

import json
import os
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from rlvr.data import decontaminate, suites
from rlvr.data.decontaminate import Index, words

NEEDS_DATA = pytest.mark.skipif(
    "RLVR_TEST_DATA" not in os.environ, reason="RLVR_TEST_DATA names no folder of data sets"
)


def sentence(rng: random.Random, length: int, vocabulary: int = 5000) -> list[str]:
    return [f"w{rng.randrange(vocabulary)}" for _ in range(length)]


def by_hand(items: list[str], documents: list[str], n: int, threshold: float) -> set[tuple[int, int]]:
    found = set()
    for d, document in enumerate(documents):
        text = words(document)
        grams = {tuple(text[i : i + n]) for i in range(len(text) - n + 1)}
        for i, item in enumerate(items):
            asked = words(item)
            covered = {
                at + k for at in range(len(asked) - n + 1) if tuple(asked[at : at + n]) in grams for k in range(n)
            }
            if asked and (asked == text if len(asked) < n else len(covered) > threshold * len(asked)):
                found.add((i, d))
    return found


@pytest.mark.parametrize(("ngram", "threshold"), [(3, 0.5), (5, 0.3), (8, 0.5), (4, 0.0), (2, 0.9)])
@pytest.mark.parametrize("template", [0, 6, 30])
def test_it_finds_what_counting_by_hand_finds(ngram: int, threshold: float, template: int) -> None:
    """Also where items and documents share a stock phrase of `template` words."""
    rng = random.Random(f"{ngram}/{threshold}/{template}")
    stock = sentence(rng, template)
    items = [" ".join(stock + sentence(rng, rng.randrange(0, 25), 400)) for _ in range(60)]
    documents = []
    for _ in range(150):
        asked = words(rng.choice(items))
        start = rng.randrange(len(asked) + 1)
        part = asked[start : start + rng.randrange(1, 30)]
        documents.append(" ".join(rng.choice([stock, []]) + sentence(rng, 5, 400) + part + sentence(rng, 5, 400)))
    report = Index({"a": items[:30], "b": items[30:]}, ngram, threshold).report([*documents, *items])
    found = {
        (hit.item + 30 * (hit.suite == "b"), hit.document) for suite in report.suites.values() for hit in suite.hits
    }
    assert found == by_hand(items, [*documents, *items], ngram, threshold)
    assert report.flagged == {document for _, document in found}


@pytest.mark.parametrize(("share", "removed"), [(0.4, False), (0.5, False), (0.6, True)])
def test_planted_overlaps(share: float, removed: bool) -> None:
    rng = random.Random(0)
    item = sentence(rng, 50)
    planted = item[10 : 10 + int(share * 50)]
    document = " ".join(sentence(rng, 100) + planted + sentence(rng, 100))
    report = Index({"suite": [" ".join(item)]}).report([" ".join(sentence(rng, 200)), document])
    assert report.flagged == ({1} if removed else set())
    assert report.summary()["suites"]["suite"]["contaminated_items"] == int(removed)


def test_two_documents_that_share_an_item_between_them_are_no_hit() -> None:
    item = sentence(random.Random(1), 40)
    assert not Index({"s": [" ".join(item)]}).report([" ".join(item[:16]), " ".join(item[20:36])]).flagged


def test_case_and_punctuation_do_not_hide_a_copy() -> None:
    item = "Natalia sold clips to 48 of her friends in April, and then half as many."
    copy = '(natalia) sold clips - to 48; of her "friends"\nin april and then half as many?!'
    assert Index({"s": [item]}).report([copy]).flagged == {0}


def test_more_words_in_a_row_and_a_higher_threshold_flag_fewer() -> None:
    rng = random.Random(2)
    items = [" ".join(sentence(rng, 30)) for _ in range(50)]
    documents = [" ".join(words(rng.choice(items))[: rng.randrange(5, 30)]) for _ in range(200)]
    for settings in ([(n, 0.5) for n in (2, 4, 8, 13, 20)], [(8, t) for t in (0.0, 0.3, 0.5, 0.8, 0.95)]):
        flagged = [Index({"s": items}, n, t).report(documents).flagged for n, t in settings]
        assert all(fewer <= more for more, fewer in pairwise(flagged))
        assert len(flagged[-1]) < len(flagged[0])


def test_the_report_says_when_a_training_set_is_contaminated_as_a_whole() -> None:
    rng = random.Random(3)
    items = [" ".join(sentence(rng, 20)) for _ in range(100)]
    summaries = [Index({"s": items}).report(items[:n]).summary()["suites"]["s"] for n in (2, 3)]
    assert [s["contaminated"] for s in summaries] == [False, True]
    assert summaries[1]["contaminated_share"] == 0.03
    assert summaries[0]["sha256"] == summaries[1]["sha256"]


@pytest.mark.parametrize(
    ("ngram", "threshold", "wrong"), [(0, 0.5, "ngram"), (8, 1.0, "threshold"), (8, -0.1, "threshold")]
)
def test_settings_without_sense_are_refused(ngram: int, threshold: float, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{wrong}: expected"):
        Index({}, ngram, threshold)


def column(path: str, key: str) -> list[str]:
    text = (Path(os.environ["RLVR_TEST_DATA"]) / path).read_text()
    return [json.loads(line)[key] for line in text.splitlines()]


@NEEDS_DATA
def test_gsm8k_train_against_test() -> None:
    train, test = column("gsm8k/train.jsonl", "question"), column("gsm8k/test.jsonl", "question")
    for ngram, items, documents in ((8, 2, 3), (13, 1, 2)):
        report = Index({"gsm8k": test}, ngram).report(train)
        assert report.summary()["suites"]["gsm8k"]["contaminated_items"] == items
        assert report.summary()["removed"] == len(report.flagged) == documents
        kept = [text for number, text in enumerate(train) if number not in report.flagged]
        assert not Index({"gsm8k": test}, ngram).report(kept).flagged


@NEEDS_DATA
def test_math_against_math_500() -> None:
    """Of the first 2,000 and the first 350 rows; the whole files give 54 items and 124 documents."""
    train, test = (
        column("math500/math_train_first2000.jsonl", "problem"),
        column("math500/math500_first350.jsonl", "problem"),
    )
    report = Index({"math-500": test}).report(train)
    assert report.summary()["suites"]["math-500"]["contaminated_items"] == 15
    assert len(report.flagged) == 23


@pytest.mark.parametrize("template", [0, 12])
def test_a_tenth_of_the_large_case_in_a_tenth_of_its_time(template: int) -> None:
    """100,000 prompts against 10,000 items are to take less than 30 s; a shared template must not change that."""
    rng = random.Random(4)
    stock = sentence(rng, template)
    items = [" ".join(stock + sentence(rng, 60)) for _ in range(1000)]
    documents = [" ".join(stock + sentence(rng, 100)) for _ in range(10000)]
    start = time.process_time()
    assert not Index({"s": items}).report(documents).flagged
    assert time.process_time() - start < 3


def test_items_with_one_id_are_all_compared(tmp_path: Path) -> None:
    path = tmp_path / "suite.jsonl"
    rows = [{"id": "a", "question": "one"}, {"id": "a", "question": "two"}, {"question": "three"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert suites.items(str(path)) == {"a": "one", "row 2": "two", "row 3": "three"}


def test_words_are_split_as_the_published_analyzer_does() -> None:
    assert words('Is 3.5-fold (x\\y) "so"?\n') == ["is", "3", "5", "fold", "x", "y", "so"]
    assert decontaminate.WORDS == 8
