"""The HTTP API: messages in, health and metrics out. Routes call use cases; nothing is decided here."""
