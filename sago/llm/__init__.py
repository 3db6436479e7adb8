"""Providers that read messages and write letters."""
