"""DescribeInstances: moto's, with AWS's paging and AWS's errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import moto.ec2.utils as utils
from moto.core.responses import ActionResult

from ...errors import AwsError, unknown_instances
from . import rows

if TYPE_CHECKING:
    from ..cloud import Cloud

#: the most instances in one page
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
PAGE = 1000

#: of DescribeInstanceStatus alone
_OF_STATUS = ("instance-status.status", "system-status.status")

_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})$")


def check_ids(ids: list[str]) -> None:
    for each in ids:
        if not _ID.match(each):
            raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{each}"')


def check_filters(names: list[str]) -> None:
    for name in names:
        known = name in utils.filter_dict_attribute_mapping
        if name in _OF_STATUS or not (known or utils.is_tag_filter(name)):
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")


def check_status_filters(names: list[str]) -> None:
    for name in names:
        if name not in ("instance-state-name", "instance-state-code", *_OF_STATUS):
            raise AwsError(
                "UnsupportedOperation", f"The local EC2 lacks the filter '{name}'"
            )


def describe_instance_status(response: Any) -> Any:
    """Replaces moto's, which ignores filters and leaves out whose status it is."""
    every = response._get_bool_param("IncludeAllInstances", False)
    filters = response._filters_from_querystring()
    found = response.ec2_backend.describe_instance_status(
        response._get_param("InstanceIds", []), every, None
    )
    return ActionResult(
        {
            "InstanceStatuses": [
                {
                    "InstanceId": each.id,
                    "AvailabilityZone": each.availability_zone,
                    "InstanceState": {"Code": each.state_code, "Name": each.state},
                    "InstanceStatus": each.instance_status,
                    "SystemStatus": each.system_status,
                }
                for each in found
                if utils.passes_filter_dict(each, filters)
            ]
        }
    )


def describe_instances(response: Any, cloud: Cloud) -> Any:
    """Replaces moto's `InstanceResponse.describe_instances`."""
    response.error_on_dryrun()
    ids = response._get_param("InstanceIds", [])
    size = response._get_param("MaxResults")
    token = response._get_param("NextToken")
    filters = response._filters_from_querystring()
    check_ids(ids)
    check_filters(list(filters))
    if ids and size is not None:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    if size is not None and not 5 <= int(size) <= PAGE:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. "
            f"Expecting a value between 5 and {PAGE}.",
        )
    backend, fault = response.ec2_backend, cloud.scripted.listing
    disrupted = cloud.settings.disrupted_zones
    if disrupted:
        named = [i for i in cloud.all_instances() if i.id in ids]
        rows.check_zones(disrupted, named, bool(ids))
    if ids:
        # moto names one of those that are missing, and any.
        visible = {i.id for each in backend.all_reservations() for i in each.instances}
        if missing := [id for id in dict.fromkeys(ids) if id not in visible]:
            raise unknown_instances(missing)
        found = backend.get_reservations_by_instance_ids(
            list(dict.fromkeys(ids)), filters=filters
        )
        found = rows.rows_by_id(found, fault)
        return ActionResult({"Reservations": found, "NextToken": None})
    found = rows.rows(backend.describe_instances(filters=filters), fault)
    start = _start(found, token) if token else 0
    # Without MaxResults AWS gives everything in one answer.
    end = len(found) if size is None else _end(found, start, int(size))
    following = found[end - 1].id if end < len(found) else None
    return ActionResult({"Reservations": found[start:end], "NextToken": following})


def _start(found: list[Any], token: str) -> int:
    for index, reservation in enumerate(found):
        if reservation.id == token:
            return index + 1
    raise AwsError("InvalidParameterValue", "Unable to parse pagination token")


def _end(found: list[Any], start: int, size: int) -> int:
    """Whole reservations until the page is full; at least one."""
    count, index = 0, start
    while index < len(found):
        count += len(found[index].instances)
        if count > size and index > start:
            break
        index += 1
    return index
