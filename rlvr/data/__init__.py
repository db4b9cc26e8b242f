"""Instruction data by the field's published recipes, from FLAN to Tulu 3, on a small common core."""
