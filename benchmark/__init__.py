"""How algorithms are compared: the contract, the examiner, the runner, the records and the report."""
