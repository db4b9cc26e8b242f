"""Constraints on a response that a rule can check: IFEval, IF-RLVR's training set, IFBench, and Tulu 3's older form."""

from verifiers.instructions.verifier import InstructionsVerifier as InstructionsVerifier
