import json
import os

from verifiers.metrics import Metrics, series


def value(text, name):
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).rpartition(" ")[2])


def test_labels_are_sorted_and_escaped():
    assert series("a") == "a"
    assert series("a", z="1", b='x"\\\n') == 'a{b="x\\"\\\\\\n",z="1"}'


def test_histograms_are_cumulative():
    metrics = Metrics()
    for seconds in (0.0, 0.001, 0.002, 100.0):
        metrics.observe("rlvr_verify_seconds", seconds, verifier="exact")
    text = metrics.text({})
    found = {bound: value(text, series("rlvr_verify_seconds_bucket", le=bound, verifier="exact")) for bound in BOUNDS}
    assert found == {"0.0001": 1, "0.001": 2, "0.005": 3, "60.0": 3, "+Inf": 4}
    assert value(text, 'rlvr_verify_seconds_sum{verifier="exact"}') == 100.003
    assert value(text, 'rlvr_verify_seconds_count{verifier="exact"}') == 4


BOUNDS = ["0.0001", "0.001", "0.005", "60.0", "+Inf"]


def test_every_family_is_described_once_and_before_its_samples():
    metrics = Metrics()
    metrics.count("rlvr_runs_total", status="ok")
    lines = metrics.text({"rlvr_items_admitted": 3.0}).splitlines()
    assert lines.index("# TYPE rlvr_runs_total counter") + 1 == lines.index('rlvr_runs_total{status="ok"} 1')
    assert lines.count("# TYPE rlvr_items_admitted gauge") == 1
    assert "rlvr_items_admitted 3" in lines


def test_siblings_add_up_and_the_dead_keep_their_counters_only(tmp_path):
    numbers = {"rlvr_cache_hits_total": 5.0, "rlvr_items_admitted": 7.0}
    (tmp_path / "1.json").write_text(json.dumps(numbers))  # init is alive
    (tmp_path / "4194305.json").write_text(json.dumps(numbers))  # beyond the highest pid
    metrics = Metrics(tmp_path)
    current = {"rlvr_cache_hits_total": 1.0, "rlvr_items_admitted": 2.0}
    metrics.share(current)
    text = metrics.text(current)
    assert value(text, "rlvr_cache_hits_total") == 11
    assert value(text, "rlvr_items_admitted") == 9
    assert json.loads((tmp_path / f"{os.getpid()}.json").read_text()) == current
