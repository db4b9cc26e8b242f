"""`create_app(root)`: pages over the runs below a folder, from curves to groups to a single verification.

Nothing is written. The one thing that is done is to judge a response again, with the verifiers that are installed here.
Everything comes from this process: no address of another machine is in any page.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from importlib import resources, util
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from rlvr.view import rollouts, runs, traces
from rlvr.view.access import Access
from rlvr.view.history import prompt_text
from rlvr.view.report import context, fill, looks_of
from rlvr.view.rescored import rescores
from rlvr.view.run import NoRun, Run, is_run
from rlvr.view.verification import curl, explain, item_of
from verifiers import Grader, Task, Verdict

ASSETS = {"report.css": "text/css", "view.css": "text/css", "view.js": "text/javascript"}
PLOTLY = "plotly.min.js"
MOST_PAGES = 10**9

router = APIRouter()


@router.get("/")
async def index(request: Request) -> Response:
    """All runs; with a single one, that one."""
    found = runs.find(request.app.state.root)
    if len(found) == 1 and is_run(request.app.state.root):
        return RedirectResponse(_address(request, "show_run", run=next(iter(found))))
    return _html(request, "runs.html", runs=runs.listed(request.app.state.root), root=request.app.state.root)


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """Style, script, and plotly.js out of the plotly wheel."""
    if name == PLOTLY:
        return FileResponse(_plotly(), media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})
    if name not in ASSETS:
        raise HTTPException(404, f"no file {name!r}")
    text = resources.files("rlvr.view").joinpath("templates", name).read_text(encoding="utf-8")
    return Response(text, media_type=ASSETS[name], headers={"Cache-Control": "no-cache"})


@router.get("/r/{run:path}/-/curves.json")
def curves(request: Request, run: str) -> Response:
    """The run's numbers, for its page to draw. 304 as long as nothing has changed."""
    path = _path(request, run)
    tag = f'"{hash((runs.stamp(path), runs.is_live(runs.read(path)))):x}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304)
    found = runs.read(path)
    body = traces.body(found, looks_of(found), runs.is_live(found))
    return JSONResponse(body, headers={"ETag": tag, "Cache-Control": "no-cache"})


@router.get("/r/{run:path}/-/rollouts")
def list_rollouts(request: Request, run: str, filters: Annotated[rollouts.Filters, Query()]) -> Response:
    """One page of rollouts, filtered, newest first."""
    journal = _journal(_run(request, run))
    verifiers, statuses = _choices(journal, runs.stamp(journal.parent))
    return _html(
        request,
        "rollouts.html",
        run_name=run,
        filters=filters,
        page=rollouts.search(journal, filters),
        verifiers=verifiers,
        statuses=statuses,
        newest=rollouts.newest(journal),
        live=runs.is_live(_run(request, run)),
        group_of=rollouts.group_of,
    )


@router.get("/r/{run:path}/-/newest.json")
def newest(request: Request, run: str) -> Response:
    """What the newest rollout is, for pages that are open."""
    return JSONResponse({"newest": rollouts.newest(_journal(_run(request, run)))})


@router.get("/r/{run:path}/-/groups/{name:path}")
def show_group(request: Request, run: str, name: str) -> Response:
    """All responses to one prompt side by side."""
    journal = _journal(_run(request, run))
    found = rollouts.group(journal, name)
    if not found:
        raise HTTPException(404, f"no group {name!r} in {run}")
    before, after = rollouts.neighbours(journal, name)
    values: dict[str, Any] = {
        "rows": found,
        "task": _task(found[0]),
        "before": before,
        "after": after,
        "name": name,
        "run_name": run,
    }
    return _html(request, "group.html", **values, prompt_text=prompt_text)


@router.get("/r/{run:path}/-/rollouts/{id:path}")
def show_rollout(request: Request, run: str, id: str) -> Response:
    """One response and its verification in full."""
    return _rollout_page(request, run, id, None)


@router.post("/r/{run:path}/-/rollouts/{id:path}")
async def verify_again(request: Request, run: str, id: str) -> Response:
    """Judge the response once more, with what is installed here, and show both verdicts."""
    row = _found(request, run, id)
    verdict = await request.app.state.grader.grade(item_of(_task(row), row["text"] or ""))
    return _rollout_page(request, run, id, verdict)


@router.get("/r/{run:path}/-/rescores/{name}")
def show_rescore(
    request: Request, run: str, name: str, page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1
) -> Response:
    """What another judgement of the whole run changed."""
    found = next((each for each in rescores(_run(request, run).path) if each.name == name), None)
    if found is None:
        raise HTTPException(404, f"no rescore {name!r} of {run}")
    return _html(request, "rescore.html", run_name=run, rescore=found, flips=found.flips(page), page_number=page)


@router.get("/r/{run:path}")
def show_run(request: Request, run: str) -> Response:
    """A run: its story, its curves, what the verifiers said."""
    path = _path(request, run)
    found = runs.read(path)

    def link(**filters: str) -> str:
        return _address(request, "list_rollouts", filters, run=run)

    return _html(
        request,
        "run.html",
        **_context(path, runs.stamp(path)) | {"link": link},
        run_name=run,
        live=runs.is_live(found),
        sections=traces.sections(found, looks_of(found)),
        journal=found.journal,
        rescores=rescores(path),
    )


@lru_cache(maxsize=16)
def _context(path: Path, _: tuple[float, ...]) -> dict[str, Any]:
    """Going through a large journal takes a while; as long as no file changes, once is enough."""
    return context(runs.read(path))


@lru_cache(maxsize=16)
def _choices(journal: Path, _: tuple[float, ...]) -> tuple[list[str], list[str]]:
    return rollouts.choices(journal)


def _rollout_page(request: Request, run: str, id: str, again: Verdict | None) -> Response:
    row = _found(request, run, id)
    task = _task(row)
    then = explain(task, _verdict(row)) if row["status"] else None
    return _html(
        request,
        "rollout.html",
        run_name=run,
        row=row,
        task=task,
        prompt=prompt_text(task.prompt),
        then=then,
        again=explain(task, again) if again else None,
        curl=curl(item_of(task, row["text"] or "")),
        numbers=rollouts.numbers(row),
        group=rollouts.group_of(id),
    )


def _found(request: Request, run: str, id: str) -> rollouts.Row:
    row = rollouts.rollout(_journal(_run(request, run)), id)
    if row is None:
        raise HTTPException(404, f"no rollout {id!r} in {run}")
    return row


def _task(row: rollouts.Row) -> Task:
    try:
        return Task.model_validate_json(row["row"] or "")
    except ValidationError:
        return Task(id=row["task"], prompt="", verifier=row["verifier"] or "")


def _verdict(row: rollouts.Row) -> Verdict:
    names = ("id", "status", "score", "reason", "extracted", "verifier", "elapsed_ms", "cached")
    told = {name: row[name] for name in names if row[name] is not None}
    return Verdict.model_construct(**told, details=json.loads(row["details"] or "{}"), version=row["verifier_version"])


def _path(request: Request, run: str) -> Path:
    found = runs.find(request.app.state.root)
    if run not in found:
        raise HTTPException(404, f"no run {run!r} below {request.app.state.root}")
    return found[run]


def _run(request: Request, run: str) -> Run:
    return runs.read(_path(request, run))


def _journal(run: Run) -> Path:
    if run.journal is None:
        raise HTTPException(404, f"{run.path.name} has no rollouts: only an RL stage writes a journal")
    return run.journal


def _html(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(fill(template, url=partial(_address, request), **values), status)


def _address(request: Request, route: str, query: Mapping[str, Any] | None = None, **parts: str) -> str:
    """Of a page. Folders may have any name, so what would end a path or mean another sign is written as `%23`."""
    path = quote(request.app.url_path_for(route, **parts), errors="surrogateescape")
    return f"{path}?{urlencode(query)}" if query else path


@lru_cache(maxsize=1)
def _plotly() -> Path:
    """Raises ModuleNotFoundError when the wheel is not installed. It is found without being imported."""
    spec = util.find_spec("plotly")
    if spec is None or not spec.origin:
        raise ModuleNotFoundError("No module named 'plotly'", name="plotly")
    return Path(spec.origin).parent / "package_data" / PLOTLY


def _tell(status: Callable[[Any], int], about: Callable[[Any], str]) -> Any:
    async def handler(request: Request, error: Exception) -> Response:
        return _html(request, "error.html", status=status(error), code=status(error), about=about(error))

    return handler


def _first(error: RequestValidationError) -> str:
    found = error.errors()[0]
    return f"{found['loc'][-1]}: {found['msg']}; got {found.get('input')!r}"


def create_app(
    root: Path, keys: Collection[str] = (), hosts: Collection[str] = ("localhost", "127.0.0.1", "::1")
) -> FastAPI:
    """The app. Without keys it answers to these host names only. Raises ModuleNotFoundError without plotly."""
    _plotly()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with Grader(workers=1, cache_size=0) as app.state.grader:
            yield

    app = FastAPI(title="rlvr view", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.root = root
    app.include_router(router)
    app.add_exception_handler(HTTPException, _tell(lambda e: int(e.status_code), lambda e: str(e.detail)))
    app.add_exception_handler(RequestValidationError, _tell(lambda _: 422, _first))
    app.add_exception_handler(NoRun, _tell(lambda _: 404, str))
    app.add_exception_handler(sqlite3.Error, _tell(lambda _: 500, lambda e: f"the journal cannot be read: {e}"))
    app.add_middleware(Access, keys=keys, hosts=hosts)
    return app
