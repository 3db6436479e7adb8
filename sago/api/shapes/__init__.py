"""What routes answer with, as it stands in the OpenAPI document."""
