"""The places a release goes to: package index, registry, forge; over HTTP."""
