"""The learner: pure functions over flat packed tensors, and the one object that owns model and optimizer.

Every per-token tensor is `(N,)`, sequences told apart by `seq: (N,)`. Each token carries one weight, computed once per
optimizer step, so that micro-batches, packing and ranks cannot change the result. Three streams of log-probabilities
are never mixed: `sampler` (what the engine sampled from), `old` (the learner before the step), `logp` (now).
"""
