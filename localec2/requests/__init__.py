"""One request on its way: parameters, rates, faults, the log."""
