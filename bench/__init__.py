"""What mgit costs, measured beside what people do without it: `python -m bench`.

Benchmarks run the product as everybody does, as a program. docs/benchmarks.md says how.
"""
