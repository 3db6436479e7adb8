"""Breakers around what does not always answer, shared by all processes."""
