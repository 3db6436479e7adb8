"""Adapters of the storage ports: Postgres, Redis, Kafka, and one in memory for each."""
