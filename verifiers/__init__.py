"""Verifiers turn a response into a verdict. Light by rule: no torch, ray or vllm below this line."""

__project__ = "rlvr"

from verifiers.base import Task as Task
from verifiers.base import Verdict as Verdict
from verifiers.base import Verifier as Verifier
from verifiers.base import VerifierError as VerifierError
from verifiers.call import Item as Item
from verifiers.grader import Grader as Grader
from verifiers.grader import averify as averify
from verifiers.grader import verify as verify
from verifiers.registry import register as register
