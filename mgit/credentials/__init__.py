"""Credentials: found, kept, handed to git, hidden everywhere else.

A credential belongs to scheme + host + port. No match, no credential.
"""

from mgit.credentials.askpass import Askpass
from mgit.credentials.find import CredentialRequest, Finder, find, standard_finders
from mgit.credentials.redact import Redactor
from mgit.credentials.secret import Credential, CredentialBook, Secret
from mgit.credentials.store import CredentialStore

__all__ = [
    "Askpass",
    "Credential",
    "CredentialBook",
    "CredentialRequest",
    "CredentialStore",
    "Finder",
    "Redactor",
    "Secret",
    "find",
    "standard_finders",
]
