"""Settings of what people are told while they work."""

from __future__ import annotations

from traitlets import Bool, HasTraits


class PeopleSettings(HasTraits):
    """Settings of what people see in Jupyter."""

    talk_to_people = Bool(
        True,
        config=True,
        help="""
        Tell people in JupyterLab and Notebook where they work, what it costs and when
        it stops.

        For this each machine gets a small extension of Jupyter with its orders. Nothing
        is installed in the image, and a server starts without it where it does not fit:
        JupyterLab 4 and Notebook 7 show it. With False no machine gets it, and people
        read the Hub's pages only.

        .. versionadded:: 0.1
        """,
    )
