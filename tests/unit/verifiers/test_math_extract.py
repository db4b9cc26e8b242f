"""Where the answer stands in a response."""

import pytest

from verifiers.math.extract import extract


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("First \\boxed{1}, no: \\boxed{2}.", "2"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed 7", "7"),
        ("\\fbox{7}", "7"),
        ("\\boxed{\\boxed{7}}", "7"),
        ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
        ("it is \\boxed{4} and \\boxed{5}", "4 , 5"),
        ("\\boxed{4} or \\boxed{5}", "4 or 5"),
        ("an open \\boxed{1 and then \\boxed{3}", "3"),
        ("<think>\\boxed{1}</think>\\boxed{2}", "2"),
        ("<think>maybe 3</think>The answer is 4", "4"),
        ("<answer>12</answer>", "12"),
        ("work\n#### 1,234", "1,234"),
        ("work\nA: 72", "72"),
        ("**Answer:** 12", "12"),
        ("**Final Answer**: $x = 3$", "x = 3"),
        ("The final answer is $\\frac{3}{5}$. I hope it is correct.", "\\frac{3}{5}"),
        ("The answer is: 12.5.", "12.5"),
        ("So the answer is 12, because 3 times 4 is 12.", "12"),
        ("The answer is 12 since 3*4 = 12", "12"),
        ("Therefore the probability is $\\frac{3}{5}$.", "\\frac{3}{5}"),
        ("Hence she has $3$ or $4$.", "3 or 4"),
        ("She pays 5 * 3 = 15 dollars", "15"),
        ("In all, they drove 1,250 miles last year.", "1,250"),
        ("The loss was -12.50 in the end", "-12.50"),
        ("x^2 + 1", "x^2 + 1"),
        ("right triangle", "right triangle"),
        ("(C)", "(C)"),
        ("The answer is $\\$42$.", "\\$42"),
    ],
)
def test_answer_is_found(response: str, answer: str) -> None:
    assert extract(response).text == answer


@pytest.mark.parametrize(
    ("response", "how"),
    [
        ("", "empty_response"),
        ("  \n", "empty_response"),
        ("I cannot solve this.", "no_answer"),
        ("\\boxed{5", "unbalanced_box"),
        ("5 \\boxed{}", "empty_box"),
        ("\\boxed{ }", "empty_box"),
        ("<think>the answer is 5", "unfinished_thinking"),
        ("The answer is not 5.", "negated"),
        ("It may be 1, 2, 3, 4, 5 I guess 6 7", "hedged"),
        ("I am sure that it is 3 or 4", "hedged"),
    ],
)
def test_there_is_no_answer(response: str, how: str) -> None:
    found = extract(response)
    assert (found.text, found.how) == (None, how)


def test_an_open_box_after_a_closed_one_is_no_answer() -> None:
    assert extract("\\boxed{3} wait, \\boxed{4").text is None


def test_methods_look_only_where_they_say() -> None:
    response = "The final answer is 3. \\boxed{4}\n#### 5"
    assert [extract(response, method).text for method in ("boxed", "final_answer", "hashes")] == ["4", "3", "5"]
    assert extract("3 and 4", "whole").text == "3 and 4"
    assert extract("it is 3", "boxed").text is None
