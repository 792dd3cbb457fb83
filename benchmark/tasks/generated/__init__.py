"""Problem families this repository generates: they know every correct way to their answer."""
