"""Operator blocks: one block an operator, one file a family; `registry.REGISTRY` has them by name."""
