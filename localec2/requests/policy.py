"""IAM's evaluation of one policy, as far as policies for EC2 need it. Pure.

IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition
operators". What is not here matches nothing, so that it allows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

#: what a condition may ask of a request: key -> value, or values
Context = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """One of the resources that a request is about."""

    action: str
    #: ``*`` for an action that is about no resource in particular
    arn: str
    context: Context = field(default_factory=dict)


def refused(policy: Mapping[str, Any], subjects: Iterable[Subject]) -> Subject | None:
    """The first that the policy does not allow; None when all are allowed."""
    statements = _listed(policy.get("Statement", []))
    return next((s for s in subjects if not _is_allowed(statements, s)), None)


def _is_allowed(statements: Sequence[Mapping[str, Any]], subject: Subject) -> bool:
    found = [s["Effect"] for s in statements if _is_about(s, subject)]
    return "Allow" in found and "Deny" not in found


def _is_about(statement: Mapping[str, Any], subject: Subject) -> bool:
    return (
        _any_like(subject.action, _listed(statement.get("Action", [])))
        and (
            subject.arn == "*"
            and "*" in _listed(statement["Resource"])
            or subject.arn != "*"
            and _any_like(subject.arn, _listed(statement["Resource"]))
        )
        and all(
            _holds(operator, subject.context.get(key), _listed(wanted))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _any_like(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text.lower(), each.lower()) for each in patterns)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(got: str, wanted: Sequence[str]) -> bool:
    return any(fnmatchcase(got, each) for each in wanted)


_OPERATORS: Mapping[str, Callable[[str, Sequence[str]], bool]] = {
    "StringEquals": lambda got, wanted: got in wanted,
    "StringNotEquals": lambda got, wanted: got not in wanted,
    "StringLike": _like,
    "ArnLike": _like,
    "ArnEquals": _like,
    "Bool": lambda got, wanted: got.lower() in [str(each).lower() for each in wanted],
    "NumericLessThanEquals": lambda got, wanted: float(got) <= float(wanted[0]),
    "NumericGreaterThanEquals": lambda got, wanted: float(got) >= float(wanted[0]),
}


def _holds(operator: str, got: Any, wanted: Sequence[str]) -> bool:
    if operator == "Null":
        return (got is None) == (str(wanted[0]).lower() == "true")
    quantifier, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    compare = _OPERATORS.get(name)
    if compare is None:
        return False
    if quantifier == "ForAllValues":
        return all(compare(str(each), wanted) for each in _listed(got or []))
    if got is None:
        # A key that is not there is not equal to anything.
        return rest.endswith("IfExists") or name == "StringNotEquals"
    return compare(str(got), wanted)
