"""The assistant tasks: what is asked of a model and what its answer must keep."""
