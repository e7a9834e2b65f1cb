"""Which modules a repository's code imports."""

import json

from ec2spawner.images.imports import imported_modules


def notebook(*cells):
    made = [{"cell_type": "code", "source": each} for each in cells]
    return json.dumps(
        {"cells": [{"cell_type": "markdown", "source": "import no"}, *made]}
    )


def test_modules_of_others_are_found_in_code_and_notebooks():
    found = imported_modules(
        {
            "run.py": "import os, numpy as np\nfrom sklearn.tree import export\n",
            "a.ipynb": notebook(
                ["%matplotlib inline\n", "import spotpy\n", "!pip install x\n"],
                "for a in b:\n    %time\nimport pandas",
                "%%bash\nimport nothing",
            ),
        }
    )
    assert found == {
        "numpy": "run.py",
        "sklearn": "run.py",
        "spotpy": "a.ipynb",
        "pandas": "a.ipynb",
    }


def test_its_own_modules_and_what_cannot_be_read_say_nothing():
    found = imported_modules(
        {
            "lib/helper.py": "import tools, lib, helper\nfrom . import other",
            "tools.py": "",
            "old.py": "print 'import a'",
            "broken.ipynb": "{",
            "list.ipynb": "[]",
        }
    )
    assert found == {}
