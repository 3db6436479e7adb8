"""Sago remembers why an investor said "too early", and says when the reason no longer holds."""
