"""Engines sample responses from a policy: the reference one on transformers, and vLLM for GPUs."""
