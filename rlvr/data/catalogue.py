"""Which recipes there are. Light, so that `rlvr --help` need not import them."""

RECIPES: dict[str, tuple[str, str]] = {
    "flan": ("rlvr.data.flan:Flan", "Labelled data sets told as instructions, ten templates each, clusters held out."),
    "self-instruct": (
        "rlvr.data.self_instruct:SelfInstruct",
        "Tasks and examples that a model writes from a few seed tasks.",
    ),
    "flan-v2": ("rlvr.data.flan_v2:FlanV2", "Five sub-mixtures in four styles, with and without exemplars."),
    "alpaca": ("rlvr.data.alpaca:Alpaca", "Whole examples that a model writes, twenty to a request, from seed tasks."),
    "evol-instruct": (
        "rlvr.data.evol_instruct:EvolInstruct",
        "Prompts that a model makes harder in rounds, with elimination of what fails.",
    ),
    "lima": ("rlvr.data.lima:Lima", "A thousand examples, chosen by quality and diversity, in fixed shares."),
    "orca": ("rlvr.data.orca:Orca", "Explained answers of two teachers, under system messages that ask for them."),
    "glan": ("rlvr.data.glan:Glan", "Questions and answers out of a taxonomy of human knowledge alone."),
    "tulu3": ("rlvr.data.tulu3:Tulu3", "Personas' prompts, verified or judged pairs, and tasks for RL."),
    "magpie": (
        "rlvr.data.magpie:Magpie",
        "Queries that an aligned model writes when a user's turn is left to it.",
    ),
}
"""Name -> (`module:Class`, what it makes). In the order in which they were published."""
