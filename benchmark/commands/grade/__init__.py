"""`bakeoff grade`: verdicts on anyone's answers."""
