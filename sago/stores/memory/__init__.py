"""In-memory adapters of every port, kept true by the contract suites."""
