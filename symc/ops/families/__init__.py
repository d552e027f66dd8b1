"""The operator blocks, one file a family."""
