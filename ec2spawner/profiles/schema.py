"""The shape of ``profile_list``, and what is wrong with one that has another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _names(value: Any) -> frozenset[str]:
    # A string would be taken for the groups that its letters name.
    if isinstance(value, (list, tuple, set, frozenset)) and all(
        isinstance(each, str) and each for each in value
    ):
        return frozenset(value)
    raise ValueError(f"must be a list of names, and is {value!r}")


def _pattern(value: Any) -> re.Pattern[str] | None:
    if not value:
        return None
    try:
        return re.compile(value)
    except (re.error, TypeError) as e:
        raise ValueError(f"is no regular expression: {e}") from e


def _ours(value: Any) -> Any:
    raise ValueError(
        "is KubeSpawner's: rename it to ec2spawner_override. Settings that only "
        "Kubernetes knows may stay in it and are ignored"
    )


Names = Annotated[frozenset[str], BeforeValidator(_names)]
Overrides = dict[str, Any]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, strict=True)

    ec2spawner_override: Overrides = Field(default_factory=dict)
    kubespawner_override: Annotated[None, BeforeValidator(_ours)] = None


class ChoiceEntry(_Entry):
    """A value of ``choices``."""

    #: in many published lists; the choice's key counts, as with KubeSpawner
    slug: str = ""
    display_name: Name | None = None
    description: str = ""
    default: bool = False
    allowed_groups: Names = frozenset()
    allowed_users: Names = frozenset()


class UnlistedEntry(_Entry):
    """``unlisted_choice`` of an option."""

    #: of jupyterhub-fancy-profiles
    description: str = ""
    description_in_choices: str = ""
    enabled: bool = False
    display_name: Name | None = None
    display_name_in_choices: Name = "Other..."
    validation_regex: Annotated[re.Pattern[str] | None, BeforeValidator(_pattern)] = (
        None
    )
    validation_message: str = ""


class OptionEntry(BaseModel):
    """A value of ``profile_options``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    display_name: Name | None = None
    description: str = ""
    choices: dict[str, ChoiceEntry] = Field(default_factory=dict)
    unlisted_choice: UnlistedEntry = Field(default_factory=UnlistedEntry)
    #: of jupyterhub-fancy-profiles, which builds container images; not used here
    dynamic_image_building: dict[str, Any] = Field(default_factory=dict)


class ProfileEntry(_Entry):
    """An entry of ``profile_list``."""

    display_name: Name
    slug: str = ""
    description: str = ""
    default: bool = False
    allowed_groups: Names = frozenset()
    allowed_users: Names = frozenset()
    profile_options: dict[str, OptionEntry] = Field(default_factory=dict)


Entry = TypeVar("Entry", bound=BaseModel)


def read_entry(shape: type[Entry], entry: Mapping[str, Any]) -> Entry | list[str]:
    """Check the shape of one entry.

    :returns: the entry, or what is wrong with it: for each fault the place in it, by
        the names of option, choice and key, and a sentence
    """
    try:
        return shape.model_validate(dict(entry))
    except ValidationError as e:
        return list(_faults(e))


def _faults(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False):
        where, kind = list(each["loc"]), each["type"]
        if kind == "missing" or where[-1:] == ["display_name"]:
            yield f"{_place(where[:-1])}{where[-1]} is missing"
        elif kind == "extra_forbidden":
            yield f"{_place(where[:-1])}unknown key {where[-1]}"
        elif kind == "value_error":
            yield f"{_place(where[:-1])}{where[-1]} {each['ctx']['error']}"
        else:
            said = each["msg"].removeprefix("Input should be ")
            yield f"{_place(where[:-1])}{where[-1]} must be {said}"


def _place(where: list[int | str]) -> str:
    """``profile_options``, ``image``, ``choices``, ``new`` -> words for a person."""
    words = {"profile_options": "option", "choices": "choice"}
    parts = []
    rest = iter(where)
    for part in rest:
        if str(part) in words and (name := next(rest, None)) is not None:
            parts.append(f"{words[str(part)]} {name!r}, ")
        else:
            parts.append(f"{part}, ")
    return "".join(parts)
