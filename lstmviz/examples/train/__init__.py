"""How the shipped cells were trained, each task a program: `python -m lstmviz.examples.train.sunspots`.

They need Keras and TensorFlow, run from a checkout, and write what the package ships. One thread and a seed make a run
repeatable on one machine and version; another processor rounds otherwise and ends in other digits.
"""
