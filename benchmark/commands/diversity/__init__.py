"""Diversity of anyone's samples: read (`samples`), measured (`columns`, `measure`), averaged (`rows`) and shown."""
