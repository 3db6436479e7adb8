"""Sources: what other programs export or send, read into the one shape of `sago.domain.messages`."""
