"""Is the final answer of a response mathematically equal to the reference? `MathVerifier` is all there is to import."""

from verifiers.math.verifier import MathVerifier as MathVerifier
