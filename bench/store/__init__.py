"""What the store path costs, on real servers and the Procfile's own processes: `python -m bench.store --help`."""
