"""The rows: a file for each thing that is judged. They ask nobody."""
