"""The web helper: status page, API and webhooks, in a process of its own. See docs/adr/0035."""
