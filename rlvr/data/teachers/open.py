"""The teacher that a section of the configuration names."""

from rlvr.data.teachers.base import Teacher
from rlvr.data.teachers.config import Answering, OpenAITeacher, ReplayTeacher, VLLMTeacher


def open_teacher(role: str, config: Answering) -> Teacher:
    """`role` is the recipe's name for it. Raises UserError for what can be told at once: a missing key or file."""
    match config:
        case OpenAITeacher():
            from rlvr.data.teachers.openai import OpenAI

            return OpenAI(config)
        case VLLMTeacher():
            from rlvr.data.teachers.vllm import VLLM

            return VLLM(config)
        case ReplayTeacher():
            from rlvr.data.teachers.replay import Replay

            return Replay(role, config)
    raise AssertionError(f"no teacher for {type(config).__name__}")
