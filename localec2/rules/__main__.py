"""Print the table."""

from . import as_markdown

print(as_markdown())
