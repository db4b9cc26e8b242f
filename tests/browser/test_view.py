"""The pages in a real browser (Chromium through Playwright): what a reader does, and what the browser complains of.

Screenshots in both themes and at phone width go to runs/browser, to be looked at. Run by `make test-browser`.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from runpy import run_path

import pytest
import uvicorn

from rlvr.commands.listening import free_port
from rlvr.view.app import create_app

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: make test-browser")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")]

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "runs" / "browser"
RUNS = run_path(str(ROOT / "tests/unit/rlvr/view/conftest.py"))
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
DEADLINE_MS = 60_000
"""Of a step in the browser, on a busy machine."""
WORDS = {"num_words": 2, "relation": "at least"}
REAL_S = 300
"""Ray and a model come up in so long, even on a busy machine."""
REAL = """
stage = "pipeline"
out = "{folder}/real"
scratch = {{ demonstrations = 200, tasks = 8, validation = 8, held_out = 8, vocabulary = 300, hidden = 16, layers = 1 }}

[rl]
steps = 2000
prompts_per_step = 6
group_size = 4
max_lag = 0
refill = 0
sampling = {{ max_tokens = 6 }}
tasks = {{ train = "{folder}/tasks.jsonl" }}
optim = {{ lr = 1e-3 }}
compute = {{ threads = 1 }}
"""
LAST_STEP = "Math.max(...[...document.querySelectorAll('.plot')].map((plot) => plot.data?.[0]?.x.at(-1) ?? 0))"
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: one that has ended, with a rollout that would like to be a script, and one that goes on."""
    folder = tmp_path_factory.mktemp("runs")
    done = RUNS["write_demo"](folder / "done")
    with sqlite3.connect(done / "rl" / "journal.sqlite") as db:
        db.execute("UPDATE rollouts SET text = ? WHERE id = '000050/0/0000/000'", (HOSTILE,))
    live = RUNS["write_demo"](folder / "live")
    (live / "summary.json").unlink()
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    port = free_port("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(folder), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as control:
        started = control.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *QUIET])
        yield started
        started.close()


Open = Callable[..., "playwright.Page"]


@pytest.fixture
def open_page(browser: "playwright.Browser", address: str) -> Iterator[Open]:
    """Opens pages, and fails at the end if the browser complained or asked anybody but us."""
    complaints: list[str] = []
    contexts = []

    def start(path: str, width: int = 1280, theme: str = "light") -> "playwright.Page":
        context = browser.new_context(viewport={"width": width, "height": 850}, color_scheme=theme)
        contexts.append(context)
        context.set_default_timeout(DEADLINE_MS)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((address, "data:", "blob:")) else complaints.append(request.url)
            ),
        )
        page.goto(address + path)
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


def drawn(page: "playwright.Page") -> None:
    """Wait for the curves. Playwright's own wait would evaluate text in the page, which our policy forbids."""
    deadline = time.monotonic() + DEADLINE_MS / 1000
    while not page.evaluate("document.querySelector('#rl-0')?.data?.length === 3"):
        assert time.monotonic() < deadline, "the curves are not drawn"
        page.wait_for_timeout(50)


def test_from_the_runs_down_to_one_verification_and_again(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_role("link", name="done").click()
    drawn(page)
    assert page.evaluate("document.querySelector('#rl-0').data[0].x.length") == 60
    assert page.evaluate("document.querySelectorAll('.plot .main-svg').length") >= 10

    page.get_by_role("link", name="All rollouts").click()
    page.get_by_label("Verifier").select_option("code")
    page.get_by_label("Status").select_option("incorrect")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/rollouts?verifier=code&status=incorrect")
    rows = page.locator("tbody tr")
    assert rows.count() > 3
    assert {text.split()[0] for text in page.locator("tbody .badge").all_inner_texts()} == {"incorrect"}

    rows.first.get_by_role("link", name="group").click()
    page.wait_for_url("**/groups/**")
    assert page.locator("article").count() == 4
    page.get_by_role("link", name="Response 1").click()
    page.wait_for_url("**/rollouts/0**")
    page.get_by_role("button", name="Verify again").click()
    page.get_by_text("Judged again just now").wait_for()
    assert page.locator("table.checks tbody tr").count() >= 3

    page.get_by_role("button", name="Copy as curl").click()
    page.locator("[data-copied]:not(:empty)").wait_for()


def test_a_filtered_page_can_be_sent_to_somebody(open_page: Open) -> None:
    page = open_page("/r/done/-/rollouts?step_from=10&step_to=12&disagree=1")
    assert page.get_by_label("from").first.input_value() == "10"
    assert page.get_by_label("group disagrees").is_checked()
    steps = {int(text) for text in page.locator("tbody td:nth-child(3)").all_inner_texts()}
    assert steps <= {10, 11, 12}
    page.get_by_placeholder("in the response").fill("return")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=return**")
    assert "reward_from" not in page.url  # what was left empty is not in the address
    page.evaluate(
        "document.querySelector('form.filters').addEventListener('submit', (event) => event.preventDefault())"
    )
    page.get_by_role("button", name="Filter").click()
    assert page.locator("form.filters :disabled").count() == 0  # who comes back to the page can fill it in again


def test_keys_go_through_the_rows(open_page: Open) -> None:
    page = open_page("/r/done/-/rollouts?status=correct")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("tbody tr").nth(1)
    assert "here" in (second.get_attribute("class") or "")
    page.keyboard.press("Enter")
    page.wait_for_url("**/rollouts/0**")
    page.keyboard.press("u")
    page.wait_for_url("**/groups/**")


def test_a_live_run_is_followed_to_its_end(open_page: Open, folder: Path) -> None:
    live = folder / "live"
    metrics = live / "rl" / "metrics.jsonl"
    metrics.touch()
    page = open_page("/r/live")
    page.get_by_text("Running. RL: step 60").wait_for()
    with metrics.open("a") as file:
        file.write(json.dumps({"step": 61, "total": 62, "reward": 1.0, "reward/math": 1.0}) + "\n")
    page.get_by_text("Running. RL: step 61 of 62").wait_for()
    assert page.evaluate("document.querySelector('#rl-0').data[0].x.at(-1)") == 61
    (live / "summary.json").write_text(json.dumps(RUNS["summary"]()))
    page.get_by_text("96.7%").first.wait_for()  # it has loaded itself anew
    assert page.locator("[data-live]").inner_text() == ""


def test_a_page_opened_before_the_first_step_shows_the_steps_as_they_come(open_page: Open, folder: Path) -> None:
    run, rows = folder / "young", (folder / "done" / "rl" / "metrics.jsonl").read_text()
    run.mkdir()
    (run / "metrics.jsonl").touch()
    page = open_page("/r/young")
    page.get_by_text("Running. starting").wait_for()
    (run / "metrics.jsonl").write_text(rows)
    page.locator("#rl-0").wait_for()  # it has loaded itself anew
    drawn(page)
    page.get_by_text("Running. RL: step 60").wait_for()


def test_a_run_that_is_resumed_is_followed_again(open_page: Open, folder: Path) -> None:
    run = shutil.copytree(folder / "done", folder / "resumed")
    (run / "summary.json").unlink()
    for file in run.rglob("*.*"):
        os.utime(file, (0, 0))
    page = open_page("/r/resumed")
    drawn(page)
    assert page.locator("[data-live]").inner_text() == ""
    (run / "rl" / ".alive").touch()
    page.get_by_text("Running. RL: step 60").wait_for()


@pytest.fixture
def training(folder: Path) -> Iterator[Path]:
    """A real run, in a process of its own: a model that knows nothing, and tasks whose rewards differ by chance."""
    python = ROOT / ".venv/bin/python"
    if not python.exists():
        pytest.skip("needs ./.venv: make test-browser")
    reference = {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [WORDS]}
    rows = [
        {"id": f"t{i}", "prompt": f"{i} words", "verifier": "instructions", "reference": reference} for i in range(24)
    ]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "real.toml").write_text(REAL.format(folder=folder))
    with (folder / "real.log").open("wb") as log:
        run = subprocess.Popen(
            [python, "-m", "rlvr.cli", "pipeline", folder / "real.toml"],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
            preexec_fn=heed_interrupts,
        )
    try:
        deadline = time.monotonic() + REAL_S
        while steps(folder / "real") < 2:
            assert run.poll() is None, (folder / "real.log").read_text()
            assert time.monotonic() < deadline, "the run has made no step"
            time.sleep(0.2)
        yield folder / "real"
    finally:
        run.send_signal(signal.SIGINT)
        run.wait(100)


def heed_interrupts() -> None:
    """What a shell starts in the background ignores them, and so would all below it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def steps(run: Path) -> int:
    file = run / "rl" / "metrics.jsonl"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.timeout(600)
def test_a_real_run_is_seen_as_it_goes_on(open_page: Open, training: Path) -> None:
    page = open_page("/r/real")
    status = page.locator("[data-live]")
    status.get_by_text("Running. RL: step").wait_for()
    seen, figure = page.evaluate(LAST_STEP), page.locator(".tile b").first
    playwright.expect(figure).not_to_have_text(figure.inner_text(), timeout=DEADLINE_MS)
    page.screenshot(path=SHOTS / "live-1280-light.png", full_page=True)
    page.get_by_role("link", name="All rollouts").click()
    newest = page.locator("tbody tr").first.inner_text()
    page.get_by_role("link", name="There are newer ones").click()
    assert page.locator("tbody tr").first.inner_text() != newest
    page.locator("tbody tr").last.get_by_role("link").first.click()
    page.get_by_role("button", name="Verify again").click()
    page.get_by_text("Judged again just now: the same verdict").wait_for()
    page.goto(page.url.partition("/-/")[0])
    status.get_by_text("Running. RL: step").wait_for()
    assert page.evaluate(LAST_STEP) > seen


def test_new_rollouts_are_announced(open_page: Open, folder: Path) -> None:
    live = folder / "live"
    (live / "summary.json").unlink(missing_ok=True)
    (live / "rl" / "metrics.jsonl").touch()
    page = open_page("/r/live/-/rollouts")
    page.wait_for_selector("[data-watch]")
    with sqlite3.connect(live / "rl" / "journal.sqlite") as db:
        db.execute("UPDATE rollouts SET status = 'correct', state = 'judged' WHERE state = 'issued'")
    page.get_by_role("link", name="There are newer ones").click()
    page.get_by_text("000060/0/0009/001").first.wait_for()


def test_what_a_model_wrote_stays_text(open_page: Open) -> None:
    for path in ("rollouts/000050/0/0000/000", "groups/000050/0/0000", "rollouts?q=owned"):
        page = open_page(f"/r/done/-/{path}")
        assert page.title() != "owned"
        assert "<script>document.title" in page.locator("main").inner_text()
        assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_reads_well(open_page: Open, theme: str, width: int) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    for name, path in (
        ("runs", "/"),
        ("run", "/r/done"),
        ("rollouts", "/r/done/-/rollouts?disagree=1"),
        ("group", "/r/done/-/groups/000003/0/0001"),
        ("rollout", "/r/done/-/rollouts/000016/0/0001/003"),
    ):
        page = open_page(path, width=width, theme=theme)
        if name == "run":
            drawn(page)
        page.screenshot(path=SHOTS / f"{name}-{width}-{theme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide at {width}"
        assert page.evaluate(POOR) == [], f"{name}, {theme}: text that hardly stands out"
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, button, a[href]')]"
            ".filter(e => !(e.labels?.length || e.textContent.trim() || e.ariaLabel)).length"
        )
        assert unnamed == 0, f"{name}: something that can be used has no name"


POOR = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => { for (let e = element; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.99) return c; }
    return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll("h1, h2, h3, p, td, th, a, span, label, button, pre, code, small, li, b")) {
    if (e.closest(".plot, svg, .hidden, .skip") || !e.offsetParent) continue;
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    if (getComputedStyle(e).backgroundColor.startsWith("color(")) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${e.tagName}.${e.className}: ${ratio.toFixed(2)} ${e.textContent.trim().slice(0, 40)}`);
  }
  return [...new Set(poor)].slice(0, 8);
}"""
"""Text whose contrast is below 4.5 : 1 (WCAG 2.2, 1.4.3)."""


def test_the_report_opens_from_disk_and_asks_nobody(browser: "playwright.Browser", folder: Path) -> None:
    from rlvr.view.report import write_report

    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    path = write_report(folder / "done")
    page.goto(path.as_uri())
    assert asked == [path.as_uri()]
    assert re.search(r"closes 94\.4% of the gap", page.inner_text("header"))
    page.close()
