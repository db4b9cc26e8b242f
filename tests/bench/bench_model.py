"""Tokens a second of the reference engine and of the learner, on the demo's model and prompts, on one thread."""

from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers.utils.logging import disable_progress_bar

from measure import rate, report
from rlvr import tiny
from rlvr.config import RL, Sampling, Scratch, Tasks
from rlvr.engines.transformers import TransformersEngine
from rlvr.learner.step import Learner
from rlvr.samples import Request, Sample
from rlvr.tasks.procedural import demonstrations, problems

ROLLOUTS = 256
LONGEST = 40


def main() -> None:
    torch.set_num_threads(1)
    disable_progress_bar()
    with TemporaryDirectory() as folder:
        model = build(Path(folder))
        engine = TransformersEngine(model)
        prompts = [problem.task().prompt for problem in islice(problems(0, "train"), ROLLOUTS)]
        encode = partial(engine.tokenizer.apply_chat_template, add_generation_prompt=True, return_dict=False)
        requests = [Request(str(place), tuple(encode(prompt)), place) for place, prompt in enumerate(prompts)]
        sampling = Sampling(max_tokens=LONGEST)
        rollouts = engine.generate(requests, sampling)
        learner = Learner(RL(model=str(model), tasks=Tasks(train="-"), sampling=sampling))
        samples = [Sample(rollout, (-1.0) ** place) for place, rollout in enumerate(rollouts)]

        def sample() -> int:
            return sum(len(rollout.response_ids) for rollout in engine.generate(requests, sampling))

        def learn() -> int:
            return int(learner.step(samples)["tokens"])

        report("model", {"engine, sampled tokens/s": rate(sample), "learner, response tokens/s": rate(learn)})


def build(folder: Path) -> Path:
    """The demo's model, not trained."""
    scratch = Scratch()
    texts = [message["content"] for row in demonstrations(0, 3000, scratch.slip) for message in row["messages"]]
    tiny.build(folder, texts, scratch.vocabulary, scratch.hidden, scratch.layers, seed=0)
    return folder


if __name__ == "__main__":
    main()
