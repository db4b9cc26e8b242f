"""Instruction data by the field's published recipes, from FLAN to Tulu 3, on a small common core.

The core: `record.py` (what travels), `stage.py` (what is done to it), `recipe.py` (rounds of stages), `run.py` (runs
them and survives a kill), `log.py` (what a teacher has answered is never asked again).
"""
