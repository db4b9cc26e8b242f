"""Programs judged by tests: HumanEval, MBPP, APPS, TACO, LiveCodeBench and programs that read standard input.

Expected answers never enter the process that runs the model's program. The program gets inputs; what it returns comes
back as plain data and is compared outside.
"""

from verifiers.code.reference import CodeParams, CodeReference
from verifiers.code.verifier import CodeVerifier

__all__ = ["CodeParams", "CodeReference", "CodeVerifier"]
