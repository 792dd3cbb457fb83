"""Bytes on disk: records, outcomes, and where they come from."""
