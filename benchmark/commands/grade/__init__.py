"""`bakeoff grade`: grades the answers in any file."""
