"""Whether compiled code computes what the network means: compared with the interpreter on inputs drawn for it.

What is compared, the tolerances and their reasons: docs/verification.md.
"""
