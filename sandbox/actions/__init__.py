"""Stand-ins for the actions of the workflows, for `act` on a machine without a network.

`checkout/` and `setup-python/` are what the workflows name; the modules beside them do the work.
They are run as plain files by whatever Python is there, so they import only the standard library.
"""
