"""The key: the same contents are the same image."""

from dataclasses import fields, replace

from ec2spawner.images.key import Contents

CONTENTS = Contents(
    *("lab-hub", "hydro", "ami-1", "x86_64", "3.8"),
    ("numpy==1.18.1",),
    ("jupyterhub==6.1.0",),
)


def test_the_key_is_the_same_in_every_version_of_this_program():
    # Whoever has to change this line makes every hub build every image again.
    assert CONTENTS.key == "41b98d7b03c49388ac4bca3d2298dc1e30d71fdc"
    assert CONTENTS.image_name == "ec2spawner/hydro/" + CONTENTS.key[:12]


def test_whatever_goes_in_makes_another_key():
    keys = {CONTENTS.key}
    for each in fields(Contents):
        value = getattr(CONTENTS, each.name)
        other = (*value, "x") if isinstance(value, tuple) else "other"
        keys.add(replace(CONTENTS, **{each.name: other}).key)
    assert len(keys) == len(fields(Contents)) + 1
