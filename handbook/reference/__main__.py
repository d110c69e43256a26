"""`python -m handbook.reference`: write the generated pages anew."""

from __future__ import annotations

import sys

from handbook.reference.pages import PAGES, renew

if __name__ == "__main__":
    for path in renew():
        sys.stdout.write(f"{path} written\n")
    sys.stdout.write(f"{len(PAGES)} pages are as the code says\n")
