"""What `deploy/kubernetes` says, as a cluster would get it."""
