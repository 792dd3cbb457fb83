"""Tables of the report: one module a section."""
