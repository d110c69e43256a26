"""What a release makes: distributions, images, bills of materials, provenance."""
