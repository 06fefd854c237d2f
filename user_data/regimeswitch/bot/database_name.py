"""A short name for freqtrade's database: what a bot keeps beside it is one file for each."""

from __future__ import annotations

import hashlib
from pathlib import Path


_FILE = ":///"


def database_digest(db_url: str) -> str:
    """Eight hex digits of a database.

    :param db_url: however it is spelled: a relative path and the absolute one are one database
    """
    scheme, separator, name = db_url.partition(_FILE)
    address = f"{scheme}{separator}{Path(name).resolve()}" if separator and name else db_url
    return hashlib.sha256(address.encode()).hexdigest()[:8]
