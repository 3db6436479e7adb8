"""Use cases of the way from message to event, over ports only."""
