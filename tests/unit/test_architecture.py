"""DESIGN's house rules: imports point down, and I/O stays in its rooms."""

import ast
from pathlib import Path

import pytest

import ec2spawner

HOUSE = Path(ec2spawner.__file__).parent
FILES = {p.relative_to(HOUSE).as_posix(): p for p in HOUSE.rglob("*.py")}
PRODUCT = {name for name in FILES if not name.startswith("local/")}
PURE = {
    "disks.py",
    "errors.py",
    "hibernation.py",
    "identity.py",
    "launch.py",
    "lease.py",
    "profiles.py",
    "progress.py",
    "state.py",
    "ec2/codes.py",
    "ec2/meanings.py",
    "claim/identity.py",
    "claim/orders.py",
    *(name for name in FILES if name.startswith("settings/")),
}


def imports(name):
    """The absolute names of the modules that a file imports, wherever it does."""
    package = ["ec2spawner", *name.split("/")[:-1]]
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def users_of(module, among=PRODUCT):
    return {
        name
        for name in among
        if any(i == module or i.startswith(module + ".") for i in imports(name))
    }


def test_only_the_ec2_folder_calls_boto3():
    callers = users_of("boto3") | users_of("botocore")
    assert callers
    assert {name.split("/")[0] for name in callers} == {"ec2"}


def test_the_product_does_not_know_the_local_ec2():
    assert users_of("localec2") <= {"cli.py"}


@pytest.mark.parametrize("name", sorted(PURE))
def test_a_pure_module_imports_nothing_of_ours_that_does_io(name):
    pure = {"ec2spawner." + p.removesuffix(".py").replace("/", ".") for p in PURE}
    pure |= {"ec2spawner.settings"}
    ours = {i for i in imports(name) if i.startswith("ec2spawner.")}
    assert all(any(i == p or i.startswith(p + ".") for p in pure) for i in ours)


def test_nothing_imports_the_spawner_but_the_package_itself():
    assert users_of("ec2spawner.spawner") == {"__init__.py"}


def test_no_file_of_the_product_needs_itself_by_way_of_others():
    modules = {
        name: "ec2spawner." + name.removesuffix(".py").replace("/", ".")
        for name in PRODUCT - {"__init__.py", "cli.py"}
    }
    needs = {name: set(imports(name)) for name in modules}

    def visit(name, path):
        assert name not in path, " -> ".join([*path, name])
        for other, module in modules.items():
            if module in needs[name]:
                visit(other, [*path, name])

    for name in modules:
        visit(name, [])


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_can_be_read_in_one_sitting(name):
    assert len(FILES[name].read_text().splitlines()) <= 400
