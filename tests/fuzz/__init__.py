"""Fuzzing of everything that reads files: `python -m tests.fuzz --seconds 60`, or `make fuzz`.

A case is a target and a number, which say all that is random: what was found is found again with `--target T --case N`.
"""
