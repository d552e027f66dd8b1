"""The graph IR: nodes, types, text form, verifier.  Imports nothing of symc but its errors."""
