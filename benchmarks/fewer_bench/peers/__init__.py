"""What fewer is measured beside: the same segments asked of other programs, a query each."""
