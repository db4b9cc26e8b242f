"""One rank of `test_learner_ranks.py`: takes the same step under several settings, and writes what came of it.

python rank_gradients.py FOLDER ADDRESS NUMBER SIZE
"""

import pickle
import sys
from pathlib import Path

import torch

from rlvr.learner import checkpoint, ranks
from rlvr.learner.step import Learner

folder, address, number, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
configs, samples = pickle.loads((folder / "work.pickle").read_bytes())
rank = ranks.join(address, number, size, "cpu")
found = {}
for name, config in configs.items():
    learner = Learner(config, rank)
    metrics = [learner.step(samples)]
    grads = {
        f"{model}.{key}": p.grad.full_tensor() if hasattr(p.grad, "full_tensor") else p.grad.clone()
        for model, module in learner.models.items()
        for key, p in module.model.named_parameters()
        if p.grad is not None
    }
    checkpoint.write(learner, folder / f"{name}-{size}", 1)
    metrics.append(learner.step(samples[::-1]))
    again = Learner(config, rank)
    checkpoint.restore(again, folder / f"{name}-{size}")
    resumed = again.step(samples[::-1])
    found[name] = {"metrics": metrics, "resumed": resumed, "grads": grads, "weights": learner.weights()}
if rank.first:
    (folder / f"found-{size}.pickle").write_bytes(pickle.dumps(found))
if size > 1:
    torch.distributed.destroy_process_group()
