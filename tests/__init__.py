"""The tests. Whatever process imports them works out once what never changes."""

from . import once

once.install()
