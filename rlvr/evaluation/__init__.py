"""How good is a model, and how sure are we? Accuracy, intervals, suites, and what training cost on raw text."""
