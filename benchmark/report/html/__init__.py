"""The report as one HTML page with a browser of every completion."""
