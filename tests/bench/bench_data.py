"""Data sets: decontamination of 100,000 prompts against 10,000 items, ROUGE-L beside `rouge-score`, and deduplication.

Words are drawn by Zipf's law, and every text begins with the same twelve, as prompts and items of one template do.
"""

import random
import time
from collections.abc import Callable
from itertools import accumulate

from rouge_score.rouge_scorer import RougeScorer

from measure import report
from rlvr.data import duplicates, minhash
from rlvr.data.decontaminate import Index
from rlvr.data.rouge import Pool

VOCABULARY = [f"word{n}" for n in range(20_000)]
ZIPF = list(accumulate(1 / n for n in range(1, len(VOCABULARY) + 1)))


def texts(count: int, words: int, rng: random.Random) -> list[str]:
    template = " ".join(VOCABULARY[-12:])
    return [f"{template} {' '.join(rng.choices(VOCABULARY, cum_weights=ZIPF, k=words))}" for _ in range(count)]


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of CPU, which other work on the machine changes least."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    rng = random.Random(0)
    items, documents = texts(10_000, 60, rng), texts(100_000, 100, rng)
    rows, asked = texts(5_000, 20, rng), texts(200, 20, rng)
    pool, scorer = Pool(rows), RougeScorer(["rougeL"])
    ours = len(rows) * len(asked) / cpu_s(lambda: pool.similarities(asked))
    theirs = 2_000 / cpu_s(lambda: [scorer.score(row, asked[0]) for row in rows[:2_000]])
    report(
        "data",
        {
            "decontamination, 100,000 x 10,000, CPU s": cpu_s(lambda: Index({"suite": items}).report(documents)),
            "ROUGE-L, pairs/CPU s": ours,
            "ROUGE-L, times rouge-score's rate": ours / theirs,
            "dedup, rouge, 5,000 rows, CPU s": cpu_s(lambda: duplicates.near(rows)),
            "dedup, minhash, 20,000 rows, CPU s": cpu_s(lambda: minhash.near(documents[:20_000])),
        },
    )


if __name__ == "__main__":
    main()
