"""What runs inside the sandbox. Standard library only; nothing here ever holds an expected answer of the outer side.

`codec` is read on both sides of the wall. `calls` and `scripts` run next to the untrusted program; `replay` runs the
test code of a task in a run of its own, without the program.
"""
