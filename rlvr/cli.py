"""`rlvr ...`: the command line. Exit 0 good, 1 the work failed, 2 the user's input is wrong (one clear line each)."""

import sys

import typer

app = typer.Typer(
    name="rlvr",
    help="Reinforcement learning from verifiable rewards.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Reinforcement learning from verifiable rewards."""


def main() -> None:
    app()


if __name__ == "__main__":
    sys.exit(main())
