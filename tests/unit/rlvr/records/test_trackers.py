"""Trackers get the same numbers under TRL's names; one that breaks is left alone; real ones are asked what they got."""

import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rlvr.config import SFT
from rlvr.errors import UserError
from rlvr.records import trackers
from rlvr.records.runlog import RunLog, read
from rlvr.records.trackers import Tracking, named, start


class Kept:
    """Remembers what it was told; breaks when it is told to."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.closed = 0
        self.breaks_at = breaks_at

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        if step == self.breaks_at:
            raise ConnectionError("no route")
        self.rows.append((step, dict(metrics)))

    def close(self) -> None:
        self.closed += 1


def config(out: Path, *names: Any) -> SFT:
    return SFT(data="d", model="m", out=out, trackers=names)


def test_names_are_trls() -> None:
    given = {
        "reward": 0.5, "reward/math": 0.4, "validation/accuracy": 0.3, "validation/math": 0.2, "informative": 0.75,
        "response_tokens": 9.0, "truncated": 0.1, "lr": 1e-6, "loss": 0.0, "entropy": 1.5,
    }  # fmt: skip
    assert named(given) == {
        "train/reward": 0.5,
        "train/rewards/math/mean": 0.4,
        "eval/accuracy": 0.3,
        "eval/accuracy/math": 0.2,
        "train/frac_reward_zero_std": 0.25,
        "train/completions/mean_length": 9.0,
        "train/completions/clipped_ratio": 0.1,
        "train/learning_rate": 1e-6,
        "train/loss": 0.0,
        "train/entropy": 1.5,
    }


def test_one_that_breaks_is_told_of_once_and_the_rest_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good, bad = Kept(), Kept(breaks_at=2)
    with RunLog(tmp_path, "rl", 3, also=Tracking({"bad": bad, "good": good})) as log:
        for step in (1, 2, 3):
            log(step, {"reward": float(step)})
    assert [step for step, _ in good.rows] == [1, 2, 3]
    assert [step for step, _ in bad.rows] == [1]
    assert (good.closed, bad.closed) == (1, 0)
    assert [row["reward"] for row in read(tmp_path)] == [1.0, 2.0, 3.0]
    assert capsys.readouterr().err.count("tracker bad failed") == 1


def test_one_that_cannot_be_opened_is_told_of_and_ends_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("tensorboardX", reason="needs rlvr[tensorboard]")
    (tmp_path / "tensorboard").write_text("in the way")
    tracking = start(config(tmp_path, "tensorboard"))
    tracking.log(1, {"loss": 1.0})
    tracking.close()
    assert capsys.readouterr().err.count("tracker tensorboard failed and is left alone") == 1


def test_nothing_asked_for_leaves_nothing_behind(tmp_path: Path) -> None:
    start(config(tmp_path)).log(1, {"loss": 1.0})
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_not_installed_is_said_in_one_line(tmp_path: Path) -> None:
    missing = [name for name in ("wandb", "mlflow", "trackio") if not installed(name)]
    if not missing:
        pytest.skip("wandb, mlflow and trackio are all installed")
    with pytest.raises(UserError, match=rf"pip install 'rlvr\[{missing[0]}\]'"):
        start(config(tmp_path, missing[0]))


def installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def scalars(folder: Path) -> list[tuple[int, str, float]]:
    """What event files hold: length, checksum, message, checksum, again and again."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in sorted(folder.glob("events*")):
        data = file.read_bytes()
        while data:
            length = struct.unpack("<Q", data[:8])[0]
            event = Event.FromString(data[12 : 12 + length])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="needs rlvr[tensorboard]")
    for resume, steps in ((False, (1, 2)), (True, (3,))):
        tracking = start(config(tmp_path, "tensorboard"), resume)
        for step in steps:
            tracking.log(step, {"reward": step / 4, "validation/accuracy": 0.5})
        tracking.close()
    found = scalars(tmp_path / "tensorboard")
    assert [(step, value) for step, tag, value in found if tag == "train/reward"] == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert sum(tag == "eval/accuracy" for _, tag, _ in found) == 3


def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs rlvr[mlflow]: make test-trackers")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for resume, step in ((False, 1), (True, 2)):
        tracking = start(config(tmp_path / "run", "mlflow"), resume)
        tracking.log(step, {"reward": step / 4})
        tracking.close()
    client = mlflow.MlflowClient()
    [run] = client.search_runs([client.get_experiment_by_name("rlvr").experiment_id])
    assert run.data.params["data"] == "d"
    history = client.get_metric_history(run.info.run_id, "train/reward")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.25), (2, 0.5)]


def test_wandb_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs rlvr[wandb]: make test-trackers")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    (tmp_path / "run").mkdir()
    tracking = start(config(tmp_path / "run", "wandb"))
    tracking.log(1, {"reward": 0.25})
    tracking.close()
    [file] = (tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb")
    deadline = time.monotonic() + 30  # W&B's own process writes it
    while b"train/reward" not in file.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert tracking._trackers.keys() == {"wandb"}


def test_trackio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    pytest.importorskip("trackio", reason="needs rlvr[trackio]: make test-trackers")
    tracking = start(config(tmp_path / "run", "trackio"))
    tracking.log(1, {"reward": 0.25})
    tracking.close()
    assert tracking._trackers.keys() == {"trackio"}
    assert list((tmp_path / "trackio").rglob("rlvr*.db"))


def test_every_name_of_the_configuration_can_be_opened() -> None:
    from typing import get_args

    from rlvr.settings.sections import Tracker

    assert set(trackers.OPEN) == set(get_args(Tracker))
