"""The engagement index: a cache derived from the data files, and the kernels that evaluate on it."""
