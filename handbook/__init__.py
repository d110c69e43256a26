"""The handbook: what is in it and in which order, and what of it is made from the code.

The pages are `docs/` and some of the root, as they are read on a forge. `handbook.staging` lays
them out for Sphinx, `handbook.checking` looks at the site that came of it, `handbook.reference`
writes those pages that the code knows best. Nothing of it is shipped.
"""
