"""Ten ways to say each kind of labelled task, in our own words, for the FLAN recipes.

A template is an input and a target with holes for a data set's fields: `{premise}`. `{options_}` stands for the list
of answers to choose from. As in FLAN, most targets are the answer, and a few turn the task round: given the answer,
say the question. Whoever needs other words gives templates of their own in the configuration.
"""

import re
from collections.abc import Mapping
from typing import Any

from rlvr.config import Section

HOLE = re.compile(r"\{(\w+)\}")
OPTIONS = "options_"


class Template(Section):
    """An input pattern and a target pattern."""

    input: str
    target: str = "{answer}"

    @property
    def holes(self) -> set[str]:
        return set(HOLE.findall(self.input)) | set(HOLE.findall(self.target))

    @property
    def names_options(self) -> bool:
        return OPTIONS in self.holes

    def fill(self, fields: Mapping[str, Any]) -> tuple[str, str]:
        """Input and target. Raises KeyError for a field that is not there."""
        return _filled(self.input, fields), _filled(self.target, fields)


def _filled(pattern: str, fields: Mapping[str, Any]) -> str:
    return HOLE.sub(lambda hole: str(fields[hole[1]]), pattern).strip()


def _same_target(*inputs: str) -> tuple[Template, ...]:
    return tuple(Template(input=text) for text in inputs)


def _turned(*pairs: tuple[str, str]) -> tuple[Template, ...]:
    return tuple(Template(input=given, target=wanted) for given, wanted in pairs)


SETS: dict[str, tuple[Template, ...]] = {
    # premise, hypothesis, answer, options
    "nli": _same_target(
        "{premise}\n\nDoes it follow from this that {hypothesis}\n\n{options_}",
        "Read the passage and judge the claim.\nPassage: {premise}\nClaim: {hypothesis}\n{options_}",
        'Suppose that this is true: {premise}\n\nWhat does it say about the statement "{hypothesis}"?\n{options_}',
        '{premise}\nGiven only these words, how does "{hypothesis}" relate to them?\n\n{options_}\nAnswer:',
        "Text: {premise}\n\nStatement: {hypothesis}\n\nHow do they relate?\n{options_}",
        "Can the second sentence be concluded from the first?\n1. {premise}\n2. {hypothesis}\n{options_}",
        "A reader knows only this: {premise}\nWhat should the reader make of: {hypothesis}\n{options_}",
        "{premise}\n\nBased on that, is it right to say: {hypothesis}\n\n{options_}",
    )
    + _turned(
        ("{premise}\n\nWrite a sentence whose relation to the text above is: {answer}", "{hypothesis}"),
        ('Write a short text to which "{hypothesis}" stands in this relation: {answer}', "{premise}"),
    ),
    # question, answer, options
    "choice": _same_target(
        "{question}\n\n{options_}",
        "Pick the best answer.\n\n{question}\n{options_}",
        "Question: {question}\n{options_}\nAnswer:",
        "Here is a question. Which answer is right?\n{question}\n\n{options_}",
        "{question}\nWhat is the right answer?\n{options_}",
        "Use common sense to answer this: {question}\n\n{options_}",
        "I wonder: {question}\n{options_}\nWhat would you say?",
        "What is the answer that fits best?\n\nQ: {question}\n{options_}\nA:",
    )
    + _turned(
        ('Think of a question that has the answer "{answer}".', "{question}"),
        ("The answer was: {answer}\nWhat was asked?\n{options_}", "{question}"),
    ),
    # text, answer, options
    "classification": _same_target(
        "{text}\n\nWhich of these describes it?\n{options_}",
        "Sort this text into one of the classes.\n\nText: {text}\n{options_}",
        "How would you label the following?\n\n{text}\n\n{options_}",
        "{text}\n{options_}\nThe right label is:",
        'Read this and decide.\n"{text}"\n{options_}',
        "To which class does this belong?\n{text}\n\n{options_}\nClass:",
        "{text}\n\nWhat is your judgement of it?\n{options_}",
        "Someone wrote: {text}\nHow is that best described?\n{options_}",
    )
    + _turned(
        ('Write a text that would be labelled "{answer}".', "{text}"),
        ("Label: {answer}\nWrite a fitting example.", "{text}"),
    ),
    # first, second, answer, options
    "paraphrase": _same_target(
        "{first}\n{second}\n\nDo these two say the same?\n{options_}",
        "First: {first}\nSecond: {second}\nIs one a rewording of the other?\n{options_}",
        "Compare the meaning of the sentences.\n- {first}\n- {second}\n{options_}",
        '"{first}" and "{second}": is the meaning equal?\n\n{options_}',
        'If somebody said "{first}" in place of "{second}", would it mean the same?\n{options_}',
        "Here are two sentences.\n{first}\n{second}\nAre they equivalent?\n{options_}",
        "Would it be wrong to put one sentence for the other?\n1) {first}\n2) {second}\nDo they agree?\n{options_}",
        "{first}\n\nDoes this have the same content: {second}\n{options_}",
    )
    + _turned(
        ("{first}\n\nWrite another sentence. Is it to mean the same as this one? {answer}", "{second}"),
        ("Another sentence and this one, do they agree? {answer}\n{second}\nWrite the other one.", "{first}"),
    ),
    # question, answer
    "question": _same_target(
        "{question}",
        "Question: {question}\nAnswer:",
        "Answer this question: {question}",
        "Please tell me: {question}",
        "Q: {question}\nA:",
        "{question}\n\nWhat is the answer?",
        "I would like to know the following. {question}",
        "Give the answer to this question.\n\n{question}",
    )
    + _turned(
        ('Which question has the answer "{answer}"?', "{question}"),
        ("Answer: {answer}\nQuestion:", "{question}"),
    ),
    # passage, question, answer
    "reading": _same_target(
        "{passage}\n\n{question}",
        "Read the passage, then answer.\n\n{passage}\n\nQuestion: {question}",
        "{passage}\nAccording to this, {question}",
        "Passage: {passage}\nQuestion: {question}\nAnswer:",
        "Find the answer in the text.\nText: {passage}\n\n{question}",
        "Here is what is known: {passage}\n\nFrom it, answer this: {question}",
        "{question}\nThe answer stands in this text:\n{passage}",
        "Use the following to answer the question below it.\n\n{passage}\n\n{question}",
    )
    + _turned(
        ('{passage}\n\nAsk a question about this whose answer is "{answer}".', "{question}"),
        ("Write a passage that answers this.\nQuestion: {question}\nAnswer: {answer}", "{passage}"),
    ),
    # text, answer (the summary)
    "summarization": _same_target(
        "{text}\n\nSummarise this.",
        "Say in a few words what this is about:\n\n{text}",
        "Text: {text}\n\nSummary:",
        "{text}\n\nWhat is the gist?",
        "Write a short version of the following.\n{text}",
        "{text}\n\nHow would you put that in a sentence or two?",
        "A reader in a hurry wants the main point of this:\n{text}",
        "What happened here?\n\n{text}\n\nIn brief:",
    )
    + _turned(
        ("Write a text that could be summarised like this: {answer}", "{text}"),
        ("Summary: {answer}\n\nFull text:", "{text}"),
    ),
    # text, answer (the translation), source_language, target_language
    "translation": _same_target(
        "{text}\n\nTranslate this into {target_language}.",
        "How does one say this in {target_language}?\n{text}",
        "{source_language}: {text}\n{target_language}:",
        "Put the following {source_language} text into {target_language}: {text}",
        '"{text}"\nWhat is that in {target_language}?',
        "Here is a sentence in {source_language}. Write it in {target_language}.\n\n{text}",
        "Translate from {source_language} to {target_language}:\n{text}",
        "A friend reads only {target_language}. Tell them this: {text}",
    )
    + _turned(
        ("{answer}\n\nTranslate this into {source_language}.", "{text}"),
        ("{target_language}: {answer}\n{source_language}:", "{text}"),
    ),
    # data, answer (the text)
    "struct_to_text": _same_target(
        "{data}\n\nSay this in a sentence.",
        "Turn these data into text: {data}",
        "Data: {data}\nText:",
        "Write a sentence that has all of this in it: {data}",
        "{data}\n\nDescribe it in plain words.",
        "Here are some facts in short form. Write them out.\n{data}",
        "What would a text say that was made from this?\n{data}",
        "Tell somebody what is in here: {data}",
    )
    + _turned(
        ("{answer}\n\nGive this as data.", "{data}"),
        ("Text: {answer}\nWhat are the facts in it, in short form?", "{data}"),
    ),
    # question, answer, rationale; the target is the rationale and then the answer
    "reasoning": _turned(
        ("{question}\nThink step by step.", "{rationale} The answer is {answer}."),
        ("Question: {question}\nReason first, then answer.", "{rationale} The answer is {answer}."),
        ("{question}\n\nShow how you get to the answer.", "{rationale} So the answer is {answer}."),
        ("Solve this, and explain each step: {question}", "{rationale}\nAnswer: {answer}"),
        ("Q: {question}\nLet us work it out.\nA:", "{rationale} The answer is {answer}."),
        ("{question}\nWhat is the answer, and why?", "{rationale} The answer is {answer}."),
        ("Work through this before you answer.\n\n{question}", "{rationale} Therefore, the answer is {answer}."),
        ("{question}\nGive your reasoning, then the final answer.", "{rationale}\nFinal answer: {answer}"),
        ("Here is a problem. {question}\nHow would you solve it?", "{rationale} The answer is {answer}."),
        ("{question}\n\nStep by step:", "{rationale} The answer is {answer}."),
    ),
    # question, answer, rationale; what FLAN v2 calls input inversion
    "reasoning_inverted": _turned(
        ("The answer is {answer}.\nThe reasoning was: {rationale}\nWhat was the question?", "{question}"),
        ("{rationale} The answer is {answer}.\n\nWrite the question that this solves.", "{question}"),
        ("Question: {question}\nAnswer: {answer}\nExplain why.", "{rationale}"),
        ("{question}\nThe answer is {answer}. How does one get there?", "{rationale}"),
        ("Write a problem with the answer {answer}, and its solution.", "Problem: {question}\nSolution: {rationale}"),
        ("Reasoning: {rationale}\nGive the question and the answer.", "Question: {question}\nAnswer: {answer}"),
        ("Which problem does this solve?\n{rationale}", "{question}"),
        ("Say what was asked: {rationale} So it is {answer}.", "{question}"),
        ("{question}\nThe right answer is {answer}; why?", "{rationale}"),
        ("Make up a problem to which this is the solution.\n{rationale}", "{question}"),
    ),
    # dialog, answer (the next turn)
    "dialog": _same_target(
        "{dialog}\n\nWhat is said next?",
        "Go on with this conversation.\n\n{dialog}",
        "{dialog}\nNext turn:",
        "Here is a dialog. Write the reply.\n{dialog}",
        "How would you answer the last turn?\n\n{dialog}",
        "{dialog}\n\nThe other one replies:",
        "Read the conversation and say what comes next: {dialog}",
        "You take part in this conversation.\n{dialog}\nIt is your turn.",
        "{dialog}\nContinue.",
        "Conversation so far:\n{dialog}\n\nReply:",
    ),
    "dialog_inverted": _turned(
        ("The reply was: {answer}\nWhat had been said before?", "{dialog}"),
        ("{answer}\n\nWrite the conversation that ends in these words.", "{dialog}"),
        ('Write a dialog to which one would reply "{answer}".', "{dialog}"),
        ("Last turn: {answer}\nThe turns before it:", "{dialog}"),
        ("How did a conversation go that led to this? {answer}", "{dialog}"),
        ("Somebody says: {answer}\nImagine what came before.", "{dialog}"),
        ("This is how a conversation ended: {answer}\nHow did it begin?", "{dialog}"),
        ("Give the context of this reply.\n{answer}", "{dialog}"),
        ("{answer}\nTo what is this a reply?", "{dialog}"),
        ("Reconstruct the dialog before this turn: {answer}", "{dialog}"),
    ),
}
"""Kind of task -> its ten templates. The comment above each names the fields."""
