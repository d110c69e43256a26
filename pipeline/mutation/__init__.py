"""Mutation testing: small faults are put into the code, and the tests must notice them.

mutmut makes the mutants and runs the tests that reach each of them; what is here gives it a copy of
the tree, reads what came of it, and holds the result against a mark. See ADR 42.
"""
