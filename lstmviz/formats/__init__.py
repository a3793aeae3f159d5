"""One module a file format: weights in and out."""
