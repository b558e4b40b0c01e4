"""What can go wrong: every error of the C library, as an exception that says what, where, expected, found."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["CancelledError", "EditError", "Error", "FileError", "ForkError", "ImageError", "MemoryLimitError",
           "MissingFileError", "ModelError", "QuestionError", "RequestError", "SpanError", "StoreError", "Warning"]


class Warning(UserWarning):
    """What a result's notes say, such as a total effect too small to mean anything."""


class Error(Exception):
    """An error of loci: ``code`` is the C library's status in words, ``message`` its sentence, ``hint`` the name that
    was probably meant, ``field`` the option or file that the sentence begins with."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message
        meant = re.search(r"did you mean \"?([^\"?]+)", message)
        self.hint = meant.group(1) if meant else ""
        self.field = message.split(":", 1)[0].split(" ", 1)[0]

    def __reduce__(self) -> tuple[type[Error], tuple[str, str]]:
        return type(self), (self.message, self.code)


class RequestError(Error, ValueError):
    """A request that makes no sense: an unknown name, a layer out of range."""


class ModelError(Error):
    """A checkpoint that cannot be read: its files, family, dtype."""


class QuestionError(Error, ValueError):
    """A question that does not go with the model."""


class SpanError(QuestionError):
    """A constraint that is not in its question."""


class ImageError(Error):
    """A picture that cannot be decoded."""


class EditError(Error):
    """An edit that cannot be read or does not fit the model."""


class StoreError(Error):
    """A store that cannot be opened, or whose run this is not."""


class FileError(Error, OSError):
    """A file that cannot be read or written."""

    def __str__(self) -> str:
        return self.message


class MissingFileError(FileError, FileNotFoundError):
    """A file that is not there."""


class MemoryLimitError(Error, MemoryError):
    """More memory than there is, or than ``memory`` allows; ``needed`` has the bytes, 0 if unknown."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message, code)
        found = re.search(r"needs (\d+) (MiB|bytes)", message)
        self.needed = int(found.group(1)) << (20 if found.group(2) == "MiB" else 0) if found else 0


class CancelledError(Error):
    """``timeout`` passed, or ``cancel`` was set; ``partial``: what a trace had measured, or None."""

    def __init__(self, message: str, code: str = "", partial: Any = None) -> None:
        super().__init__(message, code)
        self.partial = partial


class ForkError(Error):
    """A model or study of the process that this one was forked from, or several threads here: they do not follow."""


# The statuses of loci.h, section 1.
OK, EINVAL, EIO, EFORMAT, EUNSUPPORTED, ENOMEM, ECANCELLED, EVERIFY, ESYSTEM = range(9)
MISSING = r"[Nn]o such file|does not exist|is not there|not found|^no model "


def from_status(status: int, words: str, message: str, kind: type[Error]) -> Error:
    """The exception of a status; ``kind`` is that of a bad file or request where the call knows it."""
    asked = kind is QuestionError
    if "was forked from" in message:
        kind = ForkError
    elif status == EINVAL:
        asks = kind in (Error, ModelError) or "the request has no member" in message
        kind = SpanError if asked and "constraint" in message else RequestError if asks else kind
    elif status in (EIO, ESYSTEM):
        kind = MissingFileError if re.search(MISSING, message) else FileError
    else:
        kind = {ENOMEM: MemoryLimitError, ECANCELLED: CancelledError}.get(status, ImageError if asked else kind)
    return kind(message, words)
