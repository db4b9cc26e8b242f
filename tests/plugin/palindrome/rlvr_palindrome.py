"""A verifier for palindromes."""

from pydantic import BaseModel


class PalindromeReference(BaseModel):
    """`{"length": 5}`: how many letters are asked for."""

    length: int


class PalindromeVerifier:
    """The response is a palindrome of the asked length."""

    name = "palindrome"
    version = "0.1.0"
    Reference = PalindromeReference
    examples = (("level", {"length": 5}, 1.0), ("label", {"length": 5}, 0.0), ("noon", {"length": 5}, 0.0))

    def verify(self, response: str, reference: PalindromeReference, params: object = None) -> bool:
        word = response.strip().lower()
        return word == word[::-1] and len(word) == reference.length
