"""Signatures: cosign's key, in-toto envelopes, what lies beside an image, the transparency log."""
