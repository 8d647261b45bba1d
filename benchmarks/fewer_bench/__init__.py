"""What `benchmarks/run.py` measures: one file for each question, and the peers beside."""
