"""The doctor: what would keep a download from going well, and how to fix it.

Looks at what a download uses, by the same code, and changes nothing: neither the dataset nor
AudioSet's files. Returns checks and prints nothing.
"""
