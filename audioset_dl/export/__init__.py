"""What was downloaded, in the forms that other tools read: one module a format.

A format is a function that takes the folder to write, the saved splits and the files of the clips,
and writes by `audioset_dl.storage.files`. It knows nothing of how a split is made.
"""
