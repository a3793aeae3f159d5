"""What the shipped cells were trained for: data, the sequence shown, and how a cell is measured."""
