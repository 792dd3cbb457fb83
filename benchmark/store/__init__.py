"""Files on disk: records and outcomes, and the provenance of their numbers."""
