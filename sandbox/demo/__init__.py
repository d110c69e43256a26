"""A company of 60 repositories on six forges, and mgit at work on it: `python -m sandbox.demo`.

Everything is on this machine: no network, no credentials of one's own, nothing left behind.
"""
