"""The speed of the HTTP API: handing in beside a bare handler, at a steady rate, and the page of events."""
