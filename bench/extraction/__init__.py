"""How good each provider's reading is, on every labelled set that is at hand."""
