"""The engagement index: a cache derived from the data files, and kernels that work on it."""
