import asyncio
import json
import os
import time

import pytest

from verifiers import Item
from verifiers.admission import Limits
from verifiers.batches import Batches
from verifiers.judging import Service
from verifiers.keys import Key
from verifiers.problems import Problem

ITEMS = [Item(f"i{n}", "exact", "x" if n % 2 else "y", "x") for n in range(300)]


def run(check, folder=None, keys=(), **limits):
    async def whole():
        service = Service(Limits(**limits), list(keys), 1, None)
        batches = Batches(service, folder)
        try:
            return await check(batches)
        finally:
            await batches.close()
            await asyncio.to_thread(service.grader.close)
            assert (service.queue.admitted, service.queue.waiting) == (0, 0)

    return asyncio.run(whole())


def test_a_batch_is_judged_piece_by_piece(tmp_path):
    async def check(batches):
        first = batches.submit("", ITEMS)
        assert (first.state, first.total, first.judged) == ("running", 300, 0)
        status = await batches.wait(first.id, "", 30)
        assert (status.state, status.judged, status.verdicts) == ("done", 300, {"correct": 150, "incorrect": 150})
        rows = [json.loads(line) for line in batches.results(first.id, "", 0)]
        assert {(row["id"], row["status"]) for row in rows} == {
            (item.id, "correct" if item.response == "x" else "incorrect") for item in ITEMS
        }
        assert [json.loads(line) for line in batches.results(first.id, "", 290)] == rows[290:]
        return first.id

    id = run(check, tmp_path, queue=100, items=10)  # larger than the queue

    async def later(batches):
        assert batches.find(id, "").state == "done"
        batches.cancel(id, "")
        with pytest.raises(Problem, match="no batch"):
            batches.find(id, "")

    run(later, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_batch_belongs_to_its_key():
    async def check(batches):
        id = batches.submit("one", ITEMS).id
        for stranger in ("two", ""):
            for ask in (batches.find, batches.cancel, lambda *who: list(batches.results(*who, 0))):
                with pytest.raises(Problem, match="no batch"):
                    ask(id, stranger)
        assert (await batches.wait(id, "one", 30)).state == "done"

    run(check, keys=[Key("s" * 16, "one", items=7), Key("t" * 16, "two")])


@pytest.mark.parametrize("id", ["", "..", "../x", "0" * 31, "0" * 32, "Z" * 32])
def test_what_is_no_batch(id):
    async def check(batches):
        with pytest.raises(Problem, match="no batch") as refused:
            batches.find(id, "")
        assert refused.value.status == 404

    run(check)


def test_bounds():
    async def check(batches):
        with pytest.raises(Problem, match="send at most 299"):
            batches.submit("", ITEMS)
        batches.submit("", ITEMS[:10])
        with pytest.raises(Problem, match="1 batches are under way"):
            batches.submit("", ITEMS[:10])

    run(check, batches=1, batch_items=299)


def test_a_sibling_answers_and_calls_off(tmp_path):
    async def check(batches):
        keeping = asyncio.create_task(batches.keep())
        batches._service.queue.enter("", 10)  # so that nothing gets done
        id = batches.submit("", ITEMS).id
        sibling = Batches(batches._service, tmp_path)
        assert sibling.find(id, "").state == "running"
        sibling.cancel(id, "")
        assert (await sibling.wait(id, "", 30)).state == "cancelled"
        batches._service.queue.leave("", 10)
        keeping.cancel()

    run(check, tmp_path, queue=10, items=10)


def test_a_batch_whose_process_ended_is_failed(tmp_path):
    async def check(batches):
        batches._service.queue.enter("", 10)
        id = batches.submit("", ITEMS).id
        await batches.close()
        batches._service.queue.leave("", 10)
        return id

    id = run(check, tmp_path, queue=10, items=10)

    async def later(batches):
        assert batches.find(id, "").state == "failed"
        file = tmp_path / id / "status.json"
        file.write_text(file.read_text().replace('"failed"', '"running"'))
        assert batches.find(id, "").state == "running"
        os.utime(file, (time.time() - 60, time.time() - 60))  # killed hard, and silent since
        assert batches.find(id, "").state == "failed"
        os.utime(file, (time.time() - 9999, time.time() - 9999))
        keeping = asyncio.create_task(batches.keep())
        await asyncio.sleep(0.05)
        keeping.cancel()
        assert not (tmp_path / id).exists()

    run(later, tmp_path)
