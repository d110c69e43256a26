"""What this machine has, and how Debian gets what it lacks."""
