"""The image and a single-stage build of the same, built and weighed in one run."""
