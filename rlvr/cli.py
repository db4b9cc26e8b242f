"""`rlvr ...`: the command line. Exit 0 good, 1 the work failed, 2 the user's input is wrong (one clear line each)."""

import typer

from rlvr.commands import (
    config,
    data,
    demo,
    deploy,
    doctor,
    export,
    plan,
    replay,
    report,
    rescore,
    sandbox,
    serve,
    stages,
    submit,
    tasks,
    verifiers,
    verify,
    view,
)

app = typer.Typer(
    name="rlvr",
    help="Reinforcement learning from verifiable rewards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.command()(demo.demo)
for name, stage in (
    ("sft", stages.sft),
    ("dpo", stages.dpo),
    ("reward-model", stages.reward_model),
    ("rl", stages.rl),
    ("eval", stages.evaluate),
    ("pipeline", stages.pipeline),
):
    app.command(name, context_settings=stages.ANY_OPTION)(stage)
app.command(context_settings=stages.ANY_OPTION)(submit.submit)
app.add_typer(submit.app, name="jobs")
app.command("runs")(view.list_runs)
app.command()(view.view)
app.command()(report.report)
app.command()(rescore.rescore)
app.command()(replay.replay)
app.add_typer(export.app, name="export")
app.add_typer(tasks.app, name="tasks")
app.add_typer(data.app, name="data")
app.add_typer(config.app, name="config")
app.command(context_settings=stages.ANY_OPTION)(plan.plan)
app.add_typer(deploy.app, name="deploy")
app.command()(verify.verify)
app.add_typer(verifiers.app, name="verifiers")
app.add_typer(sandbox.app, name="sandbox")
app.command()(serve.serve)
app.command()(doctor.doctor)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
