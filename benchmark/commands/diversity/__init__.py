"""Diversity of the samples in a file: read (`samples`), measured (`columns`, `measure`), averaged (`rows`), shown."""
