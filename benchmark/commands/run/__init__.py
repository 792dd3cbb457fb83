"""`bakeoff run`, `bakeoff fairness` and `bakeoff report`: a suite from its question to its report."""
