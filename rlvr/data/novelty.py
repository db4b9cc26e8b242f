"""Is a written task fit, and is it new? Self-Instruct's rules of form and its similarity filter."""

import re
import string
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rlvr.data.record import Record
from rlvr.data.rouge import Pool, rouge_l

SHOWN_SIMILAR = 10


def suitable(record: Record, words: tuple[int, int], unsuitable: re.Pattern[str]) -> Record:
    """The record with what the rules of form say of its `instruction`, in the authors' order."""
    task = record["instruction"]
    count = len(task.split())
    record = record.check("words", words[0] <= count <= words[1], count, list(words))
    found = unsuitable.search(task)
    record = record.check("suitable for text", found is None, found and found[0])
    record = record.check("no program", not task.startswith("Write a program"))
    first = task[:1]
    record = record.check("starts with no punctuation", first not in string.punctuation, first)
    return record.check("starts with ASCII", first.isascii(), first)


class Known:
    """All tasks that new ones are compared with; it grows as rounds end."""

    def __init__(self, tasks: Iterable[str]) -> None:
        self.tasks = list(tasks)
        self._pool = Pool(self.tasks)

    def add(self, task: str) -> None:
        self.tasks.append(task)
        self._pool.add(task)

    def judge(self, records: Sequence[Record], threshold: float) -> Iterable[Record]:
        """The records, each with its similarity to what is known; rejected above the threshold.

        One after the other: what is kept counts against those that follow.
        """
        scores = self._pool.similarities([record["instruction"] for record in records])
        kept: list[str] = []
        for record, row in zip(records, scores, strict=True):
            here = [rouge_l(record["instruction"], task) for task in kept]
            judged = _judged(record, np.append(row, here), [*self.tasks, *kept], threshold)
            if judged.rejected is None:
                kept.append(record["instruction"])
            yield judged


def _judged(record: Record, scores: "np.ndarray[Any, Any]", tasks: Sequence[str], threshold: float) -> Record:
    """With the ten most similar tasks, the mean over all, and the verdict on the highest."""
    nearest = np.argsort(scores, kind="stable")[-SHOWN_SIMILAR:][::-1]
    similar = {tasks[index]: float(scores[index]) for index in nearest}
    highest = float(scores.max(initial=0.0))
    described = record.update(most_similar=similar, avg_similarity_score=float(np.mean(scores)) if len(scores) else 0.0)
    return described.check("similarity", highest <= threshold, highest, threshold)
