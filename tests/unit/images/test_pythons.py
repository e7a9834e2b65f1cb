"""Which Python: by the wheels that there are for the pins."""

import pytest

from ec2spawner.images.errors import ImageError
from ec2spawner.images.index import File
from ec2spawner.images.pythons import choose, newest_pin, offer, offers_of


def wheel(name, version, *pythons, platform="manylinux1_x86_64", **more):
    return [
        File(f"{name}-{version}-cp3{m}-cp3{m}-{platform}.whl", "", **more)
        for m in pythons
    ]


def source(name, version, **more):
    return [File(f"{name}-{version}.tar.gz", "", **more)]


def pure(name, version, **more):
    return [File(f"{name}-{version}-py3-none-any.whl", "", **more)]


PINS = {
    "matplotlib": [
        *wheel("matplotlib", "3.1.3", 6, 7, 8),
        *source("matplotlib", "3.1.3"),
    ],
    "numpy": [
        *wheel("numpy", "1.18.1", 5, 6, 7, 8, uploaded="2020-01-06"),
        *wheel("numpy", "2.0.0", 9, 10, 11, 12, platform="manylinux_2_17_x86_64"),
        *wheel("numpy", "2.0.0", 12, 13, platform="win_amd64"),
        *wheel("numpy", "2.0.0", 13, platform="manylinux_2_34_x86_64"),
        *wheel("numpy", "2.0.0", 13, platform="manylinux_2_17_aarch64"),
    ],
    "graphviz": pure("graphviz", "0.13.2", uploaded="2020-02-05"),
    "pydotplus": source("pydotplus", "2.0.2"),
}


def offers(**pins):
    return offers_of(pins, PINS)


def test_old_pins_find_the_newest_python_that_they_have_wheels_for():
    found = offers(
        matplotlib="3.1.3", numpy="1.18.1", graphviz="0.13.2", pydotplus="2.0.2"
    )
    choice = choose(found)
    assert choice.python == "3.8"
    assert choice.why == (
        "the newest for which the pins have wheels; the newest pin is of 2020-02-05"
    )
    assert choice.is_old
    assert [str(each) for each in choice.offers] == [
        "graphviz==0.13.2: any Python",
        "matplotlib==3.1.3: wheels for 3.8",
        "numpy==1.18.1: wheels for 3.8",
        "pydotplus==2.0.2: source only",
    ]
    assert [each.name for each in found if each.builds(8)] == ["pydotplus"]
    assert newest_pin(found) == "2020-02-05"


def test_without_pins_it_is_a_usual_one():
    assert choose(()).python == "3.12"
    assert choose(offers(graphviz="0.13.2")).python == "3.12"
    assert not choose(()).is_old


def test_wheels_of_other_computers_do_not_count():
    (numpy,) = offers(numpy="2.0.0")
    assert numpy.pythons == {9, 10, 11, 12}
    assert offer("numpy", "2.0.0", PINS["numpy"], "aarch64").pythons == {13}


def test_pins_that_are_newer_than_the_usual_python_get_a_newer_one():
    files = wheel("new", "1", 13, 14)
    assert choose([offer("new", "1", files)]).python == "3.13"


def test_what_the_repository_says_is_kept():
    found = offers(graphviz="0.13.2")
    assert choose(found, ">=3.8,<3.10").python == "3.9"
    assert choose(found, "==3.10.*").python == "3.10"
    assert choose(found, ">=3.11").python == "3.12"
    with pytest.raises(ImageError, match="asks for Python ==3.6.*3.8 to 3.14"):
        choose(found, "==3.6.*")


def test_pins_at_odds_are_named():
    with pytest.raises(ImageError) as caught:
        choose([*offers(matplotlib="3.1.3"), *offers(numpy="2.0.0")])
    assert "numpy==2.0.0: wheels for 3.9 3.10 3.11 3.12" in str(caught.value) or (
        "matplotlib==3.1.3: wheels for 3.8" in str(caught.value)
    )
    assert str(caught.value).endswith("Pin them to other versions")
    with pytest.raises(ImageError, match=r"allows \(==3.9.\*\).*matplotlib==3.1.3"):
        choose(offers(matplotlib="3.1.3"), "==3.9.*")


def test_a_version_that_is_not_there_is_named():
    with pytest.raises(ImageError, match="numpy==9 has no file for Linux"):
        offers(numpy="9")


@pytest.mark.parametrize(
    "file, pythons",
    [
        (File("a-1-cp36-abi3-manylinux2014_x86_64.whl", ""), set(range(8, 15))),
        (File("a-1-cp310-abi3-manylinux2014_x86_64.whl", ""), set(range(10, 15))),
        (File("a-1-cp313-cp313t-manylinux2014_x86_64.whl", ""), set()),
        (File("a-1-pp39-pypy39_pp73-manylinux2014_x86_64.whl", ""), set()),
        (File("a-1-py2.py3-none-any.whl", "", python="<3.10"), {8, 9}),
        (File("a-1-py2-none-any.whl", ""), set()),
        (File("a-1-py3-none-manylinux_2_28_x86_64.whl", ""), set(range(8, 15))),
        (File("a-1-py310-none-any.whl", ""), set(range(10, 15))),
        (File("a-1-cp38-cp38-musllinux_1_1_x86_64.whl", ""), set()),
        (File("a-1.exe", ""), set()),
    ],
)
def test_what_a_wheels_name_says(file, pythons):
    assert offer("a", "1", [file]).pythons == pythons
