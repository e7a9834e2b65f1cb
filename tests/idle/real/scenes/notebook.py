"""A notebook of one cell, and the program that executes it."""

import json

JUPYTER = "/opt/jupyter/bin/jupyter"
_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(code: str) -> str:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": []}
    cell |= {"execution_count": None, "source": code}
    kernel = {"kernelspec": _KERNEL}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]}
    return json.dumps(whole)
