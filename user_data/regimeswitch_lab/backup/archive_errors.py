"""The error of bots that cannot be copied and archives that cannot be used."""


class ArchiveError(ValueError):
    """A bot that cannot be copied, or an archive that cannot be used; the text says why."""
