"""The nouns of Sago in plain Python and pydantic: no server, no file, no clock."""
