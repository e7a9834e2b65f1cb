"""What the documentation tells an admin to configure can be configured."""

import re
import textwrap

import pytest

from ec2spawner.profiles.read import read_profiles
from ec2spawner.server.choice import settable_by_profiles

from .configs import DOCS, ROOT, load, settings_of, spawner_of, unrecognised

MARK = "# jupyterhub_config.py\n"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^( *)```python\n(.*?)^\1```", re.M | re.S)
BLOCKS = [
    (f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 2}", code)
    for page in PAGES
    for text in [page.read_text()]
    for match in FENCE.finditer(text)
    for code in [textwrap.dedent(match[2])]
]
CONFIGS = [(where, code) for where, code in BLOCKS if code.startswith(MARK)]


def test_blocks_are_found():
    pages = {where.split(":")[0] for where, _ in CONFIGS}
    assert {
        "README.md",
        "docs/howto/idle.md",
        "docs/howto/profiles.md",
        "docs/howto/tags.md",
        "docs/reference/configuration.md",
    } <= pages


@pytest.mark.parametrize("where, code", BLOCKS, ids=[where for where, _ in BLOCKS])
def test_a_block_of_python_parses(where, code):
    compile(code, where, "exec")


@pytest.mark.parametrize("where, code", CONFIGS, ids=[where for where, _ in CONFIGS])
def test_a_configuration_can_be_loaded(where, code, tmp_path):
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(code)
    app = load(path)
    assert settings_of(app.config), "it sets nothing"
    assert list(unrecognised(app)) == []
    spawner = spawner_of(app)  # traits check their values here
    if not callable(spawner.profile_list):
        read_profiles(spawner.profile_list, settable_by_profiles(spawner))
