"""How the two packages are laid out, and how their files are read."""

import ast
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: top to bottom. A file imports its own room and rooms of layers below, no others.
#: A room is a folder or a file of the root; one that is not there yet may be named.
LAYERS = {
    "ec2spawner": [
        ["demo", "admin"],
        ["cli"],
        ["__init__"],
        ["spawner", "config"],
        ["hub", "hub_side"],
        ["server"],
        ["fleet", "form"],
        ["ready"],
        ["launch", "homes", "images", "costs"],
        ["claim", "ec2"],
        ["profiles"],
        ["settings"],
        ["core"],
    ],
    "localec2": [
        ["__main__"],
        ["__init__"],
        ["serve", "process"],
        ["api", "client"],
        ["world"],
        ["machines"],
        ["metadata"],
        ["net", "requests", "roots"],
        ["processes", "settings", "resources", "errors", "rules"],
    ],
}


@dataclass(frozen=True)
class File:
    package: str
    #: below the package's folder
    name: str
    path: Path

    @property
    def room(self) -> str:
        return self.name.split("/")[0].removesuffix(".py")

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def module(self) -> str:
        dotted = f"{self.package}/{self.name}".removesuffix(".py").replace("/", ".")
        return dotted.removesuffix(".__init__")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text())

    def imports(self) -> set[str]:
        """What it imports, wherever it does: modules, and names in them, dotted."""
        found: set[str] = set()
        parts = f"{self.package}/{self.name}".split("/")[:-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = parts[: len(parts) + 1 - node.level] if node.level else []
                module = ".".join([*base, *([node.module] if node.module else [])])
                found.update(f"{module}.{alias.name}" for alias in node.names)
        return found

    def imports_top(self) -> set[str]:
        return {dotted.split(".")[0] for dotted in self.imports()}

    def __str__(self) -> str:
        return f"{self.package}/{self.name}"


def files(package: str) -> list[File]:
    house = ROOT / package
    paths = sorted(house.rglob("*.py"))
    return [File(package, p.relative_to(house).as_posix(), p) for p in paths]


@cache
def needs(package: str) -> dict[File, set[File]]:
    """Which files of a package each of them imports."""
    everything = files(package)
    by_module = {file.module: file for file in everything}

    def owner(dotted: str) -> File | None:
        # A name in a module, or a module: whichever there is.
        return by_module.get(dotted) or by_module.get(dotted.rpartition(".")[0])

    return {
        file: {o for each in file.imports() if (o := owner(each)) and o != file}
        for file in everything
    }
