"""The service's loop through many simulated hours."""
